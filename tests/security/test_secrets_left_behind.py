"""Secrets that runs are given are in no file, log, database, template, page or argument of theirs.

The secrets are distinctive, and the commands of the run do what careless ones do: print them, put
them into files of the build's output, fail with them.
"""

import gzip
import sqlite3
import sys

import pytest
from application import environment
from leaks import Arguments, Search
from program import processes_with, wait_until
from server_fixtures import SECRET, Server, push_payload

GITHUB_TOKEN = "ghp_PlantedByATestOfLeaks0123456789abcd"
API_TOKEN = "aphex-planted-api-token-7f3b9d1c5e"
SMTP_PASSWORD = "planted!Smtp/pass+word=42"
PLANTED = {"GITHUB_TOKEN": GITHUB_TOKEN, "DEPLOY_API_TOKEN": API_TOKEN,
           "SMTP_PASSWORD": SMTP_PASSWORD}
CARELESS = ('echo "token $GITHUB_TOKEN"; echo "smtp://me:$SMTP_PASSWORD@mail"; '
            'printf %s "$DEPLOY_API_TOKEN" | base64; env | sort; '
            'echo "aws $AWS_SECRET_ACCESS_KEY $AWS_SESSION_TOKEN"')


@pytest.fixture
def planted(server, sandbox):
    """The server with secrets in its surroundings, and the search for all of them."""
    server.program.environment |= PLANTED
    return Search(PLANTED | {"webhook secret": SECRET,
                             "AWS secret key": sandbox["AWS_SECRET_ACCESS_KEY"]})


def test_a_search_finds_what_is_there(tmp_path):
    """What the other tests of this file rely upon."""
    search = Search({"token": API_TOKEN})
    (tmp_path / "plain").write_text(f"x{API_TOKEN}x")
    (tmp_path / "archive.tar.gz").write_bytes(gzip.compress(API_TOKEN.encode()))
    with sqlite3.connect(tmp_path / "aphex.db") as database:
        database.execute("CREATE TABLE logs (line)")
        database.execute("INSERT INTO logs VALUES (?)", ("x" * 5000 + API_TOKEN,))
    database.close()
    assert search.below(tmp_path) == [(name, "token")
                                      for name in ("aphex.db", "archive.tar.gz", "plain")]
    assert search.below(tmp_path, allowed=[tmp_path / "plain"])[-1][0] == "archive.tar.gz"
    with Arguments(search) as arguments:
        import subprocess
        subprocess.run([sys.executable, "-c", "import time; time.sleep(0.3)", API_TOKEN],
                       check=True)
    assert [name for _, name in arguments.found] == ["token"]


def pages(server, run):
    """What a browser and a program are shown."""
    paths = ["/", "/queue", "/deliveries", "/runs", f"/runs/{run}", "/api/v1/queue",
             "/api/v1/deliveries", "/metrics", "/healthz"]
    return {path: server.get(path).text.encode() for path in paths}


def test_a_run_by_webhook_leaves_no_secret_behind(server: Server, application, planted):
    application.configure(environment(tests=[CARELESS]), build=[CARELESS])
    application.script("deploy-Api", CARELESS)
    with Arguments(planted) as arguments:
        server.start()
        assert server.push().status == 202
        # A run that fails tells more than one that succeeds.
        (first,) = server.await_ended(1)
        assert first["exitCode"] == 0
        application.script("deploy-Api", CARELESS + "; exit 1")
        assert server.push(application.commit("It fails")).status == 202
        server.await_ended(2)
        shown = pages(server, 1) | pages(server, 2)
        # Deliveries that are refused leave traces of their own.
        assert server.deliver(push_payload("0" * 40), secret=GITHUB_TOKEN).status in (401, 403)
        ended = server.stop()
    wait_until(lambda: not processes_with(f"{server.program.state}/trash"),
               "working copies are removed")

    assert arguments.found == set()
    assert {path: planted.names_in(text) for path, text in shown.items()
            if planted.names_in(text)} == {}
    assert planted.names_in((ended.out + ended.err).encode()) == []
    assert planted.below(server.program.state) == []
    # Where the test itself put the webhook's secret it is, and nowhere else.
    assert planted.below(server.directory, allowed=[server.directory / "secret"]) == []
    assert planted.below(application.directory) == []


def test_a_run_by_hand_leaves_no_secret_behind(server: Server, application, planted):
    program = server.program
    application.configure(environment(tests=[CARELESS + "; exit 1"]), build=[CARELESS])
    application.commit()
    with Arguments(planted) as arguments:
        failed = program.run("run", "--log-format", "json", cwd=application.directory)
        assert failed.code == 1
        shown = [program.run(*command, cwd=application.directory) for command in (
            ["runs", "1", "--format", "json"], ["logs", "1"], ["outputs", "1"])]
    assert arguments.found == set()
    for printed in [failed, *shown]:
        assert planted.names_in((printed.out + printed.err).encode()) == []
    wait_until(lambda: not processes_with(f"{program.state}/trash"), "working copies are removed")
    assert planted.below(program.state) == []


def test_templates_and_manifests_name_secrets_and_hold_none(server: Server, application, planted,
                                                            tmp_path):
    application.configure(pipeline={
        "clusterName": "arbiter", "githubOwner": "acme", "githubRepo": "app",
        "githubTokenSecretName": "acme/github-token", "account": "111122223333",
        "region": "us-east-1",
        "oidcIssuer": "oidc.eks.us-east-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"})
    with Arguments(planted) as arguments:
        made = server.program.run("synth", "-o", tmp_path / "out", cwd=application.directory)
        assert made.code == 0, made.err
        printed = server.program.run("manifests", cwd=application.directory)
        assert printed.code == 0, printed.err
    assert arguments.found == set()
    assert "acme/github-token" in printed.out
    assert planted.names_in((made.out + made.err + printed.out + printed.err).encode()) == []
    assert planted.below(tmp_path / "out") == []
