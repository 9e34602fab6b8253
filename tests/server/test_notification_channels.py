"""What a channel is configured by, and `aphex notify test`, which needs no run."""

import json

import pytest

from collectors import Collector, GitHub, Mailbox

PASSWORD = "correct horse battery"


@pytest.fixture
def notify(server):
    def run(*channels, arguments=(), files=None, **more):
        for name, text in (files or {}).items():
            server.file(name, text, "SMTP password", "GitHub", "Slack address")
        server.configure(notifications=channels, **more)
        return server.program.run("notify", "test", *arguments, cwd=server.directory)
    return run


def email(mailbox, **more):
    return {"channel": "email", "host": "localhost", "port": mailbox.port,
            "from": "aphex@example.com", "to": ["team@example.com"]} | more


@pytest.mark.parametrize("tls, security", [("starttls", "starttls"), ("tls", "tls")])
def test_mail_goes_by_tls_with_a_password(notify, opened, tmp_path, tls, security):
    mailbox = opened(Mailbox(tls=tls, directory=tmp_path, password=PASSWORD))
    channel = email(mailbox, security=security, user="aphex", passwordFile="password",
                    caFile=str(mailbox.certificate))
    done = notify(channel, files={"password": PASSWORD + "\n"})
    assert done.code == 0, done.out + done.err
    assert done.out == "email: a test message for 1 recipient was taken\n"
    (mail,) = mailbox.mails
    assert mail["Subject"] == "A test message of aphex"


def test_a_certificate_of_nobody_that_is_trusted_is_refused(notify, opened, tmp_path):
    mailbox = opened(Mailbox(tls="starttls", directory=tmp_path))
    done = notify(email(mailbox))
    assert done.code != 0 and mailbox.mails == []
    assert "certificate" in done.out and "caFile: names another" in done.out


def test_a_server_without_starttls_gets_no_mail(notify, opened):
    mailbox = opened(Mailbox())
    done = notify(email(mailbox))
    assert done.code != 0 and mailbox.mails == []
    assert "it offers no STARTTLS" in done.out and "security: tls" in done.out


def test_a_wrong_password_is_said_and_not_shown(notify, opened, tmp_path):
    mailbox = opened(Mailbox(tls="starttls", directory=tmp_path, password=PASSWORD))
    channel = email(mailbox, user="aphex", passwordFile="password",
                    caFile=str(mailbox.certificate))
    done = notify(channel, files={"password": "another-password"})
    assert done.code != 0 and mailbox.mails == []
    assert "user: and passwordFile: are what it refuses" in done.out
    assert "another-password" not in done.out + done.err


def test_one_recipient_who_is_refused_does_not_keep_mail_from_the_others(notify, opened):
    mailbox = opened(Mailbox(refuse={"gone@example.com"}))
    done = notify(email(mailbox, security="none", to=["gone@example.com", "Ada <ada@example.com>"]))
    assert mailbox.envelopes[0].rcpt_tos == ["ada@example.com"]
    assert done.code != 0 and "1 of 1 channels did not reach everybody" in done.complaint
    assert done.out.startswith(
        f"email: the mail server localhost:{mailbox.port} refuses gone@example.com "
        "(550 no such user); it took the message for 1 of 2 recipients\n"), done.out


def test_who_is_refused_is_named_also_where_nobody_is_left(notify, opened):
    mailbox = opened(Mailbox(refuse={"gone@example.com", "left@example.com"}))
    done = notify(email(mailbox, security="none", to=["gone@example.com", "left@example.com"]))
    assert done.code != 0 and mailbox.mails == []
    assert ("refuses every recipient: gone@example.com (550 no such user), "
            "left@example.com (550 no such user)\n") in done.out, done.out


def test_each_channel_says_how_it_went(notify, opened):
    chat, github = opened(Collector()), opened(GitHub(repositories=()))
    channels = [{"channel": "slack", "name": "team", "urlFile": "url"},
                {"channel": "github", "apiUrl": github.url, "tokenFile": "token"}]
    files = {"url": chat.url + "/hook-of-the-team", "token": github.token}
    done = notify(*channels, files=files)
    assert done.code != 0
    assert "team: a test message was taken\n" in done.out
    assert "github: GitHub answers 404 for acme/app: 'Not Found'\n" in done.out
    assert "  hint: to the token in" in done.out
    assert "1 of 2 channels did not reach everybody" in done.complaint
    alone = notify(*channels, files=files, arguments=("--channel", "team"))
    assert (alone.code, alone.out) == (0, "team: a test message was taken\n")
    missing = notify(*channels, files=files, arguments=("--channel", "taem"))
    assert missing.code != 0 and "its channels: team, github" in missing.complaint


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed_and_says_what_to_change(notify, opened, status):
    chat, github, other = opened(Collector()), opened(GitHub()), opened(Collector())
    host = other.url.removeprefix("http://")
    for asked in (chat, github):
        asked.script = [(status, {"Location": other.url + "/x?next=the-secret-of-it"})]
    done = notify({"channel": "slack", "urlFile": "url"},
                  {"channel": "github", "apiUrl": github.url, "tokenFile": "token"},
                  files={"url": chat.url + "/hook-of-the-team", "token": github.token})
    assert done.code != 0 and other.requests == []
    assert f"slack: the webhook answered {status} to {host}\n" in done.out, done.out
    assert "give the address that it leads to in " in done.out
    assert f"github: GitHub answered {status} to {host} for acme/app\n" in done.out
    assert "give apiUrl: the address that it leads to" in done.out
    for secret in ("the-secret-of-it", "hook-of-the-team", github.token):
        assert secret not in done.out + done.err


