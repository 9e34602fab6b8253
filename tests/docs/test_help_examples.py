"""The examples of every command's help, which docs/commands.md prints: each is run beside an
application with twelve runs and a server, and ends as a table says; without an entry, with 0."""

import contextlib
import dataclasses
import pathlib
import random
import re
import shutil
import subprocess
import sys
import time

import pytest

from desks import PROGRAM, ROOT, SECONDS, SYSTEM_PATH, end_group
from server_desks import Application, Collector
from shown_pages import ENDLESS
from stand_ins import write_program

sys.path.append(str(ROOT / "tests/support"))
import make_runs  # noqa: E402

CONFIGURATION = """\
version: "1.0"
build:
  commands: ["true"]
environments:
  - name: dev
    region: us-east-1
    account: "111122223333"
    stacks:
      - {name: ApiStack, path: lib/api.ts}
pipeline:
  name: shop
  oidcIssuer: oidc.eks.us-east-1.amazonaws.com/id/ABC123
  githubOwner: example
  githubRepo: shop
  githubTokenSecretName: github-token
  clusterName: arbiter
"""
SERVER = """\
version: "1.0"
listen: 127.0.0.1:0
pipelines:
  - {name: shop, repository: example/shop, webhookSecretFiles: [webhook-secret]}
notifications:
  - {name: team, channel: slack, urlFile: slack-url}
"""
RUNS = 12
HOUR = 3_600_000
# Not run here. Behind each stands who does it instead.
CLUSTER = "docs/setup-eks.md and docs/pipeline-stack.md, followed by test_shown_commands.py"
ELSEWHERE = {
    "aphex sandbox start": "test_shown_commands.py, at the desk of docs/sandbox.md: what it starts "
                           "stays",
    'cdk deploy --app "aphex synth"': CLUSTER,
    'cdk diff --app "aphex synth" -c clusterName=arbiter': CLUSTER,
    "aphex manifests | kubectl apply --server-side --field-manager=aphex -f -":
        "nobody as a whole: tests/pipeline_stack/test_manifests.py reads what is printed, and "
        "tests/argo gives such objects to an API server",
}
NO_SANDBOX = (1, "APHEX_SANDBOX_PYTHON names /nowhere/python")
# Examples that cannot do here what they are for: the code, and what is said of it.
CODES = {
    "aphex init": (2, "aphex-config.yaml is already there"),
    "aphex run --sandbox": NO_SANDBOX,
    "aphex run --sandbox --worktree": NO_SANDBOX,
    "aphex run --commit 3f2a1b0": (2, "'3f2a1b0' names no commit"),
    "aphex run --log-format json": (1, "there are no AWS credentials"),
    "aphex sandbox cluster add dev --kubeconfig ~/.kube/config": (1, "no sandbox is running"),
    "aphex cancel": (2, "run 12 is not going: it succeeded"),
    "aphex cancel 12": (2, "run 12 is not going: it succeeded"),
    "aphex resume": (2, "run 12 is finished (succeeded)"),
    "aphex resume 12": (2, "run 12 is finished (succeeded)"),
    "aphex approve": (1, "no run waits for an approval"),
    "aphex approve 12 --show": (1, "run 12 has asked for no approval"),
    'aphex approve 12 --reject --comment "not on a Friday"':
        (1, "run 12 has asked for no approval"),
    "aphex approve --workflow shop-x7k2p --namespace argo": (1, "there is no kubeconfig"),
    "aphex serve --config aphex-server.yaml": (ENDLESS, "http://127.0.0.1:"),
    "aphex doctor --sandbox": (1, "no sandbox is running"),
    # A clone that fails is for the stage to tell, which reads its report.
    "aphex stage --clone": (0, "failed: APHEX_COMMIT_SHA, "),
    "aphex stage --plan /aphex/plan.json": (2, "APHEX_COMMIT_SHA, "),
    "aphex stage --exit": (2, "APHEX_WORKFLOW_STATUS, "),
}
# What somebody has done before the example.
BEFORE = {
    "aphex restore /var/backups/aphex.tar.gz":
        'aphex backup /var/backups/aphex.tar.gz && rm -r "$APHEX_STATE_DIR"',
    "aphex restore aphex.tar.gz --state-dir /var/lib/aphex --force":
        "aphex backup aphex.tar.gz && aphex runs --state-dir /var/lib/aphex",
    "aphex token revoke ci": "aphex token create ci --role run",
}
# The fake CDK, of which `init` asks without the run's context.
CDK = """\
#!/bin/bash
[[ $1 != synth || $* == *account=* ]] || set -- "$@" account=111122223333 region=us-east-1
exec "$(dirname "$0")/fake-cdk" "$@"
"""
# The hint of every complaint about words of the command line.
NOT_UNDERSTOOD = re.compile(r"--help' shows|there is no command")


def help_of(*command):
    return subprocess.run([PROGRAM, *command, "--help"], capture_output=True, text=True,
                          check=True).stdout


