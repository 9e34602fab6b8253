"""The keys that docs/dashboard.md promises, and when they are none."""

from playwright.sync_api import expect


def press(seen, *keys):
    for key in keys:
        seen.page.keyboard.press(key)


def focused(seen):
    return seen.page.evaluate("document.activeElement.getAttribute('href')")


def theme(seen):
    return seen.page.locator("html").get_attribute("data-theme")


def walked(seen, links, opened):
    """Through these links in both directions, and into the second."""
    first, second, *_, last = [each.get_attribute("href") for each in links.all()]
    press(seen, "k")
    assert focused(seen) == last
    seen.page.reload()
    places = []
    for key in "jjkkj":
        press(seen, key)
        places.append(focused(seen))
    # Above the first there is nothing.
    assert places == [first, second, first, first, second]
    press(seen, "Enter")
    seen.page.wait_for_url(seen.address + opened(second))


def test_runs_are_walked_through_and_opened(look):
    seen = look()
    seen.open("/")
    walked(seen, seen.page.locator("#runs .title"), opened=lambda address: address)


def test_steps_are_walked_through_and_opened(look, scene):
    seen = look()
    seen.open(f"/runs/{scene.failed}")
    walked(seen, seen.page.locator("#run-stages .title[href]"), opened=lambda address: address)
    assert f"/runs/{scene.failed}/logs/" in seen.page.url


def test_steps_that_are_folded_away_are_passed_by(look, scene):
    """Those of an earlier attempt, as long as nobody has opened it."""
    scene.database.execute(
        "INSERT INTO stages SELECT run_id, id, 2, position, kind, state, started_at, ended_at,"
        " error FROM stages WHERE run_id = ? AND id = 'validate'", (scene.failed,))
    scene.database.commit()
    try:
        seen = look()
        seen.open(f"/runs/{scene.failed}")
        links = seen.page.locator("#run-stages .title[href]").all()
        assert not links[0].is_visible()
        shown = [each.get_attribute("href") for each in links if each.is_visible()]
        press(seen, "j")
        assert focused(seen) == shown[0]
        seen.page.get_by_text("Attempt 1").click()
        press(seen, "j")
        assert focused(seen) == links[0].get_attribute("href")
    finally:
        scene.database.execute(
            "DELETE FROM stages WHERE run_id = ? AND attempt = 2", (scene.failed,))
        scene.database.commit()


# Every hundredth line of the long log has it: 26, of which the last thousand lines have 10.
EVERY_HUNDREDTH = "00: object"


def test_lines_found_in_the_whole_log_are_walked_through_and_opened(look, scene):
    seen = look()
    seen.open(f"{scene.long_log}?q={EVERY_HUNDREDTH.replace(' ', '+')}")
    links = seen.page.locator(".log .l > a")
    assert links.count() == 26
    walked(seen, links, opened=lambda address: scene.long_log + address)
    assert "chosen" in seen.page.locator("#L200").get_attribute("class")


def find_shown(seen, scene):
    """Types what is searched into the box, and leaves it."""
    seen.open(scene.long_log)
    press(seen, "/")
    seen.page.keyboard.type(EVERY_HUNDREDTH)
    assert seen.page.locator("#log .hit").count() == 10
    press(seen, "Tab")


def shown_at(seen, number):
    assert seen.page.locator("#log-hits").inner_text() == f"{number} of 10 lines shown here"
    expect(seen.page.locator("#log .hit").nth(number - 1)).to_be_in_viewport()


def test_lines_found_in_what_is_shown_are_walked_through(look, scene):
    seen = look()
    find_shown(seen, scene)
    for key, number in (("j", 1), ("j", 2), ("j", 3), ("k", 2), ("k", 1)):
        press(seen, key)
        shown_at(seen, number)


def test_backwards_the_last_line_found_is_the_first(look, scene):
    seen = look()
    find_shown(seen, scene)
    press(seen, "k")
    shown_at(seen, 10)


def test_places_and_the_list_of_keys(look):
    seen = look()
    seen.open("/queue")
    for keys, address in (("gd", "/deliveries"), ("go", "/"), ("gq", "/queue")):
        press(seen, *keys)
        seen.page.wait_for_url(seen.address + address)
    listed = seen.page.get_by_role("dialog", name="Keyboard shortcuts")
    press(seen, "?")
    assert listed.is_visible()
    # Whoever reads the list does not want to be elsewhere.
    press(seen, "t", "g", "d")
    assert (theme(seen), seen.page.url) == (None, seen.address + "/queue")
    press(seen, "Escape")
    assert not listed.is_visible()


def test_what_is_typed_into_a_box_is_text(look):
    seen = look()
    seen.open("/")
    press(seen, "/")
    seen.page.keyboard.type("gdtjk?f/")
    box = seen.page.locator("[data-search]")
    assert (box.input_value(), theme(seen)) == ("gdtjk?f/", None)
    assert box.evaluate("element => element === document.activeElement")
    assert not seen.page.get_by_role("dialog", name="Keyboard shortcuts").is_visible()
    box.fill("throttled")
    press(seen, "Enter")
    seen.page.wait_for_url("**q=throttled**")


def test_t_goes_round_the_themes_and_is_remembered(look):
    seen = look()
    seen.open("/")
    themes = []
    for _ in range(4):
        press(seen, "t")
        themes.append(theme(seen))
    assert themes == ["dark", "light", None, "dark"]
    seen.open("/queue")
    assert theme(seen) == "dark"


def test_f_stops_following_a_log_and_follows_it_again(look, scene):
    seen = look()
    seen.open(scene.running_log)
    seen.page.wait_for_selector("#live:not([hidden])")
    before = seen.page.locator("#log .l").count()
    button = seen.page.locator("#follow")
    assert button.get_attribute("aria-pressed") == "true"
    press(seen, "f")
    assert (button.get_attribute("aria-pressed"), button.inner_text()) == ("false", "Follow")
    place = seen.page.evaluate("scrollY")
    with open(scene.running_log_file, "a", encoding="utf-8") as log:
        log.write("".join(f"asset {number} is there\n" for number in range(100)))
    last = seen.page.locator(f"#L{before + 100}")
    last.wait_for(timeout=5000)
    assert seen.page.evaluate("scrollY") == place
    press(seen, "f")
    assert (button.get_attribute("aria-pressed"), button.inner_text()) == ("true", "Following")
    expect(last).to_be_in_viewport()
