"""Lambda functions that bring their own runtime: provided.al2023 and provided.al2."""

import json
import os
import subprocess
import time

import pytest
from bootstraps import (
    BOOTSTRAP,
    ROLE,
    function,
    log_lines,
    package,
    python_function,
    upload,
)
from botocore.exceptions import ClientError
from conftest import PIPELINE
from stacks import att, deploy, template, update

ECHO = """
import os
calls = 0
def handle(event, headers):
    global calls
    calls += 1
    print("called with", event)
    return {"event": event, "calls": calls, "pid": os.getpid(), "headers": headers,
            "environment": dict(os.environ), "folder": os.getcwd()}
"""


@pytest.fixture
def cfn(sandbox):
    return sandbox.client("cloudformation")


def make(cfn, sandbox, handler, **more):
    deploy(cfn, "s", template({"R": ROLE, "F": python_function(sandbox, handler, **more)}))


def invoke(sandbox, payload=None, **more):
    answer = sandbox.client("lambda").invoke(
        FunctionName="f", Payload=json.dumps(payload), **more
    )
    return json.loads(answer["Payload"].read() or b"null"), answer.get("FunctionError")


def wait_for(condition, seconds=10.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("runtime", ["provided.al2023", "provided.al2"])
def test_a_bootstrap_is_told_what_lambda_tells_it(cfn, sandbox, runtime):
    variables = {"Variables": {"STAGE": "dev"}}
    make(cfn, sandbox, ECHO, Runtime=runtime, Timeout=7, Environment=variables)
    before = time.time()
    value, error = invoke(sandbox, {"n": 1})
    assert error is None, value
    assert value["event"] == {"n": 1}
    headers = {name.lower(): text for name, text in value["headers"].items()}
    deadline = int(headers["lambda-runtime-deadline-ms"]) / 1000
    assert before + 6 < deadline < time.time() + 8
    arn = f"arn:aws:lambda:us-east-1:{PIPELINE}:function:f"
    assert headers["lambda-runtime-invoked-function-arn"] == arn
    assert headers["lambda-runtime-trace-id"].startswith("Root=1-")
    environment = value["environment"]
    assert environment["STAGE"] == "dev"
    assert environment["_HANDLER"] == "handler"
    assert environment["AWS_REGION"] == environment["AWS_DEFAULT_REGION"] == "us-east-1"
    assert environment["AWS_ENDPOINT_URL"] == sandbox.endpoint
    assert environment["AWS_LAMBDA_FUNCTION_NAME"] == "f"
    assert environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "128"
    assert environment["AWS_LAMBDA_LOG_GROUP_NAME"] == "/aws/lambda/f"
    assert environment["AWS_EXECUTION_ENV"] == f"AWS_Lambda_{runtime}"
    assert environment["LAMBDA_TASK_ROOT"] == value["folder"]
    # The credentials are the role's own.
    sts = sandbox.client(
        "sts",
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=environment["AWS_SESSION_TOKEN"],
    )
    role = sandbox.client("iam").list_roles()["Roles"][0]["RoleName"]
    assert sts.get_caller_identity()["Arn"] == (f"arn:aws:sts::{PIPELINE}:assumed-role/{role}/f")
    streams = sandbox.client("logs").describe_log_streams(logGroupName="/aws/lambda/f")
    names = [s["logStreamName"] for s in streams["logStreams"]]
    assert names == [environment["AWS_LAMBDA_LOG_STREAM_NAME"]]


def test_a_process_serves_one_call_after_the_other_and_logs_each(cfn, sandbox):
    make(cfn, sandbox, ECHO)
    values = [invoke(sandbox, n)[0] for n in (1, 2, 3)]
    assert [v["calls"] for v in values] == [1, 2, 3]
    assert len({v["pid"] for v in values}) == 1
    kinds = [line.split(" ")[0] for line in log_lines(sandbox)]
    assert kinds == ["START", "called", "END", "REPORT"] * 3
    assert [line for line in log_lines(sandbox) if line.startswith("called")] == [
        f"called with {n}" for n in (1, 2, 3)
    ]


def test_a_changed_function_gets_a_new_process(cfn, sandbox):
    make(cfn, sandbox, ECHO)
    first, _ = invoke(sandbox)
    changed = python_function(sandbox, ECHO, Environment={"Variables": {"STAGE": "new"}})
    update(cfn, "s", template({"R": ROLE, "F": changed}))
    second, _ = invoke(sandbox)
    assert (second["calls"], second["environment"]["STAGE"]) == (1, "new")
    assert second["pid"] != first["pid"]
    code = python_function(sandbox, ECHO.replace("calls += 1", "calls += 10"), "other.zip")
    update(cfn, "s", template({"R": ROLE, "F": code}))
    assert invoke(sandbox)[0]["calls"] == 10


def test_a_process_that_ended_while_it_idled_is_not_missed(cfn, sandbox):
    handler = """
import os, threading, time
def handle(event, headers):
    if event == "last":
        threading.Timer(0.5, lambda: os._exit(0)).start()
    return os.getpid()
"""
    make(cfn, sandbox, handler)
    first, _ = invoke(sandbox, "last")
    wait_for(lambda: state_of(first) in ("Z", "X", "gone"))
    second, error = invoke(sandbox, "next")
    assert error is None
    assert second != first


def test_calls_side_by_side_have_processes_of_their_own(cfn, sandbox):
    from concurrent.futures import ThreadPoolExecutor

    handler = "import os, time\ndef handle(e, h):\n    time.sleep(0.5)\n    return os.getpid()\n"
    make(cfn, sandbox, handler)
    sandbox.client("lambda")  # the session's models are read once, by one thread
    with ThreadPoolExecutor(3) as pool:
        pids = list(pool.map(lambda _: invoke(sandbox)[0], range(3)))
    assert len(set(pids)) == 3


def test_a_call_in_the_background_is_accepted_before_it_has_run(cfn, sandbox):
    handler = "import time\ndef handle(e, h):\n    time.sleep(1)\n    print('done', e)\n"
    make(cfn, sandbox, handler)
    begun = time.monotonic()
    answer = sandbox.client("lambda").invoke(
        FunctionName="f", InvocationType="Event", Payload=b'"later"'
    )
    assert answer["StatusCode"] == 202
    assert time.monotonic() - begun < 0.9
    wait_for(lambda: "done later" in log_lines(sandbox))
    dry = sandbox.client("lambda").invoke(FunctionName="f", InvocationType="DryRun")
    assert dry["StatusCode"] == 204


@pytest.mark.parametrize(
    ("handler", "kind", "message"),
    [
        ("def handle(e, h):\n    raise ValueError('boom')\n", "ValueError", "boom"),
        ("import nothing_like_it\n", "ModuleNotFoundError", "No module named"),
        (
            "import os\ndef handle(e, h):\n    os._exit(3)\n",
            "Runtime.ExitError",
            "Error: Runtime exited with error: exit status 3",
        ),
        (
            "import sys\nsys.exit(0)\n",
            "Runtime.ExitError",
            "Error: Runtime exited without providing a reason",
        ),
        (
            "import os, signal\ndef handle(e, h):\n    os.kill(os.getpid(), signal.SIGABRT)\n",
            "Runtime.ExitError",
            "Error: Runtime exited with error: signal: 6",
        ),
        (
            "import time\ndef handle(e, h):\n    time.sleep(60)\n",
            "Sandbox.Timedout",
            "Task timed out after 1.00 seconds",
        ),
        (
            "def handle(e, h):\n    return 'x' * (6 * 1024 * 1024)\n",
            "Function.ResponseSizeTooLarge",
            "exceeded maximum allowed payload size",
        ),
    ],
)
def test_a_failing_function_says_why(cfn, sandbox, handler, kind, message):
    make(cfn, sandbox, handler, Timeout=1)
    value, error = invoke(sandbox)
    assert error == "Unhandled"
    assert value["errorType"] == kind
    assert message in value["errorMessage"]
    # The next call has a process that works as before, or fails as before.
    assert invoke(sandbox)[0]["errorType"] == kind


@pytest.mark.parametrize(
    ("files", "mode", "message"),
    [
        ({"other": "x"}, 0o755, "Couldn't find valid bootstrap(s): [/var/task/bootstrap"),
        ({"bootstrap": BOOTSTRAP}, 0o644, "fork/exec /var/task/bootstrap: permission denied"),
        ({"bootstrap": "no program"}, 0o755, "fork/exec /var/task/bootstrap: exec format error"),
    ],
)
def test_a_package_that_cannot_start_is_named(cfn, sandbox, files, mode, message):
    code = upload(sandbox, package(files, mode))
    deploy(cfn, "s", template({"R": ROLE, "F": function(code)}))
    value, error = invoke(sandbox)
    assert error == "Unhandled"
    assert message in value["errorMessage"]


def test_a_function_for_another_machine_is_named(cfn, sandbox):
    make(cfn, sandbox, ECHO, Architectures=["arm64"])
    value, _ = invoke(sandbox)
    if os.uname().machine == "x86_64":
        assert value["errorMessage"] == (
            "the function is made for arm64, and this machine is x86_64"
        )


def test_a_timeout_ends_everything_that_the_function_began(cfn, sandbox):
    handler = """
import subprocess, time
def handle(event, headers):
    child = subprocess.Popen(["sleep", "300"])
    print("child", child.pid, flush=True)
    time.sleep(60)
"""
    make(cfn, sandbox, handler, Timeout=1)
    assert invoke(sandbox)[0]["errorType"] == "Sandbox.Timedout"
    line = next(line for line in log_lines(sandbox) if line.startswith("child"))
    child = int(line.split()[1])
    wait_for(lambda: not is_running(child) or state_of(child) == "Z")
    assert any("Task timed out after 1.00 seconds" in line for line in log_lines(sandbox))


def state_of(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return "gone"


@pytest.mark.parametrize("number", ["TERM", "KILL"])
def test_processes_end_with_the_sandbox(own, number):
    import signal

    sandbox = own()
    make(sandbox.client("cloudformation"), sandbox, ECHO)
    pid = invoke(sandbox)[0]["pid"]
    assert is_running(pid)
    sandbox.stop(getattr(signal, f"SIG{number}"))
    wait_for(lambda: state_of(pid) in ("Z", "X", "gone"))


def test_a_reset_ends_idle_processes(cfn, sandbox):
    make(cfn, sandbox, ECHO)
    pid = invoke(sandbox)[0]["pid"]
    sandbox.call("POST", "/_aphex/reset")
    wait_for(lambda: state_of(pid) in ("Z", "X", "gone"))


def test_the_log_goes_where_the_template_says(cfn, sandbox):
    group = {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "/own/group"}}
    config = {"LogGroup": {"Ref": "G"}, "LogFormat": "JSON"}
    made = python_function(sandbox, ECHO, LoggingConfig=config)
    deploy(cfn, "s", template({"R": ROLE, "G": group, "F": made}, {"Arn": att("F", "Arn")}))
    value, _ = invoke(sandbox)
    assert value["environment"]["AWS_LAMBDA_LOG_GROUP_NAME"] == "/own/group"
    assert value["environment"]["AWS_LAMBDA_LOG_FORMAT"] == "JSON"
    lines = log_lines(sandbox, "/own/group")
    assert json.loads(lines[0])["type"] == "platform.start"
    assert json.loads(lines[-1])["record"]["requestId"]
    described = sandbox.client("lambda").get_function_configuration(FunctionName="f")
    assert described["LoggingConfig"] == {"LogFormat": "JSON", "LogGroup": "/own/group"}


def test_links_and_modes_of_the_package_are_kept(cfn, sandbox):
    """The zip program writes them as the CDK's assets do."""
    import io
    import stat
    import zipfile

    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content, mode in (
            ("bin/program", BOOTSTRAP, stat.S_IFREG | 0o755),
            ("bootstrap", "bin/program", stat.S_IFLNK | 0o777),
            ("bin/handler.py", "def handle(e, h):\n    return 'linked'\n", stat.S_IFREG | 0o644),
        ):
            entry = zipfile.ZipInfo(name)
            entry.create_system, entry.external_attr = 3, mode << 16
            archive.writestr(entry, content)
    code = upload(sandbox, packed.getvalue())
    deploy(cfn, "s", template({"R": ROLE, "F": function(code)}))
    assert invoke(sandbox) == ("linked", None)


def test_a_shell_script_is_a_runtime_too(cfn, sandbox):
    script = """#!/bin/sh
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation"
while true; do
  event=$(curl -sS -D /tmp/aphex-test-headers.$$ "$api/next") || exit 1
  id=$(tr -d '\\r' < /tmp/aphex-test-headers.$$ | sed -n 's/^Lambda-Runtime-Aws-Request-Id: //p')
  rm -f /tmp/aphex-test-headers.$$
  curl -sS -X POST -H 'Transfer-Encoding: chunked' -d "{\\"got\\": $event}" "$api/$id/response"
done
"""
    if subprocess.run(["which", "curl"], capture_output=True).returncode != 0:
        pytest.skip("curl is not installed")
    code = upload(sandbox, package({"bootstrap": script}))
    deploy(cfn, "s", template({"R": ROLE, "F": function(code)}))
    assert invoke(sandbox, [1, 2]) == ({"got": [1, 2]}, None)
    assert invoke(sandbox, "again") == ({"got": "again"}, None)


def test_a_missing_package_fails_the_stack(cfn, sandbox):
    sandbox.client("s3").create_bucket(Bucket="assets")
    code = {"S3Bucket": "assets", "S3Key": "missing.zip"}
    body = template({"R": ROLE, "F": function(code)})
    cfn.create_stack(StackName="s", TemplateBody=body, Capabilities=["CAPABILITY_NAMED_IAM"])
    events = cfn.describe_stack_events(StackName="s")["StackEvents"]
    failed = next(e for e in events if e["ResourceStatus"] == "CREATE_FAILED")
    assert "The specified key does not exist" in failed["ResourceStatusReason"]
    with pytest.raises(ClientError, match="Function not found"):
        sandbox.client("lambda").get_function(FunctionName="f")
