"""Who is told of what: by GitHub, a chat's webhook, mail and SNS."""

import json
import re
import time
from email.utils import parsedate_to_datetime
from pathlib import Path

import granting
import pytest

from application import environment
from collectors import Collector, GitHub, Mailbox
from conftest import push_payload
from program import wait_until
from telling import PUBLIC, fails, nothing_happens, run, slack_texts, works
from test_pages import NASTY
from test_pull_requests import pull_request


# What is told -------------------------------------------------------------------------------------


def test_a_failure_and_its_recovery_reach_a_chat_and_mailboxes(server, tell, opened):
    chat, mailbox = opened(Collector()), opened(Mailbox())
    tell.slack(chat)
    tell.email(mailbox)
    tell.start()
    works(server)
    broken = fails(server, "Break it")
    fails(server, "Break it more")
    works(server, "Mend it")
    texts = slack_texts(chat) if chat.await_requests(3) else []
    titles = [text.splitlines()[0] for text in texts]
    assert titles == ["app failed in build on main", "app failed again in build on main",
                      "app works again on main"]
    assert "exit 3" in texts[0] and "hint: " in texts[0]
    assert f"commit  {broken[:12]} A change" in texts[0]
    assert "author  Ada" in texts[0] and f"run     {tell.link(0)}" in texts[0]
    assert "It had failed 2 time(s)" in texts[2]
    (button,) = chat.requests[0].json["blocks"][-1]["elements"]
    assert button["url"] == tell.link(0)

    first, second, third = mailbox.await_mails(3)
    assert [each["Subject"] for each in mailbox.mails] == titles
    (sender,) = first["From"].addresses
    assert (sender.display_name, sender.addr_spec) == ("Aphex", "aphex@example.com")
    assert str(first["To"]) == "team@example.com"
    assert first["In-Reply-To"] is None
    assert second["In-Reply-To"] == third["In-Reply-To"] == first["Message-ID"]
    assert third["References"] == first["Message-ID"]
    assert len({each["Message-ID"] for each in mailbox.mails}) == 3
    assert abs(parsedate_to_datetime(first["Date"]).timestamp() - time.time()) < 300
    assert "exit 3" in first.get_content() and tell.link(0) in first.get_content()
    assert first.get_content_type() == "text/plain" and first["Auto-Submitted"]
    assert mailbox.envelopes[0].mail_from == "aphex@example.com"
    assert [each["state"] for each in tell.await_quiet()] == ["told"] * 6


def test_what_on_lists_is_told_and_nothing_else(server, tell, opened):
    chat, other = opened(Collector()), opened(Collector())
    tell.slack(chat, on=["start", "success"])
    url = server.file("other-url", other.url + "\n")
    tell.channels.append({"channel": "slack", "name": "elsewhere", "urlFile": url,
                          "on": ["start", "success", "failure"], "branches": ["release/*"]})
    tell.start()
    works(server)
    fails(server)
    works(server)
    tell.await_quiet()
    titles = [text.splitlines()[0] for text in slack_texts(chat)]
    assert [title.split(" in ")[0] for title in titles] == [
        "app has started on main", "app succeeded on main", "app has started on main",
        "app has started on main", "app works again on main"], titles
    assert other.requests == []


def test_a_commit_that_is_refused_before_it_runs_is_a_failure(server, tell, opened):
    chat, github = opened(Collector()), opened(GitHub())
    tell.slack(chat)
    tell.github(github)
    tell.start()
    server.application.write("aphex-config.yaml", "version: '1.0'\nenvironments: []\n")
    commit = run(server)
    chat.await_requests(1)
    (text,) = slack_texts(chat)
    assert text.startswith("app failed on main\n") and "aphex-config.yaml" in text
    wait_until(lambda: github.states(commit)[-1:] == ["failure"], "the commit has failed")
    assert github.complaints == []