def test_a_repository_with_another_name_is_told_from_another_address(notify, opened):
    github = opened(GitHub())
    github.script = [(301, {"Location": github.url + "/repositories/1296269"})]
    done = notify({"channel": "github", "apiUrl": github.url, "tokenFile": "token"},
                  files={"token": github.token})
    assert done.code != 0 and "give repository: the name that it has now" in done.out, done.out
    assert "1296269" not in done.out


def test_an_app_whose_key_is_none_is_told_so(notify, opened):
    github = opened(GitHub())
    channel = {"channel": "github", "apiUrl": github.url, "appId": "12345",
               "privateKeyFile": "key"}
    done = notify(channel, files={"key": "-----BEGIN NOTHING-----\nsecret-of-the-key\n"})
    assert done.code != 0
    assert "this is no private RSA key in PEM" in done.out
    assert "secret-of-the-key" not in done.out + done.err
    key = github.use_app()
    assert notify(channel, files={"key": key}).out == (
        "github: it may see acme/app; nothing is told without a commit\n")
    assert github.complaints == []


def test_nothing_is_sent_where_a_secret_would_go_by_plain_http(notify):
    done = notify({"channel": "slack", "urlFile": "url"},
                  files={"url": "http://chat.example.com/services/the-secret-of-it"})
    assert done.code != 0 and "it is no https address" in done.out
    assert "the-secret-of-it" not in done.out + done.err


@pytest.mark.parametrize("channel, message, hint", [
    ({"channel": "slack"}, "Missing", ""),
    ({"channel": "slak", "urlFile": "x"}, "github, slack, email or sns", ""),
    ({"channel": "slack", "urlFile": "nowhere"}, "The secret cannot be read", ""),
    ({"channel": "slack", "urlFile": "url", "host": "x"}, "Unknown key: ", ""),
    ({"channel": "slack", "urlFile": "url", "on": ["failures"]},
     "start, success, failure, recovery, cancellation or approval", ""),
    ({"channel": "slack", "urlFile": "url", "pipelines": ["ap"]}, "There is no pipeline ap", ""),
    ({"channel": "slack", "urlFile": "url", "templates": {"failure": "words"}},
     "words is no template", "docs/notifications.md shows one"),
    ({"channel": "slack", "urlFile": "url", "templates": {"failure": "gone"}},
     "The template cannot be read", ""),
    ({"channel": "github"}, "needs tokenFile, or appId with privateKeyFile", ""),
    ({"channel": "github", "tokenFile": "url", "checks": True},
     "GitHub takes check runs from apps alone", "give appId and privateKeyFile"),
    ({"channel": "github", "tokenFile": "url", "on": ["failure"]}, "it takes no on:", ""),
    ({"channel": "github", "tokenFile": "url", "apiUrl": "http://github.example.com"},
     "GitHub's API by https", ""),
    ({"channel": "email", "host": "h", "from": "a@b.example", "to": ["x\r\nBcc: y@z.example"]},
     "an address such as", ""),
    ({"channel": "email", "host": "h", "from": "a@b.example", "to": ["x@y.example"], "user": "u"},
     "user and passwordFile belong together", ""),
    ({"channel": "email", "host": "h", "from": "a@b.example", "to": ["x@y.example"], "user": "u",
      "passwordFile": "url", "security": "none"}, "A password would go over the network", ""),
    ({"channel": "sns", "topicArn": "arn:aws:sqs:us-east-1:111122223333:x"},
     "the ARN of an SNS topic", ""),
])
def test_what_is_wrong_is_said_with_its_place(server, channel, message, hint):
    (server.directory / "url").write_text("https://chat.example.com/services/secret")
    (server.directory / "words").write_text("{{#open}} never closed")
    server.configure(notifications=[channel])
    done = server.program.run("serve", "--check", cwd=server.directory)
    assert done.code == 3, done.out + done.err
    assert "aphex-server.yaml:1:" in done.err and message in done.err, done.err
    assert hint in done.err
    assert "secret" not in done.err.replace("The secret cannot", "").replace("webhookSecret", "") \
        .replace('"secret"', "").replace("old-secret", "")


def test_two_channels_of_one_name(server):
    (server.directory / "url").write_text("https://chat.example.com/x")
    server.configure(notifications=[{"channel": "slack", "urlFile": "url"}] * 2)
    done = server.program.run("serve", "--check", cwd=server.directory)
    assert done.code == 3 and "Two channels are called slack" in done.err


def test_a_run_needs_none_of_the_secrets(server):
    """They may be gone while a server runs: its runs go on."""
    (server.directory / "url").write_text("https://127.0.0.1:1/x")
    server.start(notifications=[{"channel": "slack", "urlFile": "url"}])
    (server.directory / "url").unlink()
    server.push()
    (entry,) = server.await_ended()
    assert (entry["exitCode"], entry["note"]) == (0, "")
    assert json.loads(server.get("/api/v1/notifications").text)["notifications"] == []
