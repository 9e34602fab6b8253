"""Desks of the pages about a server and what waits at it: servers that listen, chats that are told,
runs and workflows that wait. Fixtures for test_shown_commands.py.

Where a page uses a place of the whole machine (/etc/aphex, /var/backups), a wrapper of the program
that is called puts a place of the desk there.
"""

import contextlib
import json
import re
import shutil
import subprocess
import sys
import time
import types

import pytest
import yaml

import stand_ins
from desks import PROGRAM, ROOT, SECONDS, Desk, planted

for folder in ("argo", "cluster_test", "e2e", "server"):
    sys.path.append(str(ROOT / "tests" / folder))
from application import Application, environment  # noqa: E402
from argo_driver import Driver  # noqa: E402
from argo_generator import Generator  # noqa: E402
from cluster_fixtures import free_ports  # noqa: E402
from collectors import Collector, GitHub  # noqa: E402
from program import wait_until  # noqa: E402
from waiting_gate import RIGHTS, Waiting  # noqa: E402

SECRET = planted.secret("webhook secret", "the-webhook-secret-of-the-pages")
REPOSITORY = "bdchatham/ArchonAgent"
EXAMPLES = ROOT / "packaging"
BUILT = PROGRAM.parent


def shown(page, language, beginning):
    """The block of a page that begins so."""
    text = (ROOT / page).read_text(encoding="utf-8")
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    (found,) = [block for block in blocks if block.startswith(beginning)]
    return found


def configured_server(desk, name, port, **more):
    """A directory with the configuration that docs/server.md shows, and more keys."""
    directory = desk.directory / name
    directory.mkdir()
    text = re.sub(r"^listen:.*$", f"listen: 127.0.0.1:{port}",
                  shown("docs/server.md", "yaml", "version:"), flags=re.MULTILINE)
    if more:
        text = json.dumps(yaml.safe_load(text) | more)
    (directory / "aphex-server.yaml").write_text(text, encoding="utf-8")
    return directory


def write_secret(file, text=SECRET):
    file.write_text(text + "\n", encoding="utf-8")
    file.chmod(0o600)
    planted.holds(file, "webhook secret", "GitHub token")


def wrapped(desk, name, **programs):
    """The same desk, where these programs are other ones: {name: the text of a script}."""
    directory = desk.directory / name / "programs"
    directory.mkdir(parents=True)
    for program, script in programs.items():
        stand_ins.write_program(directory / program, f"#!/bin/bash\n{script}\n")
    return desk.having(PATH=f"{directory}:{desk.variables['PATH']}")


@pytest.fixture
def server(laptop):
    return laptop, configured_server(laptop, "server", 0)


@pytest.fixture
def answering(tmp_path_factory):
    """A server that runs; what a page asks of its usual port is asked of that which it has."""
    (port,) = free_ports(1)
    desk = Desk(tmp_path_factory.mktemp("answering") / "desk")
    pipeline, = yaml.safe_load(shown("docs/server.md", "yaml", "version:"))["pipelines"]
    app = desk.directory / "server" / "app"
    directory = configured_server(desk, "server", port, pipelines=[pipeline | {"url": str(app)}])
    write_secret(directory / "webhook-secret")
    app.mkdir()
    desk.commit(app)
    desk.run("git", "branch", "-M", "main", cwd=app)
    desk.wrap("curl", f'exec /usr/bin/curl "${{@//127.0.0.1:8737/127.0.0.1:{port}}}"')
    with desk.in_background("aphex", "serve", cwd=directory):
        end = time.monotonic() + SECONDS
        while subprocess.run(["curl", "-fs", f"http://127.0.0.1:{port}/healthz"],
                             capture_output=True, check=False).returncode != 0:
            assert time.monotonic() < end, "the server does not answer"
            time.sleep(0.1)
        token = desk.run("aphex", "token", "create", "docs", "--role", "admin", cwd=directory)
        secret = planted.secret("API token", token.split()[0])
        desk = desk.having(APHEX_TOKEN=secret)
        yield desk, directory

        def nothing_executes():
            queue = json.loads(desk.run(
                "bash", "-c", "curl -fsS -H \"Authorization: Bearer $APHEX_TOKEN\""
                " http://127.0.0.1:8737/api/v1/queue", cwd=directory))["queue"]
            return all(each["state"] in ("ended", "superseded") for each in queue)
        # A pushed commit without a configuration ends soon; its process is another than ours.
        wait_until(nothing_executes, "the queue's entries have ended", SECONDS)


