"""A stand-in for what surrounds the provider in AWS: Lambda's runtime API, CloudFormation's side of
a custom resource, and the process itself, started from its unpacked package.

    with LambdaRuntime() as runtime:
        process = start(package_directory, runtime.address, environment)
        answer = runtime.custom_resource("Create", {"ClusterName": …})
        answer["Status"], answer["PhysicalResourceId"], answer.get("Reason")

Nothing here knows what the provider does; other suites may drive it as well.
"""

import collections
import http.server
import json
import os
import subprocess
import threading
import time
import urllib.parse
import uuid
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

VERSION = "/2018-06-01/runtime"
ACCOUNT = "111122223333"
REGION = "us-east-1"
STACK = "PipelineStack"
STACK_ID = (f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{STACK}/"
            "0b3c2f10-0000-0000-0000-000000000001")
FUNCTION_ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:provider"
# What stands in the query of a ResponseURL; no log may hold it.
SIGNATURE = "X-Amz-Signature=3f2a9d-of-the-response-url"
WAIT_SECONDS = 120
END_SECONDS = 20


class NoAnswer(Exception):
    """The function did not do in time what was waited for."""


@dataclass
class Put:
    """One PUT to a ResponseURL."""
    headers: dict
    body: bytes
    at: float


@dataclass
class Outcome:
    """What the function told Lambda about an invocation."""
    kind: str  # "response" or "error"
    body: str
    headers: dict
    at: float


@dataclass
class _State:
    events: collections.deque = field(default_factory=collections.deque)
    outcomes: dict = field(default_factory=dict)
    init_errors: list = field(default_factory=list)
    puts: dict = field(default_factory=lambda: collections.defaultdict(list))
    refusals: list = field(default_factory=list)  # statuses of the next PUTs; 0: no answer at all
    closed: bool = False


class LambdaRuntime:
    """The runtime API of one function, and the receiver of answers, on a free port of loopback.
    With `tls` (an ssl.SSLContext), answers are received by HTTPS, and the API is of no use."""

    def __init__(self, tls=None):
        self._state = _State()
        self._changed = threading.Condition()
        self._scheme = "https" if tls else "http"
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # a function that ends hangs up
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,),
                                        daemon=True)
        self._thread.start()
        self.address = f"127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        with self._changed:
            self._state.closed = True
            self._changed.notify_all()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    # --- for tests -------------------------------------------------------------------------------

    def response_url(self):
        return f"{self._scheme}://{self.address}/answers/{uuid.uuid4()}?{SIGNATURE}"

    def invoke(self, body, seconds=30.0):
        """Queues an event (text, or an object as JSON) with so much time; its request id."""
        request_id = str(uuid.uuid4())
        text = body if isinstance(body, (str, bytes)) else json.dumps(body)
        data = text.encode() if isinstance(text, str) else text
        with self._changed:
            self._state.events.append((request_id, data, seconds))
            self._changed.notify_all()
        return request_id

    def outcome(self, request_id, wait=WAIT_SECONDS):
        return self._wait(lambda: self._state.outcomes.get(request_id), wait,
                          "the function told Lambda nothing")

    def init_error(self, wait=WAIT_SECONDS):
        return self._wait(lambda: self._state.init_errors[-1:], wait, "no init error")[0]

    def puts(self, url):
        return list(self._state.puts[urllib.parse.urlsplit(url).path])

    def refuse_answers(self, *statuses):
        """The next PUTs get these; 0 is a connection that is closed without an answer."""
        self._state.refusals = list(statuses)

    def custom_resource(self, request, properties, *, seconds=30.0, wait=WAIT_SECONDS, **members):
        """Sends a request of CloudFormation and returns the answer, checked for its form."""
        event = self.event(request, properties, **members)
        request_id = self.invoke(event, seconds)
        answer = self.answer(event, wait)
        self.outcome(request_id, wait)
        return answer

    def answer(self, event, wait=WAIT_SECONDS):
        """What CloudFormation is told about the event."""
        put = self._wait(lambda: self.puts(event["ResponseURL"]), wait, "no answer came")[-1]
        return checked(put, event)

    def event(self, request, properties, *, logical_id="Object", stack_id=STACK_ID,
              physical_id=None, old=None, **others):
        event = {"RequestType": request, "ServiceToken": FUNCTION_ARN,
                 "ResponseURL": self.response_url(), "StackId": stack_id,
                 "RequestId": str(uuid.uuid4()), "LogicalResourceId": logical_id,
                 "ResourceType": "Custom::AphexKubernetesObject",
                 "ResourceProperties": {"ServiceToken": FUNCTION_ARN, **properties}}
        if physical_id is not None:
            event["PhysicalResourceId"] = physical_id
        if old is not None:
            event["OldResourceProperties"] = {"ServiceToken": FUNCTION_ARN, **old}
        return event | others

    # --- the server ------------------------------------------------------------------------------

    def _wait(self, condition, seconds, what):
        end = time.monotonic() + seconds
        with self._changed:
            while not (found := condition()):
                left = end - time.monotonic()
                if left <= 0:
                    raise NoAnswer(f"{what} within {seconds} s")
                self._changed.wait(left)
            return found

    def _next(self):
        """Blocks as Lambda does; nothing once this has been closed."""
        with self._changed:
            while not self._state.events and not self._state.closed:
                self._changed.wait()
            return self._state.events.popleft() if self._state.events else None

    def _told(self, kind, path, headers, body):
        request_id = path.split("/")[-2]
        with self._changed:
            self._state.outcomes[request_id] = Outcome(kind, body, headers, time.monotonic())
            self._changed.notify_all()

    def _init_error(self, body):
        with self._changed:
            self._state.init_errors.append(json.loads(body))
            self._changed.notify_all()

    def _put(self, path, headers, body):
        """The status to answer with."""
        with self._changed:
            if self._state.refusals:
                return self._state.refusals.pop(0)
            self._state.puts[path].append(Put(headers, body, time.monotonic()))
            self._changed.notify_all()
            return 200

    def _handler(runtime):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                if self.path != f"{VERSION}/invocation/next":
                    return self._answer(404)
                found = runtime._next()
                if found is None:
                    return self._hang_up()
                request_id, body, seconds = found
                deadline = int((time.time() + seconds) * 1000)
                return self._answer(200, body, {
                    "Lambda-Runtime-Aws-Request-Id": request_id,
                    "Lambda-Runtime-Deadline-Ms": str(deadline),
                    "Lambda-Runtime-Invoked-Function-Arn": FUNCTION_ARN,
                    "Lambda-Runtime-Trace-Id": "Root=1-5759e988-bd862e3fe1be46a994272793"})

            def do_POST(self):
                body = self._body().decode()
                if self.path == f"{VERSION}/init/error":
                    runtime._init_error(body)
                elif self.path.endswith(("/response", "/error")):
                    runtime._told(self.path.rsplit("/", 1)[1], self.path, dict(self.headers), body)
                else:
                    return self._answer(404)
                return self._answer(202)

            def do_PUT(self):
                body = self._body()
                parts = urllib.parse.urlsplit(self.path)
                # As S3 does with a presigned URL: one byte of it changed, and it is refused.
                status = (403 if parts.query != SIGNATURE
                          else runtime._put(parts.path, dict(self.headers), body))
                return self._answer(status) if status else self._hang_up()

            def _body(self):
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))

            def _hang_up(self):
                self.close_connection = True
                self.connection.close()

            def _answer(self, status, body=b"", headers=()):
                self.send_response(status)
                for name, value in dict(headers).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        return Handler


