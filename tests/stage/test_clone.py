"""The init container: exactly the commit, and a token that only the configured repository sees."""

import base64
import json
import pathlib
import subprocess

import pytest
import planted
from git_hosting import GitHosting
from leaks import Arguments

TOKEN = planted.secret("GitHub token", "ghp_0123456789abcdefghijklmnopqrstuvwxyz")


@pytest.fixture
def arguments():
    """Of every process that there is while the test goes on: anybody on the machine reads them."""
    with Arguments(planted.PLANTED.search()) as watched:
        yield watched


@pytest.fixture
def github(tmp_path, surroundings):
    directory = tmp_path / "github"
    directory.mkdir()
    server = GitHosting(directory, surroundings, TOKEN)
    yield server
    server.close()


@pytest.fixture
def private(pipeline, application, github, tmp_path):
    """A private repository of the pipeline, and its token's Secret as it is mounted."""
    application.configure()
    commit = application.commit("The first")
    github.publish(application.directory, "archon/archon-agent")
    token = tmp_path / "token"
    token.write_text(TOKEN + "\n")
    planted.holds(token, "GitHub token")

    def workflow(url="https://github.com/archon/archon-agent.git", sha=commit, **settings):
        generated = pipeline.generate(
            githubToken={"key": "token", "secret": "archon/token"}, **settings)
        return pipeline.workflow(sha, generated, repositoryUrl=url)

    workflow.variables = {"APHEX_GITHUB_TOKEN_FILE": str(token), **github.environment}
    workflow.commit = commit
    return workflow


def everything(directory):
    for file in pathlib.Path(directory).rglob("*"):
        if file.is_file() and not file.is_symlink():
            yield file, file.read_bytes()


def shows_nothing(arguments):
    assert arguments.found == set()
    # Nor has it looked elsewhere: git's own helper is what speaks to the server.
    assert any(b"remote-https" in line for line in arguments.seen), arguments.seen


def test_the_token_goes_to_the_repository_and_stays_nowhere(private, github, arguments):
    pod = private().pod("validate")
    report, ended = pod.clone(**private.variables)
    assert report == {"version": 1, "commit": private.commit}, ended.out
    assert any(authorization for _, _, authorization in github.seen)
    assert set(github.tunnels) == {"github.com:443"}
    head = subprocess.run(["git", "-C", pod.work / "source", "rev-parse", "HEAD"],
                          capture_output=True, text=True, check=True).stdout.strip()
    assert head == private.commit
    encoded = base64.b64encode(f"x-access-token:{TOKEN}".encode())
    for file, content in everything(pod.work):
        assert TOKEN.encode() not in content and encoded not in content, file
    assert TOKEN not in ended.out + ended.err
    shows_nothing(arguments)
    config = (pod.work / "source/.git/config").read_text()
    assert "url = https://github.com/archon/archon-agent.git\n" in config
    assert "helper" not in config


@pytest.mark.parametrize("url", ["https://github.com/archon/other.git",
                                 "https://gitlab.com/archon/archon-agent.git"])
def test_no_other_repository_sees_the_token(private, github, application, url):
    github.publish(application.directory, "archon/other")
    pod = private(url).pod("validate")
    report, _ = pod.clone(**private.variables)
    assert report["error"]["code"] == "permission"
    assert "it is sent to no other repository" in report["error"]["hint"]
    assert not any(authorization for _, _, authorization in github.seen)


def test_a_public_repository_needs_no_token(pipeline, github, application, private):
    github.publish(application.directory, "public/app")
    pod = pipeline.workflow(
        private.commit, repositoryUrl="https://github.com/public/app.git").pod("validate")
    report, _ = pod.clone(**github.environment)
    assert report == {"version": 1, "commit": private.commit}
    ended = pod.run()
    assert ended.code == 0, ended.err


def test_what_went_wrong_is_told_by_the_stage(private, github):
    """The init container ends well, so that the message stands in the log that people read."""
    missing = "f" * 40
    pod = private(sha=missing).pod("build")
    report, ended = pod.clone(**private.variables)
    assert ended.code == 0
    assert f"cannot check out commit {missing}" in report["error"]["message"]
    ended = pod.run()
    assert ended.code == 1
    assert f"cannot check out commit {missing}" in ended.err


def test_a_server_that_cannot_be_reached_may_be_tried_again(private):
    pod = private().pod("build")
    report, _ = pod.clone(**{**private.variables, "https_proxy": "http://127.0.0.1:9"})
    assert report["error"]["code"] == "unavailable"
    assert pod.run().code == 75


