"""Runs one invocation of a Python handler: `python run_python.py TASK_DIR HANDLER FD`.

stdin: {"event", "context"}; FD: {"value"} or {"error"}; stdout and stderr are the log.
"""

import importlib
import json
import os
import sys
import time
import traceback
from types import SimpleNamespace


def main() -> None:
    task_dir, handler_name = sys.argv[1:3]
    request = json.load(sys.stdin)
    given = request["context"]
    deadline = time.time() + given["timeoutMs"] / 1000
    context = SimpleNamespace(
        function_name=given["functionName"],
        function_version=given["functionVersion"],
        invoked_function_arn=given["invokedFunctionArn"],
        memory_limit_in_mb=given["memoryLimitInMB"],
        aws_request_id=given["awsRequestId"],
        log_group_name=given["logGroupName"],
        log_stream_name=given["logStreamName"],
        get_remaining_time_in_millis=lambda: max(0, int((deadline - time.time()) * 1000)),
    )
    sys.path.insert(0, task_dir)
    try:
        module, _, name = handler_name.rpartition(".")
        handler = getattr(importlib.import_module(module.replace("/", ".")), name)
        answer = {"value": handler(request["event"], context)}
        text = json.dumps(answer)
    except Exception as error:
        trace = traceback.format_exc().splitlines()
        text = json.dumps(
            {
                "error": {
                    "errorType": type(error).__name__,
                    "errorMessage": str(error),
                    "stackTrace": trace,
                }
            }
        )
    with os.fdopen(int(sys.argv[3]), "w") as out:
        out.write(text)


main()
