"""That nothing which the server answers to browsers is left unseen by the tests before this one."""

import pytest
import routes
from conftest import SEEN, VISITORS

STREAMS = "/events"


def test_the_tables_are_read():
    pages = routes.of_pages()
    assert ("GET", "/runs/{}") in pages and ("POST", "/runs/{}/approvals/{}") in pages
    assert not any(path.startswith("/api") for _, path in pages)
    assert routes.pattern_of("/runs/{}/logs/*").fullmatch("/runs/7/logs/build.1/03-npm-test.log")
    assert not routes.pattern_of("/runs/{}").fullmatch("/runs/7/artifacts")


def test_a_route_is_seen_by_a_good_answer_alone():
    seen = routes.Seen()
    seen.add("phone", "POST", "/runs/7/cancel", 409)
    assert "POST /runs/{}/cancel: phone" in seen.missing(["phone"])
    seen.add("phone", "POST", "/runs/7/cancel", 303)
    assert "POST /runs/{}/cancel: phone" not in seen.missing(["phone"])
    assert "POST /runs/{}/cancel: desktop" in seen.missing(["phone", "desktop"])


@pytest.mark.last
def test_every_page_is_seen_and_every_action_done_by_every_visitor():
    missing = [each for each in SEEN.missing(VISITORS)
               # Without JavaScript nothing asks for a stream.
               if not (each.startswith(f"GET {STREAMS}") and "without" in each)]
    assert not missing, "no test has seen or done:\n" + "\n".join(missing)