def checked(put, event):
    """The answer as CloudFormation reads it: it takes no other form."""
    assert put.headers.get("Content-Type") in (None, ""), "the presigned URL is signed without"
    assert len(put.body) <= 4096, f"CloudFormation refuses an answer of {len(put.body)} bytes"
    answer = json.loads(put.body)
    assert answer["Status"] in ("SUCCESS", "FAILED")
    assert answer["Status"] == "SUCCESS" or answer["Reason"], "a failure needs a reason"
    assert 0 < len(answer["PhysicalResourceId"]) <= 1024
    for name in ("StackId", "RequestId", "LogicalResourceId"):
        assert answer[name] == event[name]
    return answer


class Function:
    """The running process and what it has printed."""

    def __init__(self, process):
        self.process = process
        self.lines = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    @property
    def text(self):
        return "\n".join(self.lines)

    @property
    def log(self):
        """Every line is one JSON object."""
        return [json.loads(line) for line in list(self.lines)]

    def wait_for(self, event, wait=WAIT_SECONDS):
        """Until a line of the log tells of such an event; that line."""
        end = time.monotonic() + wait
        while not (found := [line for line in self.log if line["event"] == event]):
            if time.monotonic() > end:
                raise NoAnswer(f"no '{event}' in the log within {wait} s: {self.text}")
            time.sleep(0.02)
        return found[-1]

    def stop(self):
        """Its exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            code = self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        self._reader.join(END_SECONDS)
        self.process.stdout.close()
        return code


def unpack(package, directory):
    """As Lambda does: with the modes that the zip states."""
    with zipfile.ZipFile(package) as archive:
        for entry in archive.infolist():
            path = Path(archive.extract(entry, directory))
            path.chmod(entry.external_attr >> 16 & 0o777)
    return Path(directory)


def environment_of(runtime_api, extra=()):
    """What Lambda sets, and nothing of the person who runs the tests."""
    return {"AWS_LAMBDA_RUNTIME_API": runtime_api, "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION, "AWS_LAMBDA_FUNCTION_NAME": "provider",
            "AWS_LAMBDA_LOG_STREAM_NAME": "2026/01/31/[$LATEST]0123456789abcdef",
            "AWS_EC2_METADATA_DISABLED": "true", "PATH": "/usr/bin:/bin", "TZ": ":UTC",
            "LANG": "en_US.UTF-8", **dict(extra)}


def start(directory, runtime_api, extra=(), root=None):
    """Starts `bootstrap` of the unpacked package; with `root`, in that directory as its `/`."""
    task_root = "/" + str(Path(directory).relative_to(root)) if root else str(directory)
    environment = environment_of(runtime_api, {"LAMBDA_TASK_ROOT": task_root, **dict(extra)})
    # Nobody but root may change a root, except in a user namespace of their own.
    enter = ["unshare", *(["--map-root-user"] if os.geteuid() else []), f"--root={root}",
             "--wd=/"] if root else []
    return Function(subprocess.Popen(
        [*enter, f"{task_root}/bootstrap"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, cwd=None if root else directory,
        env={name: value for name, value in environment.items() if value is not None}))
