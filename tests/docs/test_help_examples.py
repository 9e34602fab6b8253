"""The examples of every command's help, which docs/commands.md prints: the program takes them."""

import re
import subprocess

import pytest

from desks import PROGRAM, SYSTEM_PATH

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
# Others start it, and what it starts stays: with_sandbox of test_shown_commands.py.
ELSEWHERE = {"aphex sandbox start"}
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


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    directory = tmp_path_factory.mktemp("examples") / "shop"
    (directory / "lib").mkdir(parents=True)
    (directory / "lib/api.ts").write_text("export {};\n", encoding="utf-8")
    (directory / "aphex-config.yaml").write_text(CONFIGURATION, encoding="utf-8")
    subprocess.run(["git", "init", "-q", directory], check=True)
    return directory


def variables(directory):
    return {"PATH": f"{PROGRAM.parent}:{SYSTEM_PATH}", "HOME": str(directory.parent),
            "APHEX_STATE_DIR": str(directory.parent / "state"), "NO_COLOR": "1",
            "AWS_EC2_METADATA_DISABLED": "true", "LANG": "C.UTF-8"}


def run(directory, line):
    # A server of this machine is none of ours.
    line = line.replace("/var/lib/aphex", str(directory.parent / "var"))
    return subprocess.run(["bash", "-c", line], cwd=directory, env=variables(directory), text=True,
                          capture_output=True, stdin=subprocess.DEVNULL, timeout=120, check=False)


def test_there_are_examples():
    assert len(EXAMPLES) > 30 and ELSEWHERE <= set(EXAMPLES)


# A pipe's other end, and the CDK, are run by test_shown_commands.py.
@pytest.mark.parametrize("line", [line for line in EXAMPLES if line not in ELSEWHERE
                                  and line.startswith(("aphex", "source")) and "|" not in line])
def test_an_example_is_understood(repository, line):
    done = run(repository, line)
    said = done.stderr.partition("error: ")[2]
    assert not (done.returncode == 2 and NOT_UNDERSTOOD.search(said)), done.stderr


@pytest.mark.parametrize("line", ["aphex validate --strict", "aphex plan --steps",
                                  "aphex synth --explain-iam", "aphex manifests > pipeline.yaml",
                                  "aphex schema > aphex-config.schema.json", "aphex runs"])
def test_an_example_that_needs_nothing_works(repository, line):
    assert line in EXAMPLES
    done = run(repository, line)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("line", ["aphex runs --everything", "aphex logs --stage",
                                  "aphex completion tcsh", "aphex begin"])
def test_what_is_wrong_would_be_noticed(repository, line):
    done = run(repository, line)
    assert done.returncode == 2 and NOT_UNDERSTOOD.search(done.stderr), done.stderr