@pytest.fixture
def telling(laptop):
    """A server with the channels that docs/notifications.md shows; both are here, and listen."""
    chat, github = Collector(), GitHub(repositories=(REPOSITORY,))
    with contextlib.closing(chat), contextlib.closing(github):
        channels = yaml.safe_load(shown("docs/notifications.md", "yaml", "publicUrl:"))
        for channel in channels["notifications"]:
            if channel["channel"] == "github":
                channel["apiUrl"] = github.url
        directory = configured_server(laptop, "telling", 0, **channels)
        write_secret(directory / "webhook-secret")
        write_secret(directory / "slack-url", chat.url + "/hook")
        write_secret(directory / "github-token", github.token)
        yield laptop, directory
        # By each channel, then by one.
        assert len(chat.requests) == 2 and github.requests and github.complaints == []


# --- runs ---------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def local_aws(laptop):
    """The variables that lead to a local AWS with one account, which no page ends."""
    directory = laptop.directory / "local-aws"
    directory.mkdir()
    accounts = Application(directory / "accounts", laptop.variables)
    # Its CDK is the fake one, which cannot bootstrap.
    shutil.rmtree(accounts.directory / "node_modules")
    accounts.configure(environment("dev"))
    desk = laptop.having(APHEX_STATE_DIR=str(directory / "state"),
                         APHEX_CDK=str(ROOT / "node_modules/.bin/cdk"))
    desk.run("aphex", "sandbox", "start", cwd=accounts.directory)
    printed = desk.run("bash", "-c", 'eval "$(aphex sandbox env)"; env | grep "^AWS_"',
                       cwd=directory)
    yield dict(line.split("=", 1) for line in printed.splitlines())
    desk.stop_sandbox()


def with_runs(laptop, local_aws, name, **more):  # noqa: F811
    """An application of few seconds in a state directory of its own."""
    directory = laptop.directory / name
    directory.mkdir()
    made = Application(directory / "app", laptop.variables)
    made.configure(environment("dev", **more))
    made.commit("The Archon agent")
    desk = laptop.having(APHEX_STATE_DIR=str(directory / "state"), FAKE_CDK=str(made.control),
                         **local_aws)
    return desk, made


def await_request(desk, application, run, process):
    """The run waits for approval."""
    def waits():
        assert process.poll() is None, (desk.directory / "background.log").read_text()
        done = subprocess.run([PROGRAM, "runs", str(run), "--format", "json"], text=True,
                              env=desk.variables, cwd=application.directory, capture_output=True,
                              check=False)
        return done.returncode == 0 and any(
            each["state"] == "pending" for each in json.loads(done.stdout)["approvals"])
    wait_until(waits, f"run {run} asks", SECONDS)


@pytest.fixture
def with_a_run(laptop, local_aws):
    desk, made = with_runs(laptop, local_aws, "with-a-run")
    desk.run("aphex", "run", "--quiet", cwd=made.directory)
    return desk, made.directory


@pytest.fixture
def operating(laptop, local_aws):
    """A machine with a state directory, and another one where a backup is brought to."""
    desk, made = with_runs(laptop, local_aws, "operating")
    desk.run("aphex", "run", "--quiet", cwd=made.directory)
    place = made.directory.parent
    for folder in ("etc", "backups"):
        (place / folder).mkdir()
    desk = wrapped(
        desk, "operating",
        sudo=f'set -- "${{@//\\/etc\\/aphex/{place}/etc}}"\n'
             f'exec "${{@//\\/usr\\/share\\/doc\\/aphex\\/examples/{EXAMPLES}}}"',
        aphex=f'[[ $1 != restore ]] || export APHEX_STATE_DIR={place}/restored\n'
              f'exec {PROGRAM} "${{@//\\/var\\/backups/{place}/backups}}"')
    yield desk, made.directory
    # The example and the secret are what a server starts with.
    desk.run("aphex", "serve", "--check", "--config", str(place / "etc/aphex-server.yaml"),
             cwd=place)
    restored = desk.having(APHEX_STATE_DIR=str(place / "restored"))
    assert "The Archon agent" in restored.run(str(PROGRAM), "runs", "1", cwd=place)