def test_templates_have_the_words_and_stay_one_message(server, tell, opened):
    chat, mailbox = opened(Collector()), opened(Mailbox())
    server.file("words", "Oh no: {{pipeline}} {{stage}}\n"
                         "{{message}} by {{author}} {{#again}}AGAIN{{/again}} {{{url}}}\n")
    tell.slack(chat, templates={"failure": "words"})
    tell.email(mailbox, templates={"failure": "words"})
    tell.start()
    fails(server)
    chat.await_requests(1)
    (text,) = slack_texts(chat)
    assert text == ("Oh no: app build\n"
                    f"A change by Ada &lt;ada@\u200bexample.com&gt;  {PUBLIC}/runs/1")
    (mail,) = mailbox.await_mails(1)
    assert mail["Subject"] == "Oh no: app build"
    assert mail.get_content().strip() == f"A change by Ada <ada@example.com>  {PUBLIC}/runs/1"


def test_what_a_pusher_writes_stays_text(server, tell, opened):
    nasty = ("=?UTF-8?Q?x?= \u202eevil <!channel> @here [x](http://evil) ```" + NASTY + "\x1b[31m")
    author = "Ada\r\nBcc: victim@example.com\r\n\r\n<!everyone>"
    chat, mailbox, github = opened(Collector()), opened(Mailbox()), opened(GitHub())
    tell.slack(chat)
    tell.email(mailbox, templates={"failure": server.file("words", "{{message}}\n{{author}}\n")})
    tell.github(github)
    tell.start()
    server.application.configure(build=["exit 3"])
    run(server, payload=lambda commit: {
        "ref": "refs/heads/main", "after": commit, "deleted": False,
        "repository": {"full_name": "acme/app", "clone_url": "https://x"},
        "head_commit": {"message": nasty + "\r\nSubject: hijacked",
                        "author": {"name": author, "email": "a@b"}}})
    chat.await_requests(1)
    (text,) = slack_texts(chat)
    assert "<" not in text and "&lt;!channel&gt;" in text and "&lt;script&gt;" in text
    assert "@here" not in text and "](http" not in text and "\u202e" not in text
    for block in chat.requests[0].json["blocks"]:
        if block["type"] == "section":
            assert block["text"]["text"].count("```") == 2
    (mail,) = mailbox.await_mails(1)
    assert mail.defects == [] and mail["Bcc"] is None
    assert mail["Subject"].startswith("=?UTF-8?Q?x?= evil <!channel> @here")
    assert "\n" not in mail["Subject"] and "hijacked" not in str(mail)
    assert set(mail.keys()) == {
        "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version",
        "Content-Type", "Content-Transfer-Encoding"}
    assert mailbox.envelopes[0].rcpt_tos == ["team@example.com"]
    assert "Bcc: victim@example.com" in mail.get_content()
    assert github.complaints == []


# Approvals ----------------------------------------------------------------------------------------


def push_that_asks(server, **approval):
    server.application.configure(environment("prod", approval=approval))
    commit = server.application.commit()
    assert server.push(commit).status == 202
    return commit


