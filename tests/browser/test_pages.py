"""Every page on a desktop and on a phone, dark and light, with and without JavaScript."""

import json

import pytest
from conftest import VISITORS, WIDTHS
from pages import PAGES
from playwright.sync_api import expect


def open_page(seen, scene, page):
    if page.status >= 400:
        seen.expected.append(str(page.status))
    assert seen.open(page.address(scene)).status == page.status


# Colours do not depend on the width, nor the layout on the colours: two of the four will do.
@pytest.mark.parametrize("width, scheme", [("desktop", "light"), ("phone", "dark")])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_and_the_page_fits(look, scene, name, width, scheme):
    seen = look(PAGES[name].guest, width=WIDTHS[width], scheme=scheme)
    open_page(seen, scene, PAGES[name])
    violations = seen.axe()
    assert not violations, "\n".join(violations)
    assert seen.overflow() <= 0, f"{seen.overflow()} pixels too wide"


@pytest.mark.parametrize("path, table, label", [
    (lambda scene: f"/runs/{scene.changed}", "Table of outputs", "Value"),
    (lambda scene: "/queue", "Entries of the queue", "Trigger")])
def test_on_a_phone_every_cell_is_in_sight_and_still_one_of_a_table(look, scene, path, table,
                                                                    label):
    seen = look(width=WIDTHS["phone"])
    seen.open(path(scene))
    box = seen.page.get_by_role("region", name=table)
    assert box.evaluate("each => each.scrollWidth - each.clientWidth") <= 0
    # What is said to those who hear the page is what others see.
    assert box.get_by_role("columnheader", name=label, exact=True).count() == 1
    assert box.get_by_role("cell").count() >= 4
    cell = box.locator(f'td[data-label="{label}"]:not(:empty)').first
    assert cell.evaluate("each => getComputedStyle(each, '::before').content") == f'"{label}"'
    # A row is no taller than its cells in lines of their own.
    tallest = box.locator("tbody tr").evaluate_all(
        "rows => Math.max(...rows.map(row => row.getBoundingClientRect().height))")
    assert tallest < 420, tallest
    right = cell.evaluate("each => each.getBoundingClientRect().right")
    assert right <= WIDTHS["phone"]


def confirm(page, name):
    """Opens what asks once more; gives its button."""
    page.get_by_text(name).first.click()
    return page.locator("details.confirm[open] button")


def form_and_tables(page):
    for summary in page.locator("figure summary").all():
        summary.click()
    confirm(page, "Run a commit…")
    return page.locator("details.confirm button, figure table")


def shortcuts(page):
    page.keyboard.press("?")
    return page.get_by_role("dialog", name="Keyboard shortcuts")


# A cell of a table that has no mark in its chart.
NOTHING = ("0", "–")
# What is not seen before somebody opens it: where, and how.
OPENED = {
    "shortcuts": (lambda scene: "/", shortcuts),
    "cancel-run": (lambda scene: f"/runs/{scene.running}",
                   lambda page: confirm(page, "Cancel…")),
    "retry-run": (lambda scene: f"/runs/{scene.failed}", lambda page: confirm(page, "Retry…")),
    "cancel-entry": (lambda scene: "/queue", lambda page: confirm(page, "Cancel…")),
    "pipeline": (lambda scene: "/pipelines/archon-agent?days=7", form_and_tables),
}


@pytest.mark.parametrize("name", OPENED)
def test_axe_finds_nothing_in_what_is_opened_and_it_fits(look, scene, name):
    address, opening = OPENED[name]
    seen = look(width=WIDTHS["phone"])
    seen.open(address(scene))
    opened = opening(seen.page)
    assert opened.count() > 0 and all(each.is_visible() for each in opened.all())
    violations = seen.axe()
    assert not violations, "\n".join(violations)
    assert seen.overflow() <= 0, f"{seen.overflow()} pixels too wide"


@pytest.mark.parametrize("name", PAGES)
def test_without_javascript_every_page_says_the_same(look, scene, name):
    page = PAGES[name]
    full = look(page.guest)
    open_page(full, scene, page)
    for width in WIDTHS.values():
        plain = look(page.guest, width=width, javascript=False)
        open_page(plain, scene, page)
        assert plain.overflow() <= 0, f"{plain.overflow()} pixels too wide"
        for selector in ("h1", "h2", ".title", ".badge", "table td code", ".step .title"):
            texts = [each.page.locator(f"main {selector}").all_inner_texts()
                     for each in (plain, full)]
            assert texts[0] == texts[1], selector


def test_a_forced_theme_stays_and_is_written_by_the_server(look):
    seen = look(scheme="light")
    seen.open("/")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = seen.page.evaluate(ground)
    seen.page.get_by_role("button", name="Theme: as the system").click()
    dark = seen.page.evaluate(ground)
    assert dark != light
    seen.open("/queue")
    assert seen.page.evaluate(ground) == dark
    assert seen.page.locator("html").get_attribute("data-theme") == "dark"
    plain = seen.context.request.get(seen.address + "/queue").text()
    assert '<html lang="en" data-theme="dark">' in plain


def test_nothing_moves_for_those_who_do_not_want_it(look, scene):
    moving = "document.getAnimations().length"
    still, usual = look(motion="reduce"), look()
    for each in (still, usual):
        each.open(f"/runs/{scene.running}")
    assert usual.page.evaluate(moving) > 0
    assert still.page.evaluate(moving) == 0


def test_the_skip_link_is_the_first_thing_that_is_focused(look):
    seen = look()
    seen.open("/")
    seen.page.keyboard.press("Tab")
    link = seen.page.get_by_role("link", name="Skip to the content")
    assert link.evaluate("element => element === document.activeElement")
    assert link.bounding_box()["y"] >= 0
    seen.page.keyboard.press("Enter")
    assert seen.page.evaluate("document.activeElement.id") == "main"


