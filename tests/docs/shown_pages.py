"""What test_shown_commands.py needs to know of the pages: where each is followed, which of their
commands do not end with 0, which are only checked, and which are not run, with the reason."""

import typing

# A code of CODES: it goes on until somebody ends it.
ENDLESS = -1

# Page → the desk that it is followed at (a fixture of test_shown_commands.py).
DESKS = {
    "README.md": "written_application",
    "docs/access.md": "answering",
    "docs/api.md": "answering",
    "docs/approvals.md": "asking",
    "docs/constructs.md": "constructing",
    "docs/first-pipeline.md": "empty",
    "docs/migration/from-aphexpipeline.md": "deployed",
    "docs/migration/from-github-actions.md": "written_application",
    "docs/monitoring.md": "watching",
    "docs/notifications.md": "telling",
    "docs/operations.md": "operating",
    "docs/pipeline-stack.md": "deployed",
    "docs/rollback.md": "delivered",
    "docs/sandbox.md": "with_sandbox",
    "docs/server.md": "server",
    "docs/setup-eks.md": "on_the_cluster",
    "docs/setup-laptop.md": "checkout",
    "docs/troubleshooting.md": "with_a_run",
}

# Commands whose exit code is another one than 0, with what makes them so.
CODES = {
    ("docs/approvals.md", "aphex approve 2 --as ada --yes"): (1, "the author is not enough"),
    ("docs/server.md", "aphex serve"): (ENDLESS, "it serves until it is ended"),
    ("README.md", "aphex resume"): (2, "nothing is left to be done"),
    ("README.md", "aphex doctor"): (1, "there is no configuration yet"),
    ("docs/setup-laptop.md", "aphex doctor"): (1, "the directory is no application"),
}


class OnlyChecked(typing.NamedTuple):
    options: str  # with which the program looks at the command, and does nothing
    reason: str


# What a command begins with → how a desk runs it (desks.py).
ONLY_CHECKED = {
    "make": OnlyChecked(
        "-n", "what it builds is the program under test, and what it installs is the machine's: "
              "that the target is there is checked, and tests/packaging installs"),
    "aws eks create-access-entry": OnlyChecked(
        "--generate-cli-skeleton output", "the sandbox's EKS has no access entries: the parameters "
                                          "are checked against AWS's own model"),
}

# Commands that are not run. Each names who proves it instead.
PACKAGES = "three hundred megabytes from PyPI; scripts/setup installs the same list into .venv"
PODS = "the variables are a WorkflowTemplate's; tests/stage runs both with them"
LOAD = "minutes of load on a machine that must be idle; `make bench` is a target of its own"
NOT_RUN = {
    ("README.md", "aphex run --sandbox --quiet"):
        "the example's output; tests/e2e/test_pipeline_example.py runs the example",
    ("docs/pods.md", "aphex stage --clone --work /tmp/pod"): PODS,
    ("docs/pods.md", "aphex stage --plan plan.json --work /tmp/pod"): PODS,
    ("docs/benchmarks.md", "make build && scripts/bench --report"): LOAD,
    ("docs/benchmarks.md", "scripts/bench --only synth --report"): LOAD,
    ("docs/benchmarks.md", "tests/bench/soak_server.py build/release"): LOAD,
    ("docs/setup-laptop.md", "python3 -m venv ~/.local/state/aphex/sandbox/venv"): PACKAGES,
    ("docs/setup-laptop.md", "~/.local/state/aphex/sandbox/venv/bin/pip install -r "
                             "/usr/share/aphex/sandbox/requirements.txt"): PACKAGES,
}