def test_a_run_that_would_grant_more_is_told_and_so_is_that_nobody_decided(server, tell, opened):
    chat, mailbox, github = opened(Collector()), opened(Mailbox()), opened(GitHub())
    tell.slack(chat)
    tell.email(mailbox)
    tell.github(github)
    tell.start()
    server.application.stacks({"name": granting.STACK, "resources": granting.BROAD})
    with granting.deployed(server.program.environment):
        commit = push_that_asks(server, approvers=["grace", "linus"], expires="4s")
        chat.await_requests(1)
        (record,) = server.get("/api/v1/runs/1/approvals").json["approvals"]
        server.await_ended()
    assert record["broadens"] is True
    chat.await_requests(3)
    asked, expired, failed = slack_texts(chat)
    assert asked.splitlines()[:4] == [
        "app waits for approval of prod", "1 stack changes; grants more than before",
        "It waits for 1 of grace, linus.",
        f"Without an answer it is rejected at {record['expiresAt']}."]
    for text in (asked, expired):
        assert f"commit  {commit[:12]} A change\n" in text and f"{PUBLIC}/runs/1" in text
    assert expired.splitlines()[0] == "prod of app was rejected: nobody has decided in time"
    assert failed.splitlines()[0] == "app failed in approve-prod on main"
    assert "expired at 20" in failed and "0 of 1 approvals" in failed
    assert "hint: nobody decided in time, which rejects" in failed
    titles = [text.splitlines()[0] for text in (asked, expired, failed)]
    assert [each["Subject"] for each in mailbox.await_mails(3)] == titles
    assert "grants more than before" in mailbox.mails[0].get_content()
    told = tell.await_quiet()
    assert [each["event"] for each in told if each["channel"] == "slack"] == [
        "approval-needed", "approval-expired", "failure"]
    assert set(github.states(commit)[:-1]) <= {"pending"}
    assert github.states(commit)[-1] == "failure" and github.complaints == []


def test_a_run_that_grants_nothing_more_asks_without_a_word_of_it(server, tell, opened):
    chat = opened(Collector())
    tell.slack(chat, on=["approval", "success"])
    tell.start()
    push_that_asks(server)
    chat.await_requests(1)
    decided = server.program.run("approve", "1", "--yes", "--as", "grace", "--comment",
                                 "<!here> it reads well", cwd="/")
    assert decided.code == 0, decided.err
    server.await_ended()
    chat.await_requests(3)
    asked, approved, succeeded = slack_texts(chat)
    assert asked.splitlines()[:3] == ["app waits for approval of prod", "1 stack is new",
                                      "It waits for anybody."]
    assert "grants" not in asked
    assert approved.splitlines()[:2] == ["prod of app was approved by grace",
                                         "&lt;!here&gt; it reads well"]
    assert succeeded.startswith("app succeeded on main")


# The page of notifications -----------------------------------------------------------------------


def shown(beginning):
    """The block of docs/notifications.md that begins so."""
    page = (Path(__file__).resolve().parents[2] / "docs/notifications.md").read_text()
    (block,) = [each for each in page.split("\n```")[1::2] if each.startswith("\n" + beginning)]
    return block.strip("\n")


def test_the_page_shows_what_is_sent(server, tell, opened):
    chat, mailbox, github = opened(Collector()), opened(Mailbox()), opened(GitHub())
    tell.slack(chat)
    tell.email(mailbox)
    tell.github(github)
    tell.start()

    def push(message):
        author = {"name": "Ada", "email": "ada@example.com"}
        return run(server, message, lambda commit: push_payload(
            commit, head_commit={"id": commit, "message": message, "author": author}))
    server.application.configure(build=["npm test"])
    server.application.write("package.json", '{"scripts": {"test": "exit 1"}}')
    broken = push("Add a queue")
    server.application.configure()
    mended = push("Mend the queue")
    chat.await_requests(2)
    mailbox.await_mails(2)
    wait_until(lambda: github.states(mended)[-1:] == ["success"], "the commit has succeeded")

    def as_here(text, commit, number):
        for ours, here in (("archon/archon-agent", "acme/app"), ("archon-agent", "app"),
                           ("/runs/12", f"/runs/{number}"), ("/runs/14", f"/runs/{number}")):
            text = text.replace(ours, here)
        return re.sub(r"(commit  )[0-9a-f]{12}", rf"\g<1>{commit[:12]}", text)

    message, _, button = shown("archon-agent failed").rpartition("\n\n")
    lines = [line.strip() for line in as_here(message, broken, 1).splitlines() if line.strip()]
    sent = slack_texts(chat)[0].replace("\u200b", "").replace("&lt;", "<").replace("&gt;", ">")
    assert [line for line in sent.splitlines() if line] == lines
    (element,) = chat.requests[0].json["blocks"][-1]["elements"]
    assert button.strip() == f"[ {element['text']['text']} ]"

    headers, _, body = as_here(shown("Subject: "), mended, 2).partition("\n\n")
    mail = mailbox.mails[1]
    assert headers.splitlines()[0] == f"Subject: {mail['Subject']}" and mail["In-Reply-To"]

    def undated(text):
        return re.sub(r"\d+ time\(s\) over .*\.$", "", text.strip(), flags=re.M).splitlines()
    assert undated(mail.get_content().replace("\r\n", "\n")) == undated(body)

    context, state, description = re.split(r"   +", as_here(shown("aphex/archon-agent"), broken, 1))
    assert (context, state, description) in [
        (each["context"], each["state"], each["description"]) for each in github.statuses]


