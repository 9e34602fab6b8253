"""Commands within sentences and cells: `npx cdk diff "Dev/*"` is run by nobody, but the command and
its options must be ones that the program has. Those of aphex and of make are looked at by
test_documentation.py."""

import functools
import re
import shlex
import subprocess

import pytest

from desks import ROOT, SYSTEM_PATH, VENV, cluster_programs
from shell_blocks import FENCE, PAGES, name_of, text_of
from shown_pages import NOT_RUN

# Programs that are not on every machine that tests: the words that they know, by their manuals.
WORDS = {
    "argo": {"submit", "list", "get", "logs", "retry", "resubmit", "resume", "stop", "terminate",
             "node"},
    "systemctl": {"enable", "disable", "edit", "reload", "restart", "start", "status", "stop"},
    "systemd-analyze": {"security", "verify"},
    "journalctl": set(),
    "npm": {"ci", "install", "run", "test"},
}
OPTIONS = {"argo": {"--from", "-p", "-n"}, "systemctl": {"--now"}, "journalctl": {"-u"},
           "npm": set(), "systemd-analyze": set()}
# Of version 2 of AWS's command line, which is in no registry of packages.
AWS_2 = {"sso login"}
PLACEHOLDER = re.compile(r"<[^>]*>|…")
UNKNOWN = "--no-such-option-anywhere"
CHECKED = ("argo", "aws", "cdk", "cmake", "git", "journalctl", "kubectl", "npm", "npx cdk",
           "npx aws-cdk@2", "scripts/", "systemctl", "systemd-analyze", "tests/")


def spans():
    """(page, command) of each command in a sentence, and of those that no test runs."""
    pages = [*PAGES, ROOT / "ARCHITECTURE.md", ROOT / "CONTRIBUTING.md"]
    for page in pages:
        for span in re.findall(r"`([^`]+)`", FENCE.sub("", text_of(page))):
            text = re.sub(r"^(?:[A-Z_]+=\S+ )+", "", " ".join(span.split()))
            if " " in text and text.startswith(tuple(f"{each} " for each in CHECKED if
                                                     not each.endswith("/"))
                                               + ("scripts/", "tests/")):
                yield name_of(page), text
    for page, line in NOT_RUN:
        if line.startswith(CHECKED):
            yield page, line


SPANS = sorted(set(spans()))


@functools.cache
def said(*argv):
    """What a program prints of itself, on both channels."""
    environment = {"PATH": f"{VENV}:{ROOT}/node_modules/.bin:{SYSTEM_PATH}", "HOME": "/nonexistent",
                   "AWS_EC2_METADATA_DISABLED": "true", "NO_COLOR": "1", "LANG": "C.UTF-8",
                   "AWS_REGION": "us-east-1", "COLUMNS": "200",
                   "CDK_DISABLE_CLI_TELEMETRY": "true", "CI": "true"}
    done = subprocess.run(argv, env=environment, text=True, capture_output=True, cwd=ROOT,
                          stdin=subprocess.DEVNULL, timeout=120, check=False)
    return done.stdout + done.stderr


def options_of(words):
    return [word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)]


def unknown_options(words, text):
    return [option for option in options_of(words)
            if not re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", text)]


def wrong_of_cdk(words):
    if words and not re.search(rf"^ +cdk {words[0]}\b|aliases: .*\b{words[0]}\b",
                               said("cdk", "--help"), re.MULTILINE):
        return f"there is no cdk {words[0]}"
    return unknown_options(words, said("cdk", *words[:1], "--help"))


def wrong_of_aws(words):
    if " ".join(words[:2]) in AWS_2:
        return []
    last = said("aws", *words, UNKNOWN).strip().splitlines()[-1]
    # What is required is looked for first: a sentence may leave all of it out, or nothing.
    fine = last == f"Unknown options: {UNKNOWN}" or (
        "arguments are required" in last and not options_of(words))
    return [] if fine else last


def wrong_of_kubectl(words):
    help_ = said(str(cluster_programs() / "kubectl"), words[0], "--help")
    return unknown_options(words, help_) or [line for line in help_.splitlines()
                                             if line.startswith("error: unknown command")]


def wrong_of_git(words):
    # With usage it ends whether the word is known or not.
    help_ = said("git", words[0], "-h")
    return unknown_options(words, help_) if help_.startswith("usage: ") else help_


def wrong_of_script(program, words):
    text = (ROOT / program).read_text(encoding="utf-8") if (ROOT / program).is_file() else None
    if text is None:
        return f"there is no {program}"
    if program == "scripts/bench":
        text += said("python3", str(ROOT / "tests/bench/run.py"), "--help")
    return unknown_options(words, text)


def wrong(command):
    """What the program does not know of it; nothing where it knows all."""
    command = PLACEHOLDER.sub("x", command)
    words = shlex.split(command.removeprefix("npx ").replace("aws-cdk@2", "cdk"))
    program, rest = words[0], words[1:]
    if program in WORDS:
        strange = [word for word in rest[:1] if not word.startswith("-")
                   and word not in WORDS[program]]
        return strange or [each for each in options_of(rest) if each not in OPTIONS[program]]
    if program == "cmake":
        return unknown_options(rest, said("cmake", "--help"))
    if "/" in program:
        return wrong_of_script(program, rest)
    return {"aws": wrong_of_aws, "cdk": wrong_of_cdk, "git": wrong_of_git,
            "kubectl": wrong_of_kubectl}[program](rest)


@pytest.mark.parametrize("page, command", SPANS, ids=lambda each: each)
def test_a_command_that_a_page_names_is_one_of_its_program(page, command):
    assert not wrong(command), page


def test_there_are_such_commands():
    assert len(SPANS) > 25


@pytest.mark.parametrize("command", [
    "npx cdk dif", "npx cdk diff --no-such-thing", "aws cloudformation delete-stak",
    "aws cloudformation delete-stack --stak-name x", "git ls-remotes x", "argo resumit x",
    "systemctl relaod aphex", "scripts/bench --lonely server", "scripts/nothing --x",
    "cmake --instal", "npm cl"])
def test_what_is_wrong_would_be_noticed(command):
    assert wrong(command)
