"""Logs: colours, lines that one can point at, search, parts, and following."""

import re
import time


def test_colours_and_nothing_but_colours(look, scene):
    seen = look()
    seen.open(scene.failed_log)
    log = seen.page.locator("#log")
    assert log.locator("script").count() == 0
    assert "<script>alert(1)</script>" in log.inner_text()
    passed = log.get_by_text("27 passed")
    assert "f2" in passed.get_attribute("class").split()
    assert passed.evaluate("element => getComputedStyle(element).color") == "rgb(63, 185, 80)"
    assert "downloading 100%" in log.inner_text()
    assert "downloading  10%" not in log.inner_text()
    assert "\x1b" not in seen.page.content()


def test_a_line_has_an_address(look, scene):
    seen = look()
    seen.open(scene.failed_log)
    seen.page.locator("#L5 > a").click()
    assert seen.page.url.endswith("?line=5#L5")
    seen.page.locator("#L8 > a").click(modifiers=["Shift"])
    assert seen.page.url.endswith("?line=5-8#L5-L8")
    chosen = seen.page.locator(".l.chosen")
    assert [each.get_attribute("id") for each in chosen.all()] == ["L5", "L6", "L7", "L8"]
    address = seen.page.url
    plain = look(javascript=False)
    plain.page.goto(address)
    assert plain.page.locator(".l.chosen").count() == 4


def test_an_anchor_of_another_part_finds_it(look, scene):
    seen = look()
    seen.open(scene.long_log + "#L37")
    seen.page.wait_for_url("**line=37**")
    assert seen.page.locator("#L37").is_visible()
    assert "chosen" in seen.page.locator("#L37").get_attribute("class")


def test_a_long_log_comes_in_parts(look, scene):
    seen = look(javascript=False)
    seen.open(scene.long_log)
    lines = seen.page.locator("#log .l")
    assert lines.count() == 1000
    assert seen.page.locator("#L2600").count() == 1
    seen.page.get_by_role("link", name="First lines").click()
    assert lines.first.get_attribute("id") == "L1"
    seen.page.get_by_role("link", name="Later").click()
    assert lines.first.get_attribute("id") == "L1001"
    assert lines.first.inner_text().split("\n")[-1].startswith("line 1001:")


def test_search_with_and_without_javascript(look, scene):
    for javascript in (True, False):
        seen = look(javascript=javascript)
        seen.open(scene.long_log)
        seen.page.get_by_role("searchbox").fill("OBJECT 7919 ")
        seen.page.get_by_role("button", name="Search").click()
        seen.page.wait_for_url("**q=**")
        assert "1 line with" in seen.page.locator("main").inner_text()
        seen.page.locator(".log .l > a").first.click()
        seen.page.wait_for_url("**line=1**")
        assert seen.page.locator("#L1").count() == 1


def test_what_is_shown_is_searched_while_one_types(look, scene):
    seen = look()
    seen.open(scene.failed_log)
    box = seen.page.get_by_role("searchbox")
    box.press_sequentially("retries")
    expected = seen.page.locator("#log .l", has_text=re.compile("retries", re.I)).count()
    assert seen.page.locator("#log .hit").count() == expected > 2


def test_the_raw_log_is_the_file(look, scene):
    seen = look()
    seen.open(scene.failed_log)
    raw = seen.page.get_by_role("link", name="Raw").get_attribute("href")
    answer = seen.context.request.get(seen.address + raw)
    path = scene.state / scene.failed_log.lstrip("/")
    assert answer.body() == path.read_bytes()
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


def test_a_log_is_followed(look, scene):
    seen = look()
    seen.open(scene.running_log)
    seen.page.wait_for_selector("#live:not([hidden])")
    before = seen.page.locator("#log .l").count()
    with open(scene.running_log_file, "a", encoding="utf-8") as log:
        log.write("deploying \x1b[36mAgent\x1b[0m & <others>\nhalf a ")
        log.flush()
        new = seen.page.locator(f"#L{before + 1}")
        new.wait_for(timeout=5000)
        assert "deploying Agent & <others>" in new.inner_text()
        assert new.locator(".f6").inner_text() == "Agent"
        assert seen.page.locator(f"#L{before + 2}").count() == 0
        log.write("line\n")
        log.flush()
        seen.page.locator(f"#L{before + 2}").wait_for(timeout=5000)
        assert "half a line" in seen.page.locator(f"#L{before + 2}").inner_text()
    assert seen.page.get_by_role("button", name="Following").is_visible()


def test_a_run_page_changes_by_itself(look, scene):
    seen = look()
    seen.open(f"/runs/{scene.running}")
    seen.page.wait_for_selector("#live:not([hidden])")
    time.sleep(0.5)
    scene.database.execute(
        "UPDATE steps SET tries = 3 WHERE run_id = ? AND state = 'running'", (scene.running,))
    scene.database.commit()
    try:
        seen.page.get_by_text("3 tries").wait_for(timeout=8000)
    finally:
        scene.database.execute(
            "UPDATE steps SET tries = 1 WHERE run_id = ? AND state = 'running'", (scene.running,))
        scene.database.commit()
