"""Functions with a runtime of their own, as the tests package them."""

import io
import stat
import zipfile

from stacks import ALLOW_LAMBDA, att, resource

# The whole of Lambda's protocol that a runtime needs; handler.py says what the function does.
BOOTSTRAP = """#!/usr/bin/env python3
import json, os, sys, traceback, urllib.request
API = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime"

def post(path, value, kind=None):
    headers = {"Lambda-Runtime-Function-Error-Type": kind} if kind else {}
    body = json.dumps(value).encode()
    urllib.request.urlopen(urllib.request.Request(API + path, body, headers)).read()

def error(problem):
    return {"errorType": type(problem).__name__, "errorMessage": str(problem)}

try:
    import handler
except Exception as problem:
    post("/init/error", error(problem), "Runtime.ImportError")
    sys.exit(1)
while True:
    with urllib.request.urlopen(API + "/invocation/next") as given:
        event, headers = json.load(given), dict(given.headers)
    place = "/invocation/" + headers["Lambda-Runtime-Aws-Request-Id"]
    try:
        post(place + "/response", handler.handle(event, headers))
    except Exception as problem:
        traceback.print_exc()
        post(place + "/error", error(problem), "Function.Raised")
    sys.stdout.flush()
"""

ROLE = resource("AWS::IAM::Role", AssumeRolePolicyDocument=ALLOW_LAMBDA)


def package(files: dict[str, str], mode: int = 0o755) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (stat.S_IFREG | mode) << 16
            archive.writestr(entry, content)
    return packed.getvalue()


def upload(sandbox, packed: bytes, key: str = "code.zip") -> dict[str, str]:
    """What a function's Code is, in a bucket as the CDK's assets are."""
    s3 = sandbox.client("s3")
    s3.create_bucket(Bucket="assets")
    s3.put_object(Bucket="assets", Key=key, Body=packed)
    return {"S3Bucket": "assets", "S3Key": key}


def function(code: dict[str, str], name: str = "f", **more):
    return resource(
        "AWS::Lambda::Function",
        FunctionName=name,
        Runtime=more.pop("Runtime", "provided.al2023"),
        Handler=more.pop("Handler", "handler"),
        Role=att("R", "Arn"),
        Code=code,
        **more,
    )


def python_function(sandbox, handler: str, key: str = "code.zip", **more):
    return function(
        upload(sandbox, package({"bootstrap": BOOTSTRAP, "handler.py": handler}), key), **more
    )


def log_lines(sandbox, group: str = "/aws/lambda/f") -> list[str]:
    logs = sandbox.client("logs")
    if not logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
        return []
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
    return [e["message"] for page in pages for e in page["events"]]
