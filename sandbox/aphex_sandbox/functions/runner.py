"""Invokes a Lambda function: its code runs in a process group with a deadline.

Functions for node and python take one process per call (one_shot.py); those with a runtime of
their own have processes that stay (warm.py).
"""

import base64
import json
import logging
import platform
import threading
import uuid
from typing import Any

from moto.awslambda.models import LambdaFunction
from moto.core.exceptions import ServiceException

from ..world import WORLD
from . import one_shot
from .code import CannotRun, digest, unpack
from .environment import environment_of, seconds_of
from .log import Record, new_stream
from .runtime_api import Call, Outcome, failure
from .warm import POOL, CannotStart, Gone, Launch, Process

# Processes and waiting calls side by side.
MAX_PROCESSES = 8
MAX_WAITING_EVENTS = 1000
# Lambda shows no more than this of a call's log to who asked for it.
MAX_TAIL_BYTES = 4096

_LOG = logging.getLogger(__name__)
_SLOTS = threading.BoundedSemaphore(MAX_PROCESSES)
_EVENTS = threading.BoundedSemaphore(MAX_WAITING_EVENTS)
_MACHINES = {"x86_64": ("x86_64", "AMD64"), "arm64": ("aarch64", "arm64")}


def run_and_log(function: LambdaFunction, event: Any) -> tuple[str, bool, str]:
    """Called inside the world: the answer as text, whether it is an error, and the log."""
    request_id = str(uuid.uuid4())
    try:
        if (function.run_time or "").startswith("provided"):
            outcome, text = _run_in_warm(function, event, request_id)
        else:
            outcome, text = _run_once(function, event, request_id)
    except CannotRun as error:
        outcome, text = failure("Sandbox.CannotRun", str(error)), str(error)
    if outcome.errored:
        # In the server's log as well: callers over HTTP see no more than status 502.
        _LOG.warning("function %s failed: %.500s", function.function_name, outcome.answer)
    return outcome.answer, outcome.errored, text


def _run_once(function: LambdaFunction, event: Any, request_id: str) -> tuple[Outcome, str]:
    stream = new_stream(function)
    invocation = one_shot.prepare(function, event, request_id, stream)
    record = Record(function, request_id, stream)
    with WORLD.released(), _SLOTS:
        outcome, printed = one_shot.run(invocation)
    record.write(printed, _problem(outcome))
    return outcome, record.text


def _run_in_warm(function: LambdaFunction, event: Any, request_id: str) -> tuple[Outcome, str]:
    key = _fingerprint(function)
    process = POOL.take(key)
    reused = process is not None
    launch = _launch(function, key) if process is None else None
    stream = launch.log_stream if process is None else process.log_stream
    content = json.dumps(event).encode()
    call = Call(request_id, function.function_arn, content, seconds_of(function))
    record = Record(function, request_id, stream)
    try:
        with WORLD.released(), _SLOTS:
            process = process or Process(launch)
            outcome, printed = process.run(call)
            POOL.give_back(process)
    except Gone:
        assert reused, "only a process that idled can be gone"
        return _run_in_warm(function, event, request_id)
    except CannotStart as error:
        text = f"RequestId: {request_id} Error: {error}"
        outcome, printed = failure("Runtime.InvalidEntrypoint", text), []
    record.write(printed, _problem(outcome))
    return outcome, record.text


def _launch(function: LambdaFunction, key: str) -> Launch:
    wanted = (function.architectures or ["x86_64"])[0]
    if platform.machine() not in _MACHINES.get(wanted, ()):
        raise CannotRun(
            f"the function is made for {wanted}, and this machine is {platform.machine()}"
        )
    task_dir = unpack(function)
    bootstrap = task_dir / "bootstrap"
    if not bootstrap.exists():
        raise CannotRun("Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]")
    stream = new_stream(function)
    environment = environment_of(function, task_dir, stream)
    # Lambda's own order: the system's libraries before the function's.
    system = [f"{root}/{platform.machine()}-linux-gnu" for root in ("/lib", "/usr/lib")]
    places = ["/lib64", "/usr/lib64", *system, str(task_dir), str(task_dir / "lib")]
    environment.setdefault("LD_LIBRARY_PATH", ":".join(places))
    return Launch(key, [str(bootstrap)], environment, task_dir, stream)


def _fingerprint(function: LambdaFunction) -> str:
    """The same as long as a process that runs may take the function's next call."""
    variables = {str(k): str(v) for k, v in (function.environment_vars or {}).items()}
    parts = [
        function.function_arn,
        digest(function),
        function.role,
        function.run_time,
        function.handler,
        str(function.memory_size),
        function.logs_group_name,
        getattr(function, "logging_config", None),
        variables,
    ]
    return json.dumps(parts, sort_keys=True)


def _problem(outcome: Outcome) -> str:
    """What Lambda itself writes into the log of a call that did not answer."""
    if not outcome.errored:
        return ""
    try:
        error = json.loads(outcome.answer)
        own = str(error["errorType"]).startswith(("Runtime.", "Sandbox."))
        return str(error["errorMessage"]) if own else ""
    except (ValueError, KeyError, TypeError):
        return ""


# In moto's place.


def invoke_in_background(function: LambdaFunction, event: Any) -> None:
    """As InvocationType Event; failed calls are not repeated."""
    if not _EVENTS.acquire(blocking=False):
        raise ServiceException("TooManyRequestsException", "Rate Exceeded.")

    def run() -> None:
        try:
            with WORLD.entered():
                run_and_log(function, event)
                WORLD.mark_changed()
        except Exception:
            _LOG.exception("function %s could not be called", function.function_name)
        finally:
            _EVENTS.release()

    threading.Thread(target=run, name="event", daemon=True).start()


def _invoke(
    self: LambdaFunction, body: Any, request_headers: Any, response_headers: Any
) -> str | bytes:
    event = json.loads(body) if body else {}
    kind = request_headers.get("x-amz-invocation-type", "RequestResponse")
    if kind == "DryRun":
        return b""
    if kind == "Event":
        invoke_in_background(self, event)
        return b""
    answer, errored, text = run_and_log(self, event)
    if errored:
        response_headers["x-amz-function-error"] = "Unhandled"
    tail = base64.b64encode(text.encode()[-MAX_TAIL_BYTES:])
    response_headers["x-amz-log-result"] = tail.decode()
    return answer.encode()


def _invoke_lambda(self: LambdaFunction, event: Any = None) -> tuple[str, bool, str]:
    return run_and_log(self, {} if event in (None, "{}") else event)


def install() -> None:
    LambdaFunction.invoke = _invoke
    LambdaFunction._invoke_lambda = _invoke_lambda
    describe = LambdaFunction.get_configuration

    def get_configuration(self: LambdaFunction, on_create: bool = False) -> dict[str, Any]:
        own = {"LogFormat": "Text", "LogGroup": self.logs_group_name}
        given = getattr(self, "logging_config", None) or {}
        return {**describe(self, on_create), "LoggingConfig": {**own, **given}}

    LambdaFunction.get_configuration = get_configuration