# GitHub -------------------------------------------------------------------------------------------


def test_commit_statuses_follow_the_run(server, tell, opened):
    github = opened(GitHub())
    tell.github(github, stages=True)
    tell.start()
    good = works(server)
    tell.await_quiet()
    bad = fails(server)
    tell.await_quiet()
    assert github.complaints == []
    assert set(github.states(good)[:-1]) <= {"pending"} and github.states(good)[-1] == "success"
    assert set(github.states(bad)[:-1]) <= {"pending"} and github.states(bad)[-1] == "failure"
    assert github.states(good, "aphex/app/deploy-dev")[-1] == "success"
    assert github.states(bad, "aphex/app/build")[-1] == "failure"
    assert github.states(bad, "aphex/app/deploy-dev") == []
    last = [each for each in github.statuses if each["context"] == "aphex/app"][-1]
    assert last["description"] == (
        "Failed in build: 'echo broken >&2; exit 3' ended with exit code 3")
    build = [each for each in github.statuses if each["context"] == "aphex/app/build"][-1]
    assert build["description"] == "failed: 'echo broken >&2; exit 3' ended with exit code 3"
    assert last["target_url"].startswith(f"{PUBLIC}/runs/")


def test_an_app_reports_a_check_run_with_its_annotation(server, tell, opened):
    github = opened(GitHub())
    tell.app(github)
    tell.start()
    bad = fails(server)
    tell.await_quiet()
    assert github.complaints == []
    (check,) = github.checks.values()
    assert (check["name"], check["head_sha"]) == ("aphex/app", bad)
    assert (check["status"], check["conclusion"]) == ("completed", "failure")
    assert check["details_url"] == f"{PUBLIC}/runs/1"
    assert check["output"]["title"].startswith("Failed in build: ")
    (annotation,) = check["output"]["annotations"]
    assert annotation["message"] == (
        "stage build: 'echo broken >&2; exit 3' ended with exit code 3")
    assert (annotation["path"], annotation["start_line"]) == ("aphex-config.yaml", 1)
    lends = [each for each in github.requests if each.path.endswith("/access_tokens")]
    assert len(lends) == 1, "a token is used for an hour"
    assert lends[0].json == {"repositories": ["app"], "permissions": {"checks": "write"}}


def test_a_run_that_goes_on_after_its_end_has_a_check_run_of_its_own(server, tell, opened):
    github = opened(GitHub())
    tell.app(github)
    tell.start()
    gate = server.application.note("gate")
    server.application.configure(build=[f"test -e {gate}"])
    run(server)
    tell.await_quiet()
    gate.touch()
    resumed = server.program.run("resume", "1", cwd=server.application.directory)
    assert resumed.code == 0, resumed.err
    wait_until(lambda: len(github.checks) == 2 and github.checks[2].get("conclusion"), "another")
    assert [each["conclusion"] for each in github.checks.values()] == ["failure", "success"]
    assert github.complaints == []