def examples():
    listed = help_of().partition("Subcommands:\n")[2].partition("\n\n")[0]
    for command in re.findall(r"^  ([a-z]+)  +\S", listed, re.MULTILINE):
        text = help_of(command).partition("Examples:\n")[2]
        for line in text.splitlines():
            # Behind two spaces it is said what the example does.
            yield re.split(r"  +", line.strip())[0]


EXAMPLES = [line for line in examples() if line] if PROGRAM.exists() else []
RUN_HERE = [line for line in EXAMPLES if line not in ELSEWHERE]


@dataclasses.dataclass(frozen=True)
class Place:
    """A home with an application, a state directory, and what is the machine's elsewhere."""
    directory: pathlib.Path

    @property
    def variables(self):
        people = {f"GIT_{who}_{what}": text for who in ("AUTHOR", "COMMITTER")
                  for what, text in (("NAME", "Ada"), ("EMAIL", "ada@example.com"))}
        return people | {
            "PATH": f"{PROGRAM.parent}:{SYSTEM_PATH}", "HOME": str(self.directory),
            "APHEX_STATE_DIR": str(self.directory / "state"), "NO_COLOR": "1", "LANG": "C.UTF-8",
            "AWS_EC2_METADATA_DISABLED": "true", "GIT_CONFIG_NOSYSTEM": "1",
            "FAKE_CDK": str(self.directory / "shop-cdk"),
            "APHEX_SANDBOX_PYTHON": "/nowhere/python"}

    def start(self, line):
        # A server of this machine is none of ours.
        for place in ("/var/lib/aphex", "/var/backups"):
            line = line.replace(place, f"{self.directory}{place}")
        return subprocess.Popen(["bash", "-c", line], cwd=self.directory / "shop",
                                env=self.variables, text=True, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                start_new_session=True)

    def run(self, line):
        """The exit code, and what was printed."""
        process = self.start(line)
        try:
            said = process.communicate(timeout=SECONDS)[0]
        finally:
            end_group(process)
        return process.returncode, said

    def run_until_ready(self, line):
        """Of what goes on until it is ended: its first line, then its end."""
        process = self.start(f"exec {line}")
        try:
            said = process.stdout.readline()
            process.terminate()
            process.communicate(timeout=SECONDS)
        finally:
            end_group(process)
        assert process.returncode == 0
        return ENDLESS, said


def record_runs(state):
    """As the program would have recorded them, all of them succeeded."""
    database = make_runs.create(state)
    plan = make_runs.plan_of(make_runs.config(("dev",)), "shop")
    writer = make_runs.Writer(database, random.Random(1))
    now = int(time.time() * 1000)
    for number in range(RUNS):
        writer.add(make_runs.Made("shop", plan, make_runs.commit_of(writer.choice),
                                  now - (RUNS - number) * HOUR))
    writer.flush()
    database.close()


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    directory = tmp_path_factory.mktemp("examples")
    for folder in ("var/lib", "var/backups", ".kube"):
        (directory / folder).mkdir(parents=True)
    made = Application(directory / "shop", Place(directory).variables)
    made.stacks({"name": "ApiStack"})
    for file in ("aphex-config.yaml", "other.yaml"):
        made.write(file, CONFIGURATION)
    made.write("lib/api.ts", "export {};\n")
    made.write("aphex-server.yaml", SERVER)
    made.write("webhook-secret", "a-secret-of-the-examples\n")
    cdk = made.directory / "node_modules/.bin/cdk"
    cdk.rename(cdk.with_name("fake-cdk"))
    write_program(cdk, CDK)
    record_runs(directory / "state")
    with contextlib.closing(Collector()) as chat:
        made.write("slack-url", f"{chat.url}/hook\n")
        for secret in ("webhook-secret", "slack-url"):
            (made.directory / secret).chmod(0o600)
        made.commit("A shop")
        yield directory


@pytest.fixture
def place(prepared, tmp_path):
    """Each example finds everything as it was."""
    shutil.copytree(prepared, tmp_path / "home", symlinks=True)
    return Place(tmp_path / "home")


def test_there_are_examples():
    assert len(EXAMPLES) > 50
    assert [line for line in [*ELSEWHERE, *CODES, *BEFORE] if line not in EXAMPLES] == []
    assert len(CODES) < len(EXAMPLES) / 2


@pytest.mark.parametrize("line", RUN_HERE)
def test_an_example_ends_as_it_must(place, line):
    if line in BEFORE:
        code, said = place.run(BEFORE[line])
        assert code == 0, said
    code, words = CODES.get(line, (0, ""))
    ended, said = place.run_until_ready(line) if code == ENDLESS else place.run(line)
    assert ended == code, said
    assert words in said
    assert not NOT_UNDERSTOOD.search(said)


@pytest.mark.parametrize("line", ["aphex runs --everything", "aphex logs --stage",
                                  "aphex completion tcsh", "aphex begin"])
def test_what_is_wrong_would_be_noticed(place, line):
    code, said = place.run(line)
    assert code == 2 and NOT_UNDERSTOOD.search(said), said