# --- approvals ----------------------------------------------------------------------------------

@contextlib.contextmanager
def waiting_workflow(cluster, name):
    """A workflow at its gate, for two people; Argo's part is done by a driver."""
    namespace = cluster.namespace("argo")
    driver = Driver(types.SimpleNamespace(api=cluster.admin), namespace)
    try:
        with contextlib.closing(Generator()) as generate:
            yield Waiting(cluster, generate, namespace, name=name, quorum=2,
                          approvers=["grace", "linus"])
    finally:
        driver.stop()


def kubeconfig_of(cluster, user):
    """Of somebody who has the rights that the page names, and no other."""
    cluster.bind(user, RIGHTS, "argo")
    return cluster._write_kubeconfig(cluster.user_token(user))


# On a terminal, where somebody says yes; who approves and who rejects are two people.
ON_THE_CLUSTER = """\
[[ $* == *--workflow* ]] || exec {program} "$@"
export KUBECONFIG={approves}
[[ $* != *--reject* ]] || export KUBECONFIG={rejects}
printf 'y\\n' | script -qec "$(printf '%q ' {program} "$@")" /dev/null
"""


@pytest.fixture
def asking(laptop, local_aws, cluster):
    """Run 1 has succeeded, run 2 waits for ada or grace, and ada is its author; a workflow waits,
    too."""
    desk, made = with_runs(laptop, local_aws, "asking", approval={"approvers": ["ada", "grace"]})
    with desk.in_background("aphex", "run", cwd=made.directory) as first:
        await_request(desk, made, 1, first)
        desk.run("aphex", "approve", "1", "--as", "grace", "--yes", cwd=made.directory)
        assert first.wait(SECONDS) == 0
    made.stacks({"name": "Api", "resources": {"Queue": {"Type": "AWS::SQS::Queue"}}})
    made.commit("Let the agent read the transcripts")
    with (waiting_workflow(cluster, "archon-agent-7f3k2") as workflow,
          desk.in_background("aphex", "run", cwd=made.directory) as second):
        await_request(desk, made, 2, second)
        yield wrapped(desk, "asking", aphex=ON_THE_CLUSTER.format(
            program=PROGRAM, approves=kubeconfig_of(cluster, "grace"),
            rejects=kubeconfig_of(cluster, "linus"))), made.directory
        assert second.wait(SECONDS) == 0
        workflow.until(lambda: workflow.status["phase"] == "Failed")
        assert "rejected by linus" in workflow.node("gate-prod")["message"]


# --- constructs ---------------------------------------------------------------------------------

@pytest.fixture
def constructing(laptop, local_aws):
    """The program that docs/constructs.md shows, built, with its cdk.json. Whoever is asked says
    yes."""
    directory = laptop.directory / "constructing"
    (directory / "build").mkdir(parents=True)
    program = (ROOT / "tests/constructs/construct_example.cpp").read_text(encoding="utf-8")
    assert shown("docs/constructs.md", "cpp", "#include <aphex/app.hpp>") == program
    (directory / "build/example").symlink_to(BUILT / "construct_example")
    (directory / "cdk.json").write_text(shown("docs/constructs.md", "json", "{"), encoding="utf-8")
    desk = wrapped(laptop.having(**local_aws), "constructing-cdk",
                   cdk=f'[[ $1 != deploy ]] || set -- "$@" --require-approval never\n'
                       f'exec {ROOT}/node_modules/.bin/cdk "$@"')
    return desk, directory
