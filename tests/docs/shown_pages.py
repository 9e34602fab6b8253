"""What test_shown_commands.py needs to know of the pages: where each is followed, which of their
commands do not end with 0, and which are not run, with the reason."""

from desks import ENDLESS

# Page → the desk that it is followed at (a fixture of test_shown_commands.py).
DESKS = {
    "README.md": "written_application",
    "docs/access.md": "answering",
    "docs/api.md": "answering",
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
    ("README.md", "aphex resume"): (2, "nothing is left to be done"),
    ("README.md", "aphex doctor"): (1, "there is no configuration yet"),
    ("docs/setup-laptop.md", "aphex doctor"): (1, "the directory is no application"),
}

# Commands that are not run. Each names who proves it instead.
PACKAGES = "three hundred megabytes from PyPI; scripts/setup installs the same list into .venv"
CONSTRUCTS = "a program that must be built first; tests/constructs and tests/packaging do both"
PODS = "the variables are a WorkflowTemplate's; tests/stage runs both with them"
SERVICE = "a service of the whole machine; tests/packaging checks the unit and its files"
CHANNELS = "sends to chats and mail; tests/server/test_notification_channels.py receives them"
WAITS = "a run that waits; tests/e2e/test_engine_approvals.py decides one by each of them"
GATE = "a workflow that waits at its gate; tests/argo and tests/stage/test_approvals.py have one"
LOAD = "minutes of load on a machine that must be idle; `make bench` is a target of its own"
BACKUP = "places of the whole machine; tests/server/test_backup.py does both"
NOT_RUN = {
    ("docs/benchmarks.md", "make build && scripts/bench --report"): LOAD,
    ("docs/benchmarks.md", "scripts/bench --only synth --report"): LOAD,
    ("docs/benchmarks.md", "tests/bench/soak_server.py build/release"): LOAD,
    ("docs/approvals.md", "aphex approve --workflow archon-agent-7f3k2 --namespace argo"): GATE,
    ("docs/approvals.md", "aphex approve --workflow archon-agent-7f3k2 --namespace argo --reject "
                          '--comment "not on a Friday"'): GATE,
    ("docs/approvals.md", "argo node set archon-agent-7f3k2 -n argo --node-field-selector "
                          "displayName=gate-prod \\"): GATE,
    ("docs/approvals.md",
     "--phase Succeeded -p decision=approved -p digest=… -p people=grace"): GATE,
    ("docs/approvals.md", "aphex approve 2 --show"): WAITS,
    ("docs/approvals.md", "aphex approve 2 --as ada --yes"): WAITS,
    ("docs/approvals.md", "aphex approve 2 --as grace --yes --comment "
                          '"the transcripts hold nothing secret"'): WAITS,
    ("docs/approvals.md", "aphex runs"): WAITS,
    ("docs/approvals.md", "aphex runs 2"): WAITS,
    ("docs/operations.md", "sudo apt install ./aphex_*.deb"): SERVICE,
    ("docs/operations.md", "aphex backup /var/backups/aphex.tar.gz"): BACKUP,
    ("docs/operations.md", "aphex restore /var/backups/aphex.tar.gz"): BACKUP,
    ("docs/setup-laptop.md", "python3 -m venv ~/.local/state/aphex/sandbox/venv"): PACKAGES,
    ("docs/setup-laptop.md", "~/.local/state/aphex/sandbox/venv/bin/pip install -r "
                             "/usr/share/aphex/sandbox/requirements.txt"): PACKAGES,
    ("README.md", "aphex run --sandbox --quiet"):
        "the example's output; tests/e2e/test_pipeline_example.py runs the example",
    ("docs/constructs.md", "cdk ls"): CONSTRUCTS,
    ("docs/constructs.md", "cdk deploy --all"): CONSTRUCTS,
    ("docs/notifications.md", "aphex serve --check"): CHANNELS,
    ("docs/notifications.md", "aphex notify test"): CHANNELS,
    ("docs/notifications.md", "aphex notify test --channel slack"): CHANNELS,
    ("docs/operations.md", "sudo cp /usr/share/doc/aphex/examples/aphex-server.yaml /etc/aphex/"):
        SERVICE,
    ("docs/operations.md",
     "sudo sh -c 'umask 027; openssl rand -hex 32 > /etc/aphex/webhook-secret'"): SERVICE,
    ("docs/operations.md", "sudo chgrp aphex /etc/aphex/webhook-secret"): SERVICE,
    ("docs/operations.md", "sudo systemctl enable --now aphex"): SERVICE,
    ("docs/operations.md", "journalctl -u aphex"): SERVICE,
    ("docs/pods.md", "aphex stage --clone --work /tmp/pod"): PODS,
    ("docs/pods.md", "aphex stage --plan plan.json --work /tmp/pod"): PODS,
    ("docs/sandbox.md", "aphex sandbox cluster add shared --kubeconfig ~/.kube/config "
                        "--context kind-kind"):
        "a cluster of one's own is needed; tests/sandbox/test_cluster_command.py adds one",
    ("docs/troubleshooting.md", "aphex run --plan commit"):
        "an option of one message's remedy; tests/e2e/test_engine_mended_plan.py runs it",
}
