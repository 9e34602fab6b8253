"""Pages that somebody has left open show a push when it comes, and what becomes of its run."""

from program import wait_until
from test_actions import gated

PAGES = ("/", "/queue", "/deliveries", "/pipelines/app")


def test_a_push_is_seen_on_every_page_without_asking_anew(come, server):
    gate = gated(server)
    server.start()
    looks = {path: come("desktop") for path in PAGES}
    for path, look in looks.items():
        look.page.goto(look.address + path)
        look.page.wait_for_selector("#live:not([hidden])")
        look.page.evaluate("window.opened = true")
    commit = server.application.commit("Seen by who waits")
    server.push(commit)
    for path, look in looks.items():
        look.page.wait_for_selector(f"main :text('{commit[:12]}')", timeout=60_000)
    look = looks["/queue"]
    look.page.wait_for_selector("main td :text('running')", timeout=60_000)
    gate.touch()
    server.await_ended()
    look.page.wait_for_selector("main td :text('succeeded')", timeout=60_000)
    looks["/pipelines/app"].page.wait_for_selector("#runs .state.succeeded", timeout=60_000)
    wait_until(lambda: all(each.page.evaluate("window.opened") for each in looks.values()),
               "none was loaded anew")
