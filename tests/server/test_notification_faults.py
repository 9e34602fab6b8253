"""Notifications while endpoints are in trouble, and while the server is killed."""

import json
import os
import signal
import sqlite3
import time

import pytest

from collectors import Collector, Cut, GitHub, Mailbox
from program import wait_until
from test_operation import log_of
from telling import fails, nothing_happens, slack_texts, works

KILLS = int(os.environ.get("APHEX_NOTIFY_KILLS", "6"))


def warnings(server, message):
    return [each for each in log_of(server)
            if each["level"] == "warning" and each["message"] == message]


# Trouble ------------------------------------------------------------------------------------------


def test_an_endpoint_in_trouble_is_tried_again_until_it_takes_it(server, tell, opened):
    def cut(request):
        raise Cut

    chat = opened(Collector())
    chat.script = [500, cut, (429, {"Retry-After": "2"}), 503]
    tell.slack(chat)
    tell.start()
    fails(server)
    chat.await_requests(5)
    tell.await_quiet()
    (notice,) = tell.listed
    assert (notice["state"], notice["attempts"], notice["error"]) == ("told", 5, "")
    assert chat.requests[3].at - chat.requests[2].at >= 1.9
    assert len({request.body for request in chat.requests}) == 1


def test_what_cannot_be_told_is_given_up_with_a_reason_that_holds_no_secret(server, tell, opened):
    chat = opened(Collector())
    chat.script = [404] + [500] * 10
    tell.slack(chat, attempts=2)
    tell.start(logFile="server.log", logFormat="json")
    fails(server)
    fails(server)
    first, second = tell.await_quiet()
    assert (first["state"], first["attempts"]) == ("dead", 1)
    assert "the webhook answers 404: 'not now'; make a webhook anew" in first["error"]
    assert (second["state"], second["attempts"]) == ("dead", 2)
    assert "given up after 2 attempts: the webhook answers 500" in second["error"]
    shown = server.get("/api/v1/notifications").text + server.get("/metrics").text
    assert "a-secret-of-the-hook" not in shown
    assert 'aphex_notifications{channel="slack",state="dead"} 2' in shown
    warned = warnings(server, "a notification was given up")
    assert [(each["channel"], each["kind"], each["number"], each["event"], each["pipeline"],
             each["attempts"], each["error"]) for each in warned] == [
        ("slack", "slack", each["number"], "failure", "app", each["attempts"], each["error"])
        for each in (first, second)]
    assert "a-secret-of-the-hook" not in (server.directory / "server.log").read_text()


def test_a_webhook_that_quotes_its_own_path_does_not_give_it_away(server, tell, opened):
    chat = opened(Collector())
    chat.usual = lambda request: (404, {}, f"Cannot POST {request.path}")
    tell.slack(chat)
    tell.start(logFile="server.log", logFormat="json")
    fails(server)
    (notice,) = tell.await_quiet()
    assert notice["state"] == "dead" and "'Cannot POST ***'" in notice["error"]
    assert "a-secret-of-the-hook" not in (server.directory / "server.log").read_text()


def test_a_recipient_who_is_refused_is_named_and_the_others_have_the_mail(server, tell, opened):
    mailbox = opened(Mailbox(refuse={"gone@example.com"}))
    tell.email(mailbox, to=["team@example.com", "gone@example.com"])
    tell.start(logFile="server.log", logFormat="json")
    fails(server)
    (notice,) = tell.await_quiet()
    assert notice["state"] == "told" and notice["error"] == (
        f"the mail server 127.0.0.1:{mailbox.port} refuses gone@example.com (550 no such user); "
        "it took the message for 1 of 2 recipients")
    assert mailbox.envelopes[0].rcpt_tos == ["team@example.com"]
    (warned,) = warnings(server, "a notification did not reach everybody")
    assert (warned["channel"], warned["error"]) == ("email", notice["error"])


