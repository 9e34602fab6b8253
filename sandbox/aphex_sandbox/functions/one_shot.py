"""Functions for node and python: a process for each call, which ends with it."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moto.awslambda.models import LambdaFunction

from . import processes
from .code import CannotRun, unpack
from .environment import environment_of, seconds_of
from .log import Line
from .runtime_api import MAX_ANSWER_BYTES, Outcome, failure
from .warm import MAX_LOG_BYTES

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Invocation:
    command: list[str]
    environment: dict[str, str]
    task_dir: Path
    stdin: bytes
    seconds: int
    request_id: str


def prepare(function: LambdaFunction, event: Any, request_id: str, stream: str) -> Invocation:
    """Called inside the world."""
    runtime = function.run_time or "container image"
    if runtime.startswith("nodejs"):
        node = shutil.which("node")
        if node is None:
            raise CannotRun("node is not installed: the sandbox needs it to run this function")
        command = [node, str(_HERE / "run_node.cjs")]
    elif runtime.startswith("python"):
        command = [sys.executable, "-B", str(_HERE / "run_python.py")]
    else:
        raise CannotRun(f"the sandbox runs nodejs, python and provided functions, not {runtime}")
    task_dir = unpack(function)
    seconds = seconds_of(function)
    context = {
        "functionName": function.function_name,
        "functionVersion": str(function.version),
        "invokedFunctionArn": function.function_arn,
        "memoryLimitInMB": str(function.memory_size),
        "awsRequestId": request_id,
        "logGroupName": function.logs_group_name,
        "logStreamName": stream,
        "timeoutMs": seconds * 1000,
    }
    stdin = json.dumps({"event": event, "context": context}).encode()
    command += [str(task_dir), function.handler or ""]
    environment = environment_of(function, task_dir, stream)
    return Invocation(command, environment, task_dir, stdin, seconds, request_id)


def run(invocation: Invocation) -> tuple[Outcome, list[Line]]:
    """The outcome and what was printed."""
    outcome, printed = _run(invocation)
    now = int(time.time() * 1000)
    return outcome, [(now, line) for line in printed.splitlines()]


def _run(invocation: Invocation) -> tuple[Outcome, str]:
    answer, printed = _communicate(invocation)
    if answer is None:
        text = f"{invocation.request_id} Task timed out after {invocation.seconds}.00 seconds"
        return failure("Sandbox.Timedout", text), printed
    if not answer:
        tail = printed.strip().splitlines()[-1:] or ["no output"]
        text = f"RequestId: {invocation.request_id} Error: Runtime exited: {tail[0]}"
        return failure("Runtime.ExitError", text), printed
    if len(answer) > MAX_ANSWER_BYTES:
        text = f"Response payload size exceeded maximum allowed payload size ({MAX_ANSWER_BYTES})"
        return failure("Function.ResponseSizeTooLarge", text), printed
    message = json.loads(answer)
    errored = "error" in message
    return Outcome(json.dumps(message["error" if errored else "value"]), errored), printed


def _communicate(invocation: Invocation) -> tuple[bytes | None, str]:
    """The answer, empty when the process gave none, None when its time was over."""
    answer_fd, child_fd = os.pipe()
    received: list[bytes] = []
    try:
        process = processes.start(
            [*invocation.command, str(child_fd)],
            invocation.environment,
            invocation.task_dir,
            stdin=subprocess.PIPE,
            pass_fds=(child_fd,),
        )
    except OSError:
        os.close(answer_fd)
        raise
    finally:
        os.close(child_fd)
    reader = threading.Thread(target=_read_all, args=(answer_fd, received), daemon=True)
    reader.start()
    over = False
    try:
        printed, _ = process.communicate(invocation.stdin, timeout=invocation.seconds)
    except subprocess.TimeoutExpired:
        over = True
        processes.end(process)
        printed, _ = process.communicate()
    finally:
        # Whatever the handler left behind ends with the invocation.
        processes.end(process)
        reader.join(timeout=5)
    text = printed[-MAX_LOG_BYTES:].decode("utf-8", "replace")
    return (None if over else b"".join(received)), text


def _read_all(descriptor: int, received: list[bytes]) -> None:
    total = 0
    with os.fdopen(descriptor, "rb") as stream:
        while chunk := stream.read1(65536):
            total += len(chunk)
            if total <= MAX_ANSWER_BYTES + 65536:
                received.append(chunk)
