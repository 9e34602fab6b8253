"""Secrets that a server is given, and those of the runs that it starts, are in nothing that it
shows, tells, keeps or saves: pages, logs, API, audit, notifications, approvals, backup."""

import html
import json
import re
import socket

import pytest
from callers import Browser, bearer, token
from careless import COMMAND, GITHUB_TOKEN, SMTP_PASSWORD
from collectors import Collector, GitHub, Mailbox
from leaks import Arguments
from planted import PLANTED
from program import processes_with, wait_until

from application import environment

EVENTS = ["start", "success", "failure", "recovery", "approval"]
# Of what a path of the OpenAPI document leaves open.
OPEN = {"pipeline": ["app"], "run": ["1", "2"], "entry": ["1", "2"], "environment": ["prod"],
        "token": ["root", "grace"]}


@pytest.fixture
def telling(server, opened, tell, tmp_path):
    """A server that tells three channels of everything, with a secret for each."""
    tell.all = [opened(GitHub(token=GITHUB_TOKEN)), opened(Collector()),
                opened(Mailbox(tls="starttls", directory=tmp_path, password=SMTP_PASSWORD))]
    github, chat, mailbox = tell.all
    tell.github(github)
    tell.slack(chat, on=EVENTS)
    password = server.file("password", SMTP_PASSWORD + "\n", "SMTP password")
    tell.channels.append({
        "channel": "email", "host": "localhost", "port": mailbox.port, "security": "starttls",
        "user": "aphex", "passwordFile": password, "caFile": str(mailbox.certificate),
        "from": "aphex@example.com", "to": ["team@example.com"], "on": EVENTS})
    return tell


def told(tell):
    github, chat, mailbox = tell.all
    return [each.body for each in (*github.requests, *chat.requests)] + [
        each.content for each in mailbox.envelopes]


def api_paths(server):
    document = server.get("/api/v1/openapi.json").json
    for path, operations in document["paths"].items():
        if "get" in operations and "{log}" not in path:
            names = re.findall(r"\{(\w+)\}", path)
            for value in OPEN[names[0]] if names else [""]:
                made = path.replace(f"{{{names[0]}}}", value) if names else path
                yield re.sub(r"\{(\w+)\}", lambda found: OPEN[found[1]][0], made)


def everything_shown(server, browser):
    """What a browser finds that follows every link, and a program by the API's own document."""
    shown, todo = {}, ["/", "/audit", "/notifications", "/approvals", "/metrics", "/healthz",
                       "/readyz", *api_paths(server)]
    while todo:
        path = todo.pop()
        if path in shown or "/artifacts/" in path or path.startswith("/events"):
            continue
        answer = browser.get(path)
        shown[path] = answer.text.encode() + str(answer.headers).encode()
        if answer.headers.get("Content-Type", "").startswith("text/html"):
            todo += [html.unescape(each).partition("#")[0]
                     for each in re.findall(r'href="(/[^"/][^"]*)"', answer.text)]
    return shown


def streamed(server, path, headers):
    """What an open page is told of a log in its first moment."""
    with socket.create_connection(("127.0.0.1", server.port), 10) as connection:
        lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{server.port}",
                 *(f"{name}: {value}" for name, value in headers.items())]
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        connection.settimeout(1)
        received = b""
        try:
            while more := connection.recv(65536):
                received += more
        except TimeoutError:
            pass
        return received


def approve(server, browser, run):
    pending = wait_until(lambda: [each for each in server.get("/api/v1/approvals").json[
        "approvals"] if each["run"] == run], "the run asks")
    assert pending[0]["environment"] == "prod"
    asking = browser.get(f"/runs/{run}").text.encode()
    answer = browser.post(f"/runs/{run}/approvals/prod", {"decision": "approve", "comment": "ok"})
    assert answer.status == 303, answer.text
    return asking


def test_approvals_notifications_and_a_backup_hold_no_secret(server, application, search, telling,
                                                             tmp_path):
    application.configure(environment("prod", tests=[COMMAND], approval={"approvers": ["grace"]}),
                          build=[COMMAND])
    application.script("deploy-Api", COMMAND)
    with Arguments(search) as arguments:
        telling.start()
        root = bearer(token(server, "root", "admin"))
        server.get = lambda path: server.request("GET", path, headers=root)
        browser, admin = Browser(server), Browser(server)
        browser.log_in(token(server, "grace", "approve"))
        admin.log_in(root["Authorization"].removeprefix("Bearer "))
        assert server.push().status == 202
        asking = approve(server, browser, 1)
        (first,) = server.await_ended(1)
        assert first["exitCode"] == 0
        # A run that fails tells more than one that succeeds.
        application.script("deploy-Api", COMMAND + "; exit 1")
        assert server.push(application.commit("It fails")).status == 202
        asking += approve(server, browser, 2)
        server.await_ended(2)
        telling.await_quiet()
        shown = everything_shown(server, admin)
        logs = [path for path, text in shown.items()
                if path.startswith("/runs/1/logs/") and b"***" in text]
        live = {log: streamed(server, "/events" + log.partition("?")[0], root) for log in logs}
        saved = server.program.run("backup", tmp_path / "backup.tar.gz", cwd="/")
        assert saved.code == 0, saved.err
        ended = server.stop()
    wait_until(lambda: not processes_with(f"{server.program.state}/trash"),
               "working copies are removed")

    # By now the tokens and what else was made meanwhile are known, too.
    every = PLANTED.search()
    assert {"API token", "AWS secret key", "webhook secret"} <= set(every.forms)
    assert arguments.found == set()
    assert {path: every.names_in(text) for path, text in shown.items()
            if every.names_in(text)} == {}
    for path in ("/audit", "/runs/1", "/runs/2", "/api/v1/runs/1", "/api/v1/audit",
                 "/api/v1/runs/1/approvals/prod", "/api/v1/tokens", "/api/v1/notifications"):
        assert path in shown, sorted(shown)
    # Of the build, the deployment and the tests: as a page, and as an open one reads it.
    assert len(logs) >= 3 and all(b"***" in live[log] for log in logs), live
    assert every.names_in(asking + b"".join(live.values())) == []
    messages = told(telling)
    assert len(messages) > 6
    assert [every.names_in(each) for each in messages if every.names_in(each)] == []
    assert every.names_in((ended.out + ended.err + saved.out + saved.err).encode()) == []
    changes = server.program.state / "runs/1/changes/prod.json"
    assert json.loads(changes.read_text())["environment"] == "prod"
    assert (tmp_path / "backup.tar.gz").stat().st_size > 1000
    # State, backup, application and the server's folder: but for the files of its secrets.
    assert PLANTED.left_below(tmp_path) == []