def test_what_a_channel_leaves_that_is_configured_no_more_is_in_the_log(server, tell, opened):
    chat = opened(Collector())
    chat.script = [500] * 1000
    tell.slack(chat)
    tell.start()
    fails(server)
    chat.await_requests(1)
    server.stop()
    server.start(logFile="server.log", logFormat="json")
    (warned,) = wait_until(lambda: warnings(server, "notifications were given up"), "a warning")
    assert (warned["channel"], warned["notifications"]) == ("slack", 1)


def test_a_channel_that_hangs_holds_up_nothing_else(server, tell, opened):
    release = []

    def hang(request):
        wait_until(lambda: release, "the test lets go")

    chat, mailbox = opened(Collector()), opened(Mailbox())
    chat.script = [hang]
    tell.slack(chat)
    tell.email(mailbox)
    tell.start()
    try:
        fails(server)
        mailbox.await_mails(1)
        chat.await_requests(1)
        assert server.get("/readyz").status == 200
        works(server)
        mailbox.await_mails(2)
        began = time.monotonic()
        ended = server.stop()
        assert ended.code == 0 and time.monotonic() - began < 5
    finally:
        release.append(True)
    tell.start()
    chat.await_requests(3)
    titles = [text.splitlines()[0] for text in slack_texts(chat)]
    assert titles == ["app failed in build on main"] * 2 + ["app works again on main"]


def test_more_than_the_pace_allows_is_told_as_one_summary(server, tell, opened):
    chat = opened(Collector())
    chat.script = [(503, {"Retry-After": "600"})]
    tell.slack(chat, perMinute=2)
    tell.start()
    for _ in range(4):
        fails(server)
    wait_until(lambda: len(tell.listed) == 4, "four notifications")
    server.stop(signal.SIGKILL)
    with sqlite3.connect(server.program.state / "aphex.db") as database:
        database.execute("UPDATE notifications SET next_at = 0, unsure = 0")
    database.close()
    tell.start()
    chat.await_requests(2)
    tell.await_quiet()
    summary = slack_texts(chat)[-1]
    assert summary.startswith("4 messages of aphex\n- app failed in build on main\n")
    assert summary.count("app failed again in build on main") == 3
    assert tell.states("slack") == ["told", "folded", "folded", "folded"]
    assert {each["foldedInto"] for each in tell.listed} == {None, tell.listed[0]["number"]}


def test_what_is_old_is_no_news_and_what_was_missed_is(server, tell, opened):
    chat = opened(Collector())
    tell.slack(chat)
    server.start()  # without a channel: what happens now is told to nobody, ever
    fails(server)
    database = sqlite3.connect(server.program.state / "aphex.db")
    wait_until(lambda: database.execute("SELECT count(*) FROM happenings").fetchone() == (0,),
               "what happened is taken away")
    server.stop()
    gate = server.application.note("gate")
    server.application.configure(build=[f"until [ -e {gate} ]; do sleep 0.05; done; exit 3"])
    server.start()
    server.push(server.application.commit())
    wait_until(lambda: server.queue[0]["state"] == "running", "the run goes")
    time.sleep(1)
    server.stop()
    gate.touch()  # it fails while no server is there

    def failed():
        return database.execute("SELECT 1 FROM happenings WHERE subject = 'run' AND"
                                " state = 'failed'").fetchone()
    wait_until(failed, "the run fails")
    with database:  # … and what failed before is two days old by now
        database.execute("INSERT INTO happenings (subject, id, name, state, at, error_message)"
                         " SELECT subject, id, name, state, at - 172800000, error_message"
                         " FROM happenings WHERE subject = 'run' AND state = 'failed'")
    database.close()
    tell.start()
    chat.await_requests(1)
    nothing_happens()
    (text,) = slack_texts(chat)
    assert text.startswith("app failed again in build on main\n")


