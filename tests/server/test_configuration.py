"""What is wrong with a server's configuration is told at once, with its place."""

import json

import pytest


def checked(server, text):
    (server.directory / "aphex-server.yaml").write_text(text)
    return server.program.run("serve", "--check", cwd=server.directory)


def test_a_valid_one(server):
    server.configure()
    done = server.program.run("serve", "--check", cwd=server.directory)
    assert (done.code, done.out) == (0, "aphex-server.yaml: valid (1 pipeline)\n")


def test_every_problem_has_its_place(server):
    done = checked(server, """\
version: "1.0"
listen: example.com:80
maxruns: 3
pipelines:
  - name: app
    repository: acme
    webhookSecretFiles: []
  - repository: acme/app
    url: --upload-pack=touch
    webhookSecretFiles: [secret]
""")
    assert done.code == 3
    said = [line for line in done.err.splitlines() if line.startswith("aphex-server.yaml:")]
    places = [line.split(": ")[0].removeprefix("aphex-server.yaml:") for line in said]
    assert places == ["2:9", "3:1", "6:17", "7:25", "8:5", "9:10"], done.err
    assert "an address and a port such as 127.0.0.1:8737" in said[0]
    assert "did you mean maxRuns" in done.err


@pytest.mark.parametrize("files, message", [
    (["nowhere"], "The secret cannot be read"),
    (["short"], "has 5 characters, 16 are the least"),
])
def test_a_secret_that_is_none(server, files, message):
    (server.directory / "short").write_text("12345\n")
    server.pipelines[0]["webhookSecretFiles"] = files
    server.configure()
    done = server.program.run("serve", "--check", cwd=server.directory)
    assert done.code == 3
    assert message in done.err
    assert "12345" not in done.err


def test_a_secret_that_everybody_reads_and_a_repository_that_is_not_there_are_warned_of(server):
    server.pipelines[0]["url"] = "file:///nowhere/app.git"
    server.configure()
    secret = server.directory / server.pipelines[0]["webhookSecretFiles"][0]
    secret.chmod(0o644)
    done = server.program.run("serve", "--check", cwd=server.directory)
    assert (done.code, done.out) == (0, "aphex-server.yaml: valid (1 pipeline)\n")
    assert "There is nothing to clone at /nowhere/app.git" in done.err
    assert f"Everybody on this machine can read the secret in {secret}" in done.err
    assert f"chmod 600 {secret}" in done.err
    secret.chmod(0o640)
    del server.pipelines[0]["url"]
    server.configure()
    assert server.program.run("serve", "--check", cwd=server.directory).err == ""


def test_two_pipelines_of_one_name(server):
    server.pipelines *= 2
    server.configure()
    done = server.program.run("serve", "--check", cwd=server.directory)
    assert done.code == 3
    assert "Duplicate pipeline name: app, first on line 1" in done.err


def test_a_file_that_is_not_there(server):
    done = server.program.run("serve", "--config", "other.yaml", cwd=server.directory)
    assert done.code != 0
    assert "the server's configuration cannot be read" in done.complaint


def test_a_port_that_is_taken(server):
    server.start()
    server.pipelines[0]["name"] = "again"
    text = json.dumps({"version": "1.0", "listen": f"127.0.0.1:{server.port}",
                       "pipelines": server.pipelines})
    (server.directory / "second.yaml").write_text(text)
    done = server.program.run("serve", "--config", "second.yaml", "--state-dir",
                              server.directory / "state", cwd=server.directory)
    assert done.code != 0
    assert f"cannot listen on 127.0.0.1:{server.port}" in done.complaint
    assert "another program has this port" in done.complaint
