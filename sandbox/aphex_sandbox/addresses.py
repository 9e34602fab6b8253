"""AWS addresses that mean something on this machine: rewritten where a client will use them.

Deployed values keep AWS's form (they end up in policies and exports); outputs shown by the API
and the environment of Lambda functions point at the sandbox. The port is not part of the state.
"""

import re

from .settings import SETTINGS

_HOST = r"https://([a-z0-9]+)\.{service}\.[a-z0-9-]+\.{suffix}"
_EXECUTE_API = re.compile(
    _HOST.format(service="execute-api", suffix=r"amazonaws\.com(?:\.cn)?") + r"/([^/\s\"]+)"
)
_FUNCTION_URL = re.compile(_HOST.format(service="lambda-url", suffix=r"on\.aws"))
_QUEUE = re.compile(r"https://sqs\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?/(\d{12}/)")


def localize(text: str) -> str:
    endpoint = SETTINGS.endpoint
    text = _EXECUTE_API.sub(rf"{endpoint}/restapis/\1/\2/_user_request_", text)
    text = _FUNCTION_URL.sub(rf"{endpoint}/_aphex/functions/\1", text)
    return _QUEUE.sub(rf"{endpoint}/\1", text)
