"""What Lambda tells a function by its environment."""

import os
from pathlib import Path

from moto.awslambda.models import LambdaFunction

from ..addresses import localize
from ..settings import SETTINGS
from ..sts import session_for_role

# Lambda's own bound on a function's time.
MAX_SECONDS = 900


def seconds_of(function: LambdaFunction) -> int:
    return min(int(function.timeout), MAX_SECONDS)


def environment_of(function: LambdaFunction, task_dir: Path, stream: str) -> dict[str, str]:
    """Called inside the world: the role's credentials are made here."""
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
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": function.logs_group_name,
        "AWS_LAMBDA_LOG_STREAM_NAME": stream,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.run_time}",
        "LAMBDA_TASK_ROOT": str(task_dir),
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "_HANDLER": function.handler or "",
    }
    logging_config = getattr(function, "logging_config", None) or {}
    if logging_config.get("LogFormat"):
        own["AWS_LAMBDA_LOG_FORMAT"] = logging_config["LogFormat"]
    if logging_config.get("ApplicationLogLevel"):
        own["AWS_LAMBDA_LOG_LEVEL"] = logging_config["ApplicationLogLevel"]
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
