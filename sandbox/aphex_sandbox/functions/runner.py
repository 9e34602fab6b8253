"""Invokes a Lambda function: unpacks its code once, runs it in a process group with a deadline."""

import hashlib
import io
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
import uuid
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moto.awslambda.models import LambdaFunction

from ..addresses import localize
from ..settings import SETTINGS
from ..sts import session_for_role
from ..world import WORLD

# Lambda's own bounds on an answer and on a function's time; processes side by side are ours.
MAX_ANSWER_BYTES = 6 * 1024 * 1024
MAX_SECONDS = 900
MAX_LOG_BYTES = 256 * 1024
MAX_UNPACKED_BYTES = 250 * 1024 * 1024
MAX_PROCESSES = 8

_LOG = logging.getLogger(__name__)
_HERE = Path(__file__).parent
_SLOTS = threading.BoundedSemaphore(MAX_PROCESSES)


class CannotRun(Exception):
    """The function cannot run here; the message says why."""


@dataclass(frozen=True)
class Invocation:
    command: list[str]
    environment: dict[str, str]
    task_dir: Path
    stdin: bytes
    seconds: int
    request_id: str


def invoke(function: LambdaFunction, event: Any) -> tuple[str, bool, str]:
    """The answer as JSON, whether it is an error, and the log."""
    try:
        invocation = _prepare(function, event)
        with WORLD.released(), _SLOTS:
            answer, log = _run(invocation)
    except CannotRun as error:
        return _error("Sandbox.CannotRun", str(error)), True, str(error)
    if answer is None:
        tail = log.strip().splitlines()[-1:] or ["no output"]
        text = f"RequestId: {invocation.request_id} Error: Runtime exited: {tail[0]}"
        return _error("Runtime.ExitError", text), True, log
    message = json.loads(answer)
    if "error" in message:
        return json.dumps(message["error"]), True, log
    return json.dumps(message["value"]), False, log


def _prepare(function: LambdaFunction, event: Any) -> Invocation:
    runtime = function.run_time or "container image"
    task_dir = _unpack(function)
    if runtime.startswith("nodejs"):
        node = shutil.which("node")
        if node is None:
            raise CannotRun("node is not installed: the sandbox needs it to run this function")
        command = [node, str(_HERE / "run_node.cjs")]
    elif runtime.startswith("python"):
        command = [sys.executable, "-B", str(_HERE / "run_python.py")]
    else:
        raise CannotRun(f"the sandbox runs nodejs and python functions, not {runtime}")
    seconds = min(int(function.timeout), MAX_SECONDS)
    request_id = str(uuid.uuid4())
    context = {
        "functionName": function.function_name,
        "functionVersion": str(function.version),
        "invokedFunctionArn": function.function_arn,
        "memoryLimitInMB": str(function.memory_size),
        "awsRequestId": request_id,
        "logGroupName": function.logs_group_name,
        "timeoutMs": seconds * 1000,
    }
    stdin = json.dumps({"event": event, "context": context}).encode()
    command += [str(task_dir), function.handler or ""]
    return Invocation(
        command, _environment(function, task_dir), task_dir, stdin, seconds, request_id
    )


def _environment(function: LambdaFunction, task_dir: Path) -> dict[str, str]:
    own = {key: os.environ[key] for key in ("PATH", "LANG", "TZ") if key in os.environ}
    own |= {
        "HOME": str(task_dir),
        "AWS_REGION": function.region,
        "AWS_DEFAULT_REGION": function.region,
        "AWS_ENDPOINT_URL": SETTINGS.endpoint,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_LAMBDA_FUNCTION_NAME": function.function_name,
        "AWS_LAMBDA_FUNCTION_VERSION": str(function.version),
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_size),
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.run_time}",
        "LAMBDA_TASK_ROOT": str(task_dir),
        "_HANDLER": function.handler or "",
    }
    modules = os.environ.get("APHEX_SANDBOX_NODE_PATH")
    if modules:
        own["NODE_PATH"] = modules
    session = session_for_role(function.role, function.function_name)
    if session is not None:
        own |= {
            "AWS_ACCESS_KEY_ID": session.access_key_id,
            "AWS_SECRET_ACCESS_KEY": session.secret_access_key,
            "AWS_SESSION_TOKEN": session.session_token,
        }
    variables = (function.environment_vars or {}).items()
    return own | {str(k): localize(str(v)) for k, v in variables}