def test_without_a_clone_the_stage_says_so(private):
    ended = private().pod("build").run()
    assert ended.code == 75
    assert "the commit was not cloned: there is no" in ended.err


@pytest.mark.parametrize("url", ["--upload-pack=touch /tmp/owned", "ext::sh -c true", "/etc"])
def test_an_address_is_an_address(pipeline, application, url):
    application.configure()
    pod = pipeline.workflow(application.commit(), repositoryUrl=url).pod("build")
    report, _ = pod.clone()
    assert report["error"]["message"] == f"'{url}' is no address of a git repository"


def test_credentials_in_an_address_do_not_stay(private, github, arguments):
    pod = private(f"https://x:{TOKEN}@github.com/archon/archon-agent.git").pod("build")
    report, ended = pod.clone(**private.variables)
    assert report == {"version": 1, "commit": private.commit}, ended.out
    for file, content in everything(pod.work):
        assert TOKEN.encode() not in content, file
    assert TOKEN not in json.dumps(report) + ended.out + ended.err
    shows_nothing(arguments)


@pytest.fixture
def with_submodule(private, github, application):
    """The private repository with a submodule at `url`, of which `name` is published."""
    def workflow(url, name="archon/shared", **more):
        lib = application.git("rev-parse", "HEAD")
        github.publish(application.directory, name)
        text = f'[submodule "shared"]\n\tpath = libs/shared\n\turl = {url}\n'
        for key, value in more.items():
            text += f"\t{key} = {value}\n"
        application.write(".gitmodules", text)
        (application.directory / "libs/shared").mkdir(parents=True)
        application.git("add", "--all", "--force")
        application.git("update-index", "--add", "--cacheinfo", f"160000,{lib},libs/shared")
        application.git("commit", "-q", "-m", "With a submodule")
        github.publish(application.directory, "archon/archon-parent")
        commit = application.git("rev-parse", "HEAD")
        return private("https://github.com/archon/archon-parent.git", commit,
                       github={"owner": "archon", "repository": "archon-parent", "branch": "main"})

    return workflow


def fails_at_the_submodule(workflow, variables, code, message, hint):
    """The report says so, and so does the stage, whose log people read."""
    pod = workflow.pod("validate")
    report, ended = pod.clone(**variables)
    assert report["error"] == {"code": code, "message": message, "hint": hint}
    assert TOKEN not in ended.out + ended.err
    ended = pod.run()
    assert ended.code == 1
    assert ended.err == (f"error: stage validate failed: step 'clone the commit': {message}\n"
                         f" hint: {hint}\n")


def test_a_private_submodule_is_named_with_what_to_do(with_submodule, private, github):
    url = "https://github.com/archon/shared.git"
    fails_at_the_submodule(
        with_submodule(url), private.variables, "permission",
        f"submodule libs/shared ({url}) cannot be cloned: git: could not read Username for "
        f"'{url}': terminal prompts disabled",
        "the GitHub token is sent to archon/archon-parent alone, so its submodules must be "
        "readable without credentials: make the submodule public, or set 'update = none' for it in "
        ".gitmodules and fetch it in a build command with credentials of its own")
    assert not any(authorization for _, path, authorization in github.seen
                   if path.startswith("/archon/shared.git"))


def test_a_submodule_by_ssh_is_named_with_what_to_do(with_submodule, private):
    url = "git@github.com:archon/shared.git"
    fails_at_the_submodule(
        with_submodule(url), {**private.variables, "GIT_SSH": "ssh-of-no-image"}, "permission",
        f"submodule libs/shared ({url}) cannot be cloned: git: cannot run ssh-of-no-image: No "
        "such file or directory",
        "pods have no SSH key: give the submodule an https:// address in .gitmodules, which must "
        "be readable without credentials")


def test_a_public_submodule_is_cloned(with_submodule, private):
    pod = with_submodule("https://github.com/public/shared.git", "public/shared").pod("validate")
    report, ended = pod.clone(**private.variables)
    assert "error" not in report, ended.out
    assert (pod.work / "source/libs/shared/cdk.json").exists()


def test_a_submodule_that_is_left_out_needs_no_credentials(with_submodule, private):
    pod = with_submodule("https://github.com/archon/shared.git", update="none").pod("validate")
    report, ended = pod.clone(**private.variables)
    assert "error" not in report, ended.out
    assert list((pod.work / "source/libs/shared").iterdir()) == []
    ended = pod.run()
    assert ended.code == 0, ended.err
