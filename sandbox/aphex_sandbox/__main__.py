"""python -m aphex_sandbox serve|reset --state-dir DIR"""

import argparse
import fcntl
import logging
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def main() -> int:
    arguments = _parse()
    state_dir: Path = arguments.state_dir.resolve()
    state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        with _only_one(state_dir):
            if arguments.command == "reset":
                _reset(state_dir)
                return 0
            return _serve(state_dir, arguments)
    except BlockingIOError:
        print(f"a sandbox is already running in {state_dir}", file=sys.stderr)
        return 1


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="aphex_sandbox", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="serve until SIGTERM or SIGINT")
    serve.add_argument("--state-dir", type=Path, required=True)
    serve.add_argument("--port", type=int, default=0, help="0 picks a free one")
    serve.add_argument("--pipeline-account", default="111122223333")
    serve.add_argument("--verbose", action="store_true", help="log every request")
    reset = commands.add_parser("reset", help="forget all state of a stopped sandbox")
    reset.add_argument("--state-dir", type=Path, required=True)
    return parser.parse_args()


def _serve(state_dir: Path, arguments: argparse.Namespace) -> int:
    _set_up_environment()
    _set_up_log(state_dir, arguments.verbose)
    from .accounts import InvalidAccount
    from .server import serve
    from .snapshot import UnusableState

    try:
        serve(state_dir, arguments.port, arguments.pipeline_account)
    except (UnusableState, InvalidAccount) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: cannot listen on 127.0.0.1:{arguments.port}: {error}", file=sys.stderr)
        return 1
    return 0


def _set_up_environment() -> None:
    """The caller's AWS configuration and moto's own switches must not leak in."""
    for name in [n for n in os.environ if n.startswith(("AWS_", "MOTO_"))]:
        del os.environ[name]
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
    os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "false"
    os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"
    os.environ["TZ"] = "UTC"
    time.tzset()


def _set_up_log(state_dir: Path, verbose: bool) -> None:
    logging.basicConfig(
        filename=state_dir / "server.log",
        level=logging.DEBUG if verbose else logging.INFO,
        format="%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s: %(message)s",
        datefmt="%Y-%m-%dT%H:%M:%S",
    )
    logging.captureWarnings(True)
    for noisy in ("botocore", "urllib3", "moto", "werkzeug", "py.warnings"):
        logging.getLogger(noisy).setLevel(logging.ERROR)


def _reset(state_dir: Path) -> None:
    for name in ("state.bin", "server.json"):
        (state_dir / name).unlink(missing_ok=True)
    for name in ("blobs", "functions"):
        shutil.rmtree(state_dir / name, ignore_errors=True)


@contextmanager
def _only_one(state_dir: Path) -> Iterator[None]:
    """Raises BlockingIOError when another process holds the directory."""
    with open(state_dir / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


if __name__ == "__main__":
    sys.exit(main())