@pytest.mark.parametrize("javascript", [True, False])
def test_runs_are_filtered_and_leafed_through(look, javascript):
    seen = look(javascript=javascript)
    seen.open("/")
    first = seen.page.locator("#runs .title").first.get_attribute("href")
    seen.page.get_by_role("link", name="Older", exact=True).click()
    assert seen.page.locator("#runs .title").first.get_attribute("href") != first
    seen.page.get_by_role("link", name="Newer", exact=True).click()
    assert seen.page.locator("#runs .title").first.get_attribute("href") == first
    seen.page.locator("select[name=state]").select_option("failed")
    seen.page.locator("select[name=pipeline]").select_option("identity")
    seen.page.get_by_role("button", name="Filter").click()
    rows = seen.page.locator("#runs .run")
    assert rows.count() > 0
    assert rows.locator("> .state.failed").count() == rows.count()
    assert set(rows.locator(".about a").all_inner_texts()) == {"identity"}
    seen.page.get_by_role("link", name="Clear").click()
    expect(seen.page.locator("#runs .run")).to_have_count(30)


def test_charts_have_their_numbers_as_tables(look):
    seen = look()
    seen.open("/pipelines/archon-agent?days=90")
    figures = seen.page.locator("figure")
    names = [name.split("\n")[0] for name in figures.locator("figcaption").all_inner_texts()]
    assert names == ["Runs a day", "Deployments a day to prod", "Lead time for changes",
                     "Time to restore", "Duration by stage"]
    for figure in figures.all():
        assert figure.locator("svg[role=img]").get_attribute("aria-label")
        figure.locator("summary").click()
        heads, *rows = [row.locator("th, td").all_inner_texts()
                        for row in figure.locator("tr").all()]
        told = [f"{day}: {name} {cell}" for day, *cells in rows
                for name, cell in zip(heads[1:], cells) if cell not in NOTHING]
        marks = figure.locator("svg title").all_text_contents()
        assert sorted(told) == sorted(mark for mark in marks if mark.split()[-1] not in NOTHING)
        assert told


def test_what_is_new_in_the_plan(look, scene):
    seen = look()
    seen.open(f"/runs/{scene.changed}")
    changes = seen.page.locator(".changes li").all_inner_texts()
    flat = [" ".join(each.split()) for each in changes]
    assert any("stage build step" in each and "npm run lint" in each for each in flat), flat
    assert any("stack Audit of prod" in each for each in flat), flat


def test_an_approval_shows_what_would_change(look, scene):
    seen = look()
    seen.open("/")
    seen.page.get_by_role("link", name="billing-api to prod").click()
    section = seen.page.locator("#approval-prod")
    assert "grants more than before" in section.inner_text()
    assert "aits for 1 of local, barbara until" in section.inner_text()
    assert "grace approved it" in section.inner_text()
    broad = section.locator(".broadens").inner_text()
    assert "bedrock:*" in broad and "any resource" in broad
    assert "1024" in section.locator("ins").all_inner_texts()
    assert section.get_by_role("button", name="Approve").is_visible()
    assert section.get_by_role("button", name="Reject").is_visible()


@pytest.mark.parametrize("visitor", VISITORS)
def test_who_may_only_look_is_offered_nothing_else(look, guarded, visitor):
    width, javascript = VISITORS[visitor]
    seen = look("nobody", width=width, javascript=javascript)
    seen.expected += ["401", "403"]
    seen.open("/account")
    assert seen.page.get_by_role("heading", name="Log in").is_visible()
    seen.log_in("aphex_" + "0" * 64)
    alert = seen.page.get_by_role("alert")
    assert alert.inner_text() == "this token is unknown, has expired or was revoked"
    assert not (javascript and seen.axe())
    seen.log_in(guarded.tokens["viewer"])
    assert seen.page.url == guarded.address + "/account"
    assert "viewer" in seen.page.locator("main").inner_text()
    assert seen.page.get_by_role("link", name="Audit").count() == 0
    seen.open("/pipelines/identity")
    assert seen.page.locator("main form[method=post]").count() == 0
    assert seen.open("/audit").status == 403
    assert "the token viewer has the role read; this needs admin" in (
        seen.page.locator("main").inner_text())
    seen.open("/")
    seen.press("Log out")
    assert seen.page.url == guarded.address + "/login"
    seen.open("/queue")
    assert seen.page.url == guarded.address + "/login?next=%2Fqueue"


@pytest.mark.parametrize("visitor", VISITORS)
def test_files_are_shown_and_saved(look, scene, visitor):
    width, javascript = VISITORS[visitor]
    seen = look(width=width, javascript=javascript)
    commit, = scene.database.execute("SELECT commit_sha FROM runs WHERE id = ?",
                                     (scene.changed,)).fetchone()
    seen.open(f"/runs/{scene.changed}")
    for name in ("build-output.tar.gz", "cdk.out/dev.tar.gz"):
        saved = seen.download(seen.page.get_by_role("link", name=name, exact=True))
        assert saved == (scene.state / "artifacts" / commit / name).read_bytes()
    seen.page.get_by_role("link", name="JSON").click()
    assert json.loads(seen.page.locator("body").inner_text())["pipeline"]["name"] == "archon-agent"
    seen.open(scene.failed_log)
    log = scene.state / scene.failed_log.lstrip("/")
    assert seen.download(seen.page.get_by_role("link", name="Download")) == log.read_bytes()
    seen.page.get_by_role("link", name="Raw").click()
    assert "27 passed" in seen.page.locator("body").inner_text()
    for picture in ("/favicon.svg", "/favicon.ico"):
        assert seen.open(picture).status == 200
