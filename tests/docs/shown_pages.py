"""What test_shown_commands.py needs to know of the pages: where each is followed, which of their
commands do not end with 0, and which are not run, with the reason."""

from desks import ENDLESS

# Page → the desk that it is followed at (a fixture of test_shown_commands.py).
DESKS = {
    "README.md": "written_application",
    "docs/first-pipeline.md": "empty",
    "docs/migration/from-aphexpipeline.md": "deployed",
    "docs/migration/from-github-actions.md": "written_application",
    "docs/monitoring.md": "watching",
    "docs/pipeline-stack.md": "deployed",
    "docs/rollback.md": "delivered",
    "docs/sandbox.md": "with_sandbox",
    "docs/server.md": "server",
    "docs/setup-eks.md": "on_the_cluster",
    "docs/setup-laptop.md": "checkout",
}

# Commands whose exit code is another one than 0, with what makes them so.
CODES = {
    ("docs/server.md", "aphex serve"): (ENDLESS, "it serves until it is ended"),
    ("README.md", "aphex logs --failed"): (1, "nothing has failed"),
    ("README.md", "aphex resume"): (2, "nothing is left to be done"),
    ("README.md", "aphex doctor"): (1, "there is no configuration yet"),
    ("docs/setup-laptop.md", "aphex doctor"): (1, "the directory is no application"),
}

# Commands that are not run. Each names who proves it instead.
PACKAGES = "three hundred megabytes from PyPI; scripts/setup installs the same list into .venv"
CONSTRUCTS = "a program that must be built first; tests/constructs and tests/packaging do both"
PODS = "the variables are a WorkflowTemplate's; tests/stage runs both with them"
NOT_RUN = {
    ("docs/setup-laptop.md", "python3 -m venv ~/.local/state/aphex/sandbox/venv"): PACKAGES,
    ("docs/setup-laptop.md", "~/.local/state/aphex/sandbox/venv/bin/pip install -r "
                             "/usr/share/aphex/sandbox/requirements.txt"): PACKAGES,
    ("README.md", "aphex run --sandbox --quiet"):
        "the example's output; tests/e2e/test_pipeline_example.py runs the example",
    ("docs/constructs.md", "cdk ls"): CONSTRUCTS,
    ("docs/constructs.md", "cdk deploy --all"): CONSTRUCTS,
    ("docs/pods.md", "aphex stage --clone --work /tmp/pod"): PODS,
    ("docs/pods.md", "aphex stage --plan plan.json --work /tmp/pod"): PODS,
    ("docs/sandbox.md", "aphex sandbox cluster add shared --kubeconfig ~/.kube/config "
                        "--context kind-kind"):
        "a cluster of one's own is needed; tests/sandbox/test_cluster_command.py adds one",
    ("docs/troubleshooting.md", "aphex run --plan commit"):
        "an option of one message's remedy; tests/e2e/test_engine_mended_plan.py runs it",
}
