"""Lambda's runtime API (2018-06-01) for one process: it asks for calls and answers them.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html. Each process has a port of its own,
because AWS_LAMBDA_RUNTIME_API is a host and a port, and the protocol names no process.
"""

import json
import re
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

# Lambda's own bound on an answer.
MAX_ANSWER_BYTES = 6 * 1024 * 1024

_NEXT = "/2018-06-01/runtime/invocation/next"
_INIT_ERROR = "/2018-06-01/runtime/init/error"
_RESULT = re.compile(r"/2018-06-01/runtime/invocation/([^/]+)/(response|error)$")


@dataclass(frozen=True)
class Call:
    request_id: str
    function_arn: str
    event: bytes
    seconds: int


@dataclass(frozen=True)
class Outcome:
    answer: str
    errored: bool


def failure(kind: str, text: str) -> Outcome:
    return Outcome(json.dumps({"errorType": kind, "errorMessage": text}), True)


class RuntimeApi:
    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._offered: Call | None = None
        self._taken: Call | None = None
        self._taken_at = 0.0
        self._outcome: Outcome | None = None
        self._asking = False  # the process waits for a call
        self._over = False  # it has ended, or is to end
        self.failed_to_start = False
        self._server = _Server(("127.0.0.1", 0), self)
        thread = threading.Thread(target=self._server.serve_forever, args=(0.5,), daemon=True)
        thread.start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._server.server_address[1]}"

    # The sandbox's side.

    def offer(self, call: Call) -> None:
        with self._changed:
            self._offered, self._taken, self._outcome = call, None, None
            self._changed.notify_all()

    def wait_until_taken(self, seconds: float) -> bool:
        """False when the process has not asked in time, or has ended."""
        return self._wait(lambda: self._taken is not None or self._outcome is not None, seconds)

    def wait_for_outcome(self, call: Call) -> Outcome | None:
        """None when the function's time is over, or the process has ended."""
        with self._changed:
            left = self._taken_at + call.seconds - time.monotonic()
        self._wait(lambda: self._outcome is not None, left)
        with self._changed:
            return self._outcome

    def wait_until_asking(self, seconds: float) -> bool:
        return self._wait(lambda: self._asking, seconds)

    def close(self) -> None:
        """Nobody is waited for any more, and the process gets no further call."""
        with self._changed:
            self._over = True
            self._changed.notify_all()

    def shut_down(self) -> None:
        self.close()
        self._server.shutdown()
        self._server.server_close()

    def _wait(self, happened: Callable[[], bool], seconds: float) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: happened() or self._over, max(0.0, seconds))
            return happened()

    # The process's side: status, headers and body of each answer.

    def next(self) -> tuple[int, dict[str, str], bytes]:
        with self._changed:
            self._asking = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._offered is not None or self._over)
            self._asking = False
            call = self._offered
            if call is None or self._over:
                return _refusal(410, "Runtime.Ended", "the sandbox ends this process")
            self._offered, self._taken, self._taken_at = None, call, time.monotonic()
            self._changed.notify_all()
        headers = {
            "Lambda-Runtime-Aws-Request-Id": call.request_id,
            "Lambda-Runtime-Deadline-Ms": str(int((time.time() + call.seconds) * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": call.function_arn,
            "Lambda-Runtime-Trace-Id": f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]}"
            f";Parent={uuid.uuid4().hex[:16]};Sampled=0",
        }
        return 200, {"Content-Type": "application/json", **headers}, call.event

    def finish(self, request_id: str, errored: bool, body: bytes) -> tuple[int, dict, bytes]:
        with self._changed:
            call = self._taken
            if call is None or call.request_id != request_id or self._outcome is not None:
                return _refusal(400, "InvalidRequestID", f"Invalid request ID: {request_id}")
            if len(body) > MAX_ANSWER_BYTES:
                text = (
                    "Response payload size exceeded maximum allowed payload size"
                    f" ({MAX_ANSWER_BYTES} bytes)."
                )
                self._outcome = failure("Function.ResponseSizeTooLarge", text)
                self._changed.notify_all()
                return _refusal(413, "RequestEntityTooLarge", text)
            self._outcome = Outcome(body.decode("utf-8", "replace"), errored)
            self._changed.notify_all()
        return _accepted()

    def fail_to_start(self, body: bytes) -> tuple[int, dict, bytes]:
        with self._changed:
            self.failed_to_start = True
            self._outcome = Outcome(body.decode("utf-8", "replace") or "{}", True)
            self._changed.notify_all()
        return _accepted()


def _accepted() -> tuple[int, dict[str, str], bytes]:
    return 202, {"Content-Type": "application/json"}, b'{"status":"OK"}\n'


def _refusal(status: int, kind: str, text: str) -> tuple[int, dict[str, str], bytes]:
    body = json.dumps({"errorType": kind, "errorMessage": text}).encode()
    return status, {"Content-Type": "application/json"}, body


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], api: RuntimeApi):
        self.api = api
        super().__init__(address, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        return  # a process that was killed hangs up


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        if self.path == _NEXT:
            self._answer(*self.server.api.next())
        else:
            self._answer(*_refusal(404, "NotFound", f"nothing at {self.path}"))

    def do_POST(self) -> None:
        body = self._body()
        result = _RESULT.match(self.path)
        if result is not None:
            errored = result.group(2) == "error"
            self._answer(*self.server.api.finish(result.group(1), errored, body))
        elif self.path == _INIT_ERROR:
            self._answer(*self.server.api.fail_to_start(body))
        else:
            self._answer(*_refusal(404, "NotFound", f"nothing at {self.path}"))

    def _body(self) -> bytes:
        """One byte more than allowed is read of a larger one, so that it is known as such."""
        limit = MAX_ANSWER_BYTES + 1
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            length = int(self.headers.get("Content-Length") or 0)
            if length > limit:
                self.close_connection = True
            return self.rfile.read(min(length, limit))
        content = b""
        while size := int(self.rfile.readline(64).split(b";")[0], 16):
            if len(content) + size > limit:
                self.close_connection = True
                return content + self.rfile.read(limit - len(content))
            content += self.rfile.read(size)
            self.rfile.readline(2)
        while self.rfile.readline(65536) not in (b"\r\n", b"\n", b""):
            pass  # trailers
        return content

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        return