def test_who_asks_for_approval_and_what_was_decided(server, tell, opened):
    chat = opened(Collector())
    tell.slack(chat)
    tell.start()
    works(server)
    database = sqlite3.connect(server.program.state / "aphex.db")
    now = int(time.time() * 1000)
    with database:
        database.execute(
            "INSERT INTO approvals (run_id, environment, state, digest, changes, summary, broadens,"
            " approvers, quorum, self_approval, created_at, expires_at) VALUES (1, 'prod',"
            " 'pending', 'd', '{}', '2 stacks change', 0, '[\"ada\", \"grace\"]', 1, 0, ?, ?)",
            (now, now + 3_600_000))
    chat.await_requests(1)
    with database:
        database.execute("INSERT INTO approval_decisions VALUES (1, 'grace', 'reject',"
                         " 'not on a Friday', ?)", (now,))
        database.execute("UPDATE approvals SET state = 'rejected', ended_at = ?", (now,))
    database.close()
    chat.await_requests(2)
    asked, answered = slack_texts(chat)
    assert asked.startswith("app waits for approval of prod\n2 stacks change\n"
                            "It waits for 1 of ada, grace.\nWithout an answer it is rejected at 20")
    assert answered.startswith("prod of app was rejected by grace\nnot on a Friday\n")


# Kills --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["statuses", "checks"])
def test_a_server_that_is_killed_before_it_knows_tells_github_once(server, tell, opened, form):
    github = opened(GitHub())
    (tell.github if form == "statuses" else tell.app)(github)
    killed = []

    def kill(kind):
        last = github.statuses[-1]["state"] if kind == "status" else (
            list(github.checks.values())[-1].get("conclusion", "pending"))
        if last != "pending" and not killed:
            killed.append(server.process.pid)
            os.kill(server.process.pid, signal.SIGKILL)
    github.after = kill
    tell.start()
    server.application.configure(build=["exit 3"])
    commit = server.application.commit()
    server.push(commit)
    wait_until(lambda: killed, "the server is killed")
    server.stop(signal.SIGKILL)
    tell.start()
    tell.await_quiet()
    assert github.complaints == []
    if form == "statuses":
        assert github.states(commit).count("failure") == 1
    else:
        (check,) = github.checks.values()
        assert check["conclusion"] == "failure"


def test_whoever_kills_the_server_each_failure_is_told(server, tell, opened, topic):
    """Once where the other side can tell a second time from the first, at least once elsewhere."""
    github, chat, mailbox = opened(GitHub()), opened(Collector()), opened(Mailbox())
    arn, come = topic(fifo=True)
    slow = lambda request: time.sleep(0.3)  # noqa: E731  a kill falls between sending and recording
    chat.script = [slow] * 1000
    tell.github(github)
    tell.slack(chat, perMinute=600)
    tell.email(mailbox, perMinute=600)
    tell.channels.append({"channel": "sns", "topicArn": arn, "format": "json", "perMinute": 600})
    server.pipelines[0]["supersede"] = "never"
    tell.start()
    server.application.configure(build=["exit 3"])
    commits, came = [], []
    for number in range(KILLS):
        commit = server.application.commit(f"change {number}")
        assert server.push(commit).status == 202
        commits.append(commit)
        time.sleep(0.4 + 0.23 * (number % 7))
        server.stop(signal.SIGKILL)
        tell.start()
    server.await_ended(len(commits), seconds=300)
    tell.await_quiet(120)
    came = come()
    failures = [each for each in tell.listed if each["event"] == "failure"]
    by_channel = {name: [each["commitSha"] for each in failures if each["channel"] == name]
                  for name in ("github", "slack", "email", "sns")}
    assert all(found == commits for found in by_channel.values()), by_channel
    assert {each["state"] for each in failures} <= {"told", "folded"}
    for commit in commits:
        assert github.states(commit).count("failure") == 1
        assert github.states(commit)[-1] == "failure"
    assert github.complaints == []
    told = [json.loads(each["Message"]) for each in came]
    keys = [each["key"] for one in told for each in one.get("events", [one])]
    assert sorted(keys) == sorted({each["key"] for each in failures})
    # A mail that came twice is the same one.
    assert len({each["Message-ID"] for each in mailbox.mails}) == len(
        {each.get_content() for each in mailbox.mails})
    texts = "\n".join(slack_texts(chat))
    mails = "\n".join(each.get_content() for each in mailbox.mails)
    if "messages of aphex" not in texts:
        assert all(commit[:12] in texts for commit in commits)
    assert all(commit[:12] in mails for commit in commits) or any(
        "messages of aphex" in each["Subject"] for each in mailbox.mails)