def _unpack(function: LambdaFunction) -> Path:
    inline = getattr(function, "inline_code", None)
    packed = getattr(function, "code_bytes", b"")
    if inline is None and not packed:
        raise CannotRun(f"function {function.function_name} has no code in the sandbox")
    node = (function.run_time or "").startswith("nodejs")
    content = inline.encode() if inline is not None else packed
    digest = hashlib.sha256(content + (b"js" if node else b"py")).hexdigest()
    place = SETTINGS.state_dir / "functions" / digest[:32]
    if place.is_dir():
        return place
    fresh = place.with_name(f"{place.name}.{uuid.uuid4().hex}")
    fresh.mkdir(parents=True)
    try:
        if inline is not None:
            (fresh / ("index.js" if node else "index.py")).write_text(inline)
        else:
            _extract(packed, fresh)
        fresh.rename(place)
    except OSError:
        shutil.rmtree(fresh, ignore_errors=True)
        if not place.is_dir():  # else another invocation was faster
            raise
    return place


def _extract(packed: bytes, place: Path) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            if sum(i.file_size for i in archive.infolist()) > MAX_UNPACKED_BYTES:
                raise CannotRun("the function's code is larger than Lambda's 250 MB")
            archive.extractall(place)  # refuses to leave the folder
    except zipfile.BadZipFile:
        raise CannotRun("the function's code is not a zip file") from None


def _run(invocation: Invocation) -> tuple[bytes | None, str]:
    """The answer (None when the process gave none) and what it logged."""
    answer_fd, child_fd = os.pipe()

    received: list[bytes] = []
    try:
        process = subprocess.Popen(
            [*invocation.command, str(child_fd)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=invocation.environment,
            cwd=invocation.task_dir,
            start_new_session=True,
            pass_fds=(child_fd,),
        )
    finally:
        os.close(child_fd)
    reader = threading.Thread(target=_read_all, args=(answer_fd, received), daemon=True)
    reader.start()
    try:
        out, _ = process.communicate(invocation.stdin, timeout=invocation.seconds)
    except subprocess.TimeoutExpired:
        _kill_group(process)
        out, _ = process.communicate()
        text = f"{invocation.request_id} Task timed out after {invocation.seconds}.00 seconds"
        return _as_answer("Sandbox.Timedout", text), out.decode("utf-8", "replace")
    finally:
        # Whatever the handler left behind ends with the invocation.
        _kill_group(process)
        reader.join(timeout=5)
    log = out[-MAX_LOG_BYTES:].decode("utf-8", "replace")
    answer = b"".join(received)
    if len(answer) > MAX_ANSWER_BYTES:
        text = f"Response payload size exceeded maximum allowed payload size ({MAX_ANSWER_BYTES})"
        return _as_answer("Function.ResponseSizeTooLarge", text), log
    return (answer or None), log


def _read_all(descriptor: int, received: list[bytes]) -> None:
    total = 0
    with os.fdopen(descriptor, "rb") as stream:
        while chunk := stream.read1(65536):
            total += len(chunk)
            if total <= MAX_ANSWER_BYTES + 65536:
                received.append(chunk)


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def _as_answer(kind: str, text: str) -> bytes:
    return json.dumps({"error": {"errorType": kind, "errorMessage": text}}).encode()


def _error(kind: str, text: str) -> str:
    return json.dumps({"errorType": kind, "errorMessage": text})


def run_and_log(function: LambdaFunction, event: Any) -> tuple[str, bool, str]:
    """As invoke; the log goes to the function's log group too."""
    answer, errored, log = invoke(function, event)
    if errored:
        # In the server's log as well: callers over HTTP see no more than status 502.
        _LOG.warning("function %s failed: %.500s", function.function_name, answer)
    function.logs_backend.ensure_log_group(function.logs_group_name)
    function.save_logs(log)
    return answer, errored, log


def _invoke_lambda(self: LambdaFunction, event: Any = None) -> tuple[str, bool, str]:
    return run_and_log(self, {} if event in (None, "{}") else event)


def install() -> None:
    LambdaFunction._invoke_lambda = _invoke_lambda
