"""Processes of functions with a runtime of their own (provided.*): started, reused, ended.

A process serves one call at a time and stays for the next one, as in Lambda. It ends when it has
idled, when its credentials grow old, when the function changes, and with the sandbox.
"""

import array
import fcntl
import os
import select
import subprocess
import termios
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from . import processes
from .log import Line, lines_of
from .runtime_api import Call, Outcome, RuntimeApi, failure

# Lambda's own bound on the time until a process asks for its first call.
INIT_SECONDS = 10
IDLE_SECONDS = 120.0
# The credentials last an hour; a call may take a quarter of one.
MAX_AGE_SECONDS = 2400.0
MAX_IDLE = 4
MAX_LOG_BYTES = 256 * 1024
# For what a process prints until it asks again: it belongs to the call that ends.
_AFTERMATH_SECONDS = 0.2


@dataclass(frozen=True)
class Launch:
    key: str  # same code, same configuration
    command: list[str]
    environment: dict[str, str]
    folder: Path
    log_stream: str


class CannotStart(Exception):
    """The program is not there, or is none for this machine."""


class Gone(Exception):
    """The process ended while it idled; the call has reached nobody."""


class Process:
    def __init__(self, launch: Launch):
        self.key = launch.key
        self.log_stream = launch.log_stream
        self.started = self.used = time.monotonic()
        self._fresh = True
        self._printed: list[tuple[int, bytes]] = []  # when, in milliseconds, and what
        self._bytes = 0
        self._lock = threading.Lock()
        self._api = RuntimeApi()
        environment = {**launch.environment, "AWS_LAMBDA_RUNTIME_API": self._api.address}
        try:
            self._process = processes.start(
                launch.command, environment, launch.folder, stdin=subprocess.DEVNULL
            )
        except OSError as error:
            self._api.shut_down()
            raise CannotStart(
                f"fork/exec /var/task/{Path(launch.command[0]).name}:"
                f" {(error.strerror or str(error)).lower()}"
            ) from error
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=self._watch, daemon=True).start()

    @property
    def lives(self) -> bool:
        return self._process.poll() is None

    @property
    def is_old(self) -> bool:
        return time.monotonic() - self.started > MAX_AGE_SECONDS

    def run(self, call: Call) -> tuple[Outcome, list[Line]]:
        """The outcome and what was printed meanwhile; a process that failed is ended.

        Raises Gone.
        """
        self._api.offer(call)
        fresh, self._fresh = self._fresh, False
        taken = self._api.wait_until_taken(INIT_SECONDS if fresh else call.seconds)
        outcome = self._api.wait_for_outcome(call) if taken else None
        if outcome is not None:
            if self._api.failed_to_start:
                self.end()
            else:
                self._api.wait_until_asking(_AFTERMATH_SECONDS)
            return outcome, self._take_printed()
        if not taken and not fresh and not self.lives:
            self.end()
            raise Gone
        self._api.close()
        id_ = call.request_id
        if not self.lives:
            outcome = failure("Runtime.ExitError", f"RequestId: {id_} Error: {self._exit()}")
        elif taken:
            text = f"{id_} Task timed out after {call.seconds}.00 seconds"
            outcome = failure("Sandbox.Timedout", text)
        else:
            text = f"{id_} the runtime asked for no call within {INIT_SECONDS} seconds"
            outcome = failure("Sandbox.Timedout", text)
        self.end()
        return outcome, self._take_printed()

    def end(self) -> None:
        processes.end(self._process)
        self._process.wait()
        threading.Thread(target=self._api.shut_down, daemon=True).start()

    def _exit(self) -> str:
        code = self._process.returncode
        if code == 0:
            return "Runtime exited without providing a reason"
        cause = f"exit status {code}" if code > 0 else f"signal: {-code}"
        return f"Runtime exited with error: {cause}"

    def _watch(self) -> None:
        self._process.wait()
        self._api.close()

    def _read(self) -> None:
        stream = self._process.stdout
        assert stream is not None
        with stream:
            while True:
                select.select([stream], [], [])
                with self._lock:
                    chunk = os.read(stream.fileno(), 65536)
                    self._printed.append((int(time.time() * 1000), chunk))
                    self._bytes += len(chunk)
                    while self._bytes > MAX_LOG_BYTES and len(self._printed) > 1:
                        self._bytes -= len(self._printed.pop(0)[1])
                if not chunk:
                    return

    def _take_printed(self) -> list[Line]:
        """Everything so far: what is in the pipe has been printed, too."""
        end = time.monotonic() + _AFTERMATH_SECONDS
        while True:
            with self._lock:
                if time.monotonic() > end or not self._unread():
                    printed, self._printed, self._bytes = self._printed, [], 0
                    return lines_of(printed)
            time.sleep(0.001)

    def _unread(self) -> bool:
        waiting = array.array("i", [0])
        try:
            fcntl.ioctl(self._process.stdout.fileno(), termios.FIONREAD, waiting)
        except (OSError, ValueError):
            return False  # closed
        return waiting[0] > 0


class Pool:
    """Idle processes, the one used last at the end."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[Process] = []
        self._reaper: threading.Thread | None = None

    def take(self, key: str) -> Process | None:
        with self._lock:
            for process in reversed(self._idle):
                if process.key == key and process.lives and not process.is_old:
                    self._idle.remove(process)
                    return process
        return None

    def give_back(self, process: Process) -> None:
        if not process.lives:
            process.end()
            return
        process.used = time.monotonic()
        with self._lock:
            self._idle.append(process)
            surplus = self._idle[:-MAX_IDLE]
            del self._idle[:-MAX_IDLE]
            if self._reaper is None:
                self._reaper = threading.Thread(target=self._reap, daemon=True)
                self._reaper.start()
        for old in surplus:
            old.end()

    def end_idle(self, seconds: float = 0.0) -> None:
        now = time.monotonic()
        with self._lock:
            over = [p for p in self._idle if now - p.used >= seconds or not p.lives]
            self._idle = [p for p in self._idle if p not in over]
        for process in over:
            process.end()

    def _reap(self) -> None:
        while True:
            time.sleep(IDLE_SECONDS / 10)
            self.end_idle(IDLE_SECONDS)


POOL = Pool()
