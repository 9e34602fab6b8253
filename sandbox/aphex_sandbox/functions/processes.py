"""Processes of functions: each leads a group of its own, and none outlives the sandbox."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1

_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
_LOCK = threading.Lock()
_running: set["subprocess.Popen[bytes]"] = set()
# The kernel ends a process with the *thread* that started it, so one that lasts starts them all.
_starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="starter")


def start(
    command: list[str], environment: dict[str, str], folder: Path, **more: Any
) -> "subprocess.Popen[bytes]":
    """Output and errors come in one pipe. Raises OSError."""

    def begin() -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=folder,
            start_new_session=True,
            preexec_fn=_end_with_the_sandbox,
            **more,
        )

    process = _starter.submit(begin).result()
    with _LOCK:
        _running.add(process)
    return process


def end(process: "subprocess.Popen[bytes]") -> None:
    """Kills the process and whatever it left behind in its group."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    with _LOCK:
        _running.discard(process)


def end_all() -> None:
    with _LOCK:
        running = list(_running)
    for process in running:
        end(process)
    for process in running:
        process.wait()


def _end_with_the_sandbox() -> None:
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