def test_a_late_pending_never_stands_over_the_end(server, tell, opened):
    github = opened(GitHub())
    github.script = [503] * 4
    tell.github(github)
    tell.start()
    commit = works(server)
    wait_until(lambda: "success" in github.states(commit), "the commit has succeeded")
    tell.await_quiet()
    nothing_happens()
    assert github.states(commit)[-1] == "success"
    assert "obsolete" in tell.states("github")


@pytest.mark.parametrize("change, message, hint", [
    ({"token": "another"}, "GitHub answers 401 for acme/app: 'Bad credentials'",
     "has expired or was revoked"),
    ({"repositories": ()}, "GitHub answers 404 for acme/app: 'Not Found'",
     "or the right 'Commit statuses: write' is missing"),
])
def test_a_refusal_of_github_says_what_is_missing(server, tell, opened, change, message, hint):
    github = opened(GitHub())
    tell.github(github)
    for name, value in change.items():
        setattr(github, name, value)
    tell.start()
    works(server)
    dead = [each for each in tell.await_quiet() if each["state"] == "dead"]
    assert dead and message in dead[-1]["error"] and hint in dead[-1]["error"]
    assert "a-token-of-a-person" not in json.dumps(tell.listed)


def test_a_limit_of_github_is_waited_for(server, tell, opened):
    github = opened(GitHub())
    asked = []
    github.script = [lambda request: asked.append(time.monotonic()) or (
        403, {"Retry-After": "2", "x-ratelimit-remaining": "0"})]
    tell.github(github)
    tell.start()
    commit = works(server)
    wait_until(lambda: github.states(commit)[-1:] == ["success"], "the commit has succeeded")
    assert github.requests[1].at - asked[0] >= 1.9


# SNS ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fifo", [False, True])
def test_a_topic_gets_what_happens(server, tell, topic, fifo):
    arn, come = topic(fifo)
    tell.channels.append({"channel": "sns", "topicArn": arn, "format": "json"})
    tell.start()
    commit = fails(server)
    works(server)
    assert [each["state"] for each in tell.await_quiet()] == ["told", "told"]
    first, second = sorted((json.loads(each["Message"]) for each in come()),
                           key=lambda each: each["atMilliseconds"])
    assert (first["event"], second["event"]) == ("failure", "recovery")
    assert (first["pipeline"], first["commitSha"], first["stage"]) == ("app", commit, "build")
    assert second["episode"] == first["key"]


def test_a_run_that_somebody_cancels_is_told_once(server, tell, opened):
    chat, github = opened(Collector()), opened(GitHub())
    tell.slack(chat, on=["cancellation", "failure"])
    tell.github(github)
    tell.start()
    server.application.configure(build=["sleep 600"])
    commit = server.application.commit()
    server.push(commit)
    wait_until(lambda: "running" in [each["state"] for each in server.queue], "it is taken up")
    wait_until(lambda: server.program.run("cancel", cwd=server.application.directory).code == 0,
               "it is cancelled")
    server.await_ended()
    chat.await_requests(1)
    tell.await_quiet()
    (text,) = slack_texts(chat)
    assert text.startswith("app was cancelled on main\n")
    assert github.states(commit)[-1] == "error"


def test_a_pull_request_has_a_status_and_no_chat_hears_of_it(server, tell, opened):
    chat, github = opened(Collector()), opened(GitHub())
    tell.slack(chat)
    tell.github(github)
    tell.start()
    good = server.application.commit("Better")
    assert server.deliver(pull_request(good), event="pull_request").status == 202
    server.await_ended()
    server.application.write("aphex-config.yaml", "version: 2\n")
    bad = server.application.commit("Worse")
    server.deliver(pull_request(bad, number=8, head="other"), event="pull_request")
    server.await_ended(2)
    tell.await_quiet()
    assert github.states(good, "aphex/app/pull-request")[-1] == "success"
    assert github.states(bad, "aphex/app/pull-request")[-1] == "failure"
    assert github.complaints == [] and chat.requests == []
