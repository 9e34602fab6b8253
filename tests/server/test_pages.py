"""The pages: what they show, and that what pushers write stays text."""

import html.parser
import re

import pytest

from program import wait_until

NASTY = '<script>alert(1)</script> {{name}} {{{content}}} &amp; "quoted"'


class Page(html.parser.HTMLParser):
    """Text, links and elements of a page; complains where an element is not closed."""

    EMPTY = {"meta", "link", "br", "input"}
    # Files that are not for people to read.
    SILENT = {"title", "style", "script"}

    def __init__(self, answer):
        super().__init__()
        self.links, self.elements, self.words, self.open = [], [], [], []
        self.feed(answer.text)
        assert self.open == [], f"not closed: {self.open}"

    def handle_starttag(self, tag, attributes):
        self.elements.append(tag)
        if tag not in self.EMPTY:
            self.open.append(tag)
        if tag == "a":
            self.links.append(dict(attributes)["href"])

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in self.SILENT:
            self.words.append(data)

    @property
    def text(self):
        return re.sub(r"\s+", " ", " ".join(self.words))


def page(server, path, status=200):
    answer = server.get(path)
    assert answer.status == status, answer.text
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    return Page(answer)


def test_before_anything_has_come(server):
    server.start()
    overview = page(server, "/")
    assert "No run yet. A push to one of the branches above starts one." in overview.text
    assert "app acme/app main no runs yet" in overview.text
    assert "Nothing waits." in page(server, "/queue").text
    assert "Nothing in this period." in page(server, "/pipelines/app").text
    assert "Nothing has come yet." in page(server, "/deliveries").text


def test_every_link_leads_somewhere(server):
    server.start()
    server.push(server.application.commit("The first change"))
    server.await_ended()
    seen, todo = set(), ["/"]
    while todo:
        path = todo.pop()
        if path in seen:
            continue
        seen.add(path)
        if "/artifacts/" in path:
            # Bytes, which are nobody's text.
            assert server.request("HEAD", path).status == 200, path
            continue
        answer = server.get(path)
        assert answer.status == 200, path
        if answer.headers["Content-Type"].startswith("text/html"):
            todo += [link.split("#")[0] or path for link in Page(answer).links
                     if link.startswith(("/", "#"))]
    assert {"/runs/1", "/pipelines/app", "/queue", "/deliveries"} <= seen
    assert any(path.startswith("/runs/1/artifacts/") for path in seen), seen
    assert any(re.fullmatch(r"/runs/1/logs/build\.1/.*\.log", path) for path in seen), seen


def test_a_run_is_shown_whole(server):
    server.application.configure(build=["echo built it"])
    server.start()
    commit = server.application.commit("The first change\n\nAnd why.")
    server.push(commit)
    server.await_ended()
    shown = page(server, "/runs/1").text
    assert "The first change succeeded Run 1" in shown and "And why." in shown
    for stage in ("validate", "build", "pipeline", "deploy-dev"):
        assert f"{stage} succeeded" in shown
    assert commit in shown and "echo built it" in shown and "http://api" in shown
    assert "Trigger push" in shown and "The first run of its pipeline." in shown
    logs = [link for link in page(server, "/runs/1").links if "/logs/build.1/" in link]
    raw = [link.replace("/logs/", "/raw/") for link in logs]
    assert any("\nbuilt it" in "\n" + server.get(link).text for link in raw), logs
    assert any("built it" in page(server, link).text for link in logs), logs


def test_a_failed_run_says_why(server):
    server.application.configure(build=["exit 3"])
    server.start()
    server.push()
    server.await_ended()
    shown = page(server, "/runs/1").text
    assert "failed Run 1" in shown
    assert "hint:" in shown and "exit 3" in shown


def test_what_failed_before_it_had_a_run_is_seen_until_the_next_push(server):
    server.start()
    server.push("0123456789" * 4)
    server.await_ended()
    shown = page(server, "/").text
    assert "no runs yet" in shown
    assert "012345678901 failed before it had a run" in shown and "cannot check out" in shown
    server.push(server.application.commit())
    server.await_ended(2)
    assert "before it had a run" not in page(server, "/").text


def test_what_waits_says_what_for(server):
    gate = server.application.note("gate")
    server.application.configure(build=[f"until [ -e {gate} ]; do sleep 0.05; done"])
    server.start()
    first = server.application.commit("one")
    server.push(first)
    wait_until(lambda: server.queue[0]["state"] == "running", "the first runs")
    server.push(server.application.commit("two"))
    try:
        assert f"{first[:12]} of this pipeline runs" in page(server, "/").text
    finally:
        gate.touch()
    server.await_ended(2)


def test_what_a_pusher_writes_stays_text(server):
    server.start()
    commit = server.application.commit(NASTY)
    payload = {"ref": "refs/heads/main", "after": commit, "deleted": False,
               "repository": {"full_name": "acme/app", "clone_url": "https://x"},
               "head_commit": {"message": NASTY, "author": {"name": NASTY, "email": "a@b"}}}
    assert server.deliver(payload).status == 202
    server.deliver(payload | {"ref": f"refs/heads/{NASTY}"})
    server.await_ended()
    for path in ("/", "/deliveries", "/queue", "/pipelines/app", "/runs/1"):
        shown = page(server, path)
        # Our own, which is a file.
        assert shown.elements.count("script") == 1, path
    assert NASTY in page(server, "/runs/1").text


@pytest.mark.parametrize("path", [
    "/runs/2", "/runs/x", "/runs/", "/runs/1x", "/runs/1/", "/runs/1/owner.lock",
    "/runs/1/logs/../../aphex.db", "/runs/1/../2", "/runs/99999999999999999999", "/runs/-1",
    "/runs/%31"])
def test_what_is_not_there(server, path):
    server.start()
    server.push()
    server.await_ended()
    assert "Not found" in page(server, path, 404).text
