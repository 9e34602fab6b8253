"""Secrets that runs are given are in no file, log, database, template, page or argument of theirs.

The secrets are distinctive, and the commands of the run do what careless ones do (careless.py).
"""

from application import environment
from careless import COMMAND, GITHUB_TOKEN
from leaks import Arguments
from planted import PLANTED
from program import processes_with, wait_until
from server_fixtures import Server, push_payload


def pages(server, run):
    """What a browser and a program are shown."""
    paths = ["/", "/queue", "/deliveries", "/runs", f"/runs/{run}", "/api/v1/queue",
             "/api/v1/deliveries", "/metrics", "/healthz"]
    return {path: server.get(path).text.encode() for path in paths}


def test_a_run_by_webhook_leaves_no_secret_behind(server: Server, application, search):
    application.configure(environment(tests=[COMMAND]), build=[COMMAND])
    application.script("deploy-Api", COMMAND)
    with Arguments(search) as arguments:
        server.start()
        assert server.push().status == 202
        # A run that fails tells more than one that succeeds.
        (first,) = server.await_ended(1)
        assert first["exitCode"] == 0
        application.script("deploy-Api", COMMAND + "; exit 1")
        assert server.push(application.commit("It fails")).status == 202
        server.await_ended(2)
        shown = pages(server, 1) | pages(server, 2)
        # Deliveries that are refused leave traces of their own.
        assert server.deliver(push_payload("0" * 40), secret=GITHUB_TOKEN).status in (401, 403)
        ended = server.stop()
    wait_until(lambda: not processes_with(f"{server.program.state}/trash"),
               "working copies are removed")

    assert arguments.found == set()
    assert {path: search.names_in(text) for path, text in shown.items()
            if search.names_in(text)} == {}
    assert search.names_in((ended.out + ended.err).encode()) == []
    assert PLANTED.left_below(server.program.state) == []
    # Where the test itself put the webhook's secret it is, and nowhere else.
    assert PLANTED.left_below(server.directory) == []
    assert PLANTED.left_below(application.directory) == []


def test_a_run_by_hand_leaves_no_secret_behind(server: Server, application, search):
    program = server.program
    application.configure(environment(tests=[COMMAND + "; exit 1"]), build=[COMMAND])
    application.commit()
    with Arguments(search) as arguments:
        failed = program.run("run", "--log-format", "json", cwd=application.directory)
        assert failed.code == 1
        shown = [program.run(*command, cwd=application.directory) for command in (
            ["runs", "1", "--format", "json"], ["logs", "1"], ["outputs", "1"])]
    assert arguments.found == set()
    for printed in [failed, *shown]:
        assert search.names_in((printed.out + printed.err).encode()) == []
    wait_until(lambda: not processes_with(f"{program.state}/trash"), "working copies are removed")
    assert PLANTED.left_below(program.state) == []


def test_templates_and_manifests_name_secrets_and_hold_none(server: Server, application, search,
                                                            tmp_path):
    application.configure(pipeline={
        "clusterName": "arbiter", "githubOwner": "acme", "githubRepo": "app",
        "githubTokenSecretName": "acme/github-token", "account": "111122223333",
        "region": "us-east-1",
        "oidcIssuer": "oidc.eks.us-east-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"})
    with Arguments(search) as arguments:
        made = server.program.run("synth", "-o", tmp_path / "out", cwd=application.directory)
        assert made.code == 0, made.err
        printed = server.program.run("manifests", cwd=application.directory)
        assert printed.code == 0, printed.err
    assert arguments.found == set()
    assert "acme/github-token" in printed.out
    assert search.names_in((made.out + made.err + printed.out + printed.err).encode()) == []
    assert PLANTED.left_below(tmp_path / "out") == []
