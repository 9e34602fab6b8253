"""The first process in the namespaces that `run` makes: starts the node, then the command.

    inside.py STATE CGROUP [--image ARCHIVE]… -- COMMAND…

When it ends, the kernel ends everything else in here.
"""

import argparse
import os
import pathlib
import signal
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from cluster_fixtures import NotStarted, keep_logs  # noqa: E402
from node import LOGS, Node, prepare_mounts, prepare_network  # noqa: E402


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("state", type=pathlib.Path)
    parser.add_argument("cgroup")
    parser.add_argument("--image", action="append", default=[], type=pathlib.Path)
    parser.add_argument("command", nargs="+")
    return parser.parse_args()


def say(text):
    print(f"node: {text}", file=sys.stderr, flush=True)


def main():
    arguments = read_arguments()
    # The command decides what Ctrl-C means.
    signal.signal(signal.SIGINT, lambda number, frame: None)
    prepare_mounts(arguments.state)
    node = Node(arguments.state, arguments.cgroup)
    prepare_network(node.tool)
    try:
        say("starting a Kubernetes node in namespaces of its own")
        node.start(arguments.image)
        say(f"Kubernetes {node.version} is ready after {node.seconds:.0f} s")
        environment = os.environ | {"KUBECONFIG": str(node.kubeconfig)}
        code = subprocess.run(arguments.command, env=environment, check=False).returncode
    except NotStarted as error:
        say(f"error: {error}")
        code = 1
    if code != 0:
        keep_logs(arguments.state, "node", LOGS)
    sys.exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    main()
