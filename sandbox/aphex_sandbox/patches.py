"""Where the sandbox takes moto's place; each module installs what it mends.

CloudFormation and Lambda are large imports (over a second): they are mended when the first
request for them arrives, or by the warm-up, whichever is first.
"""

import importlib
import threading
from typing import Any

from moto.moto_server.werkzeug_app import create_backend_app

from . import bucket_policies, snapshot, sts

_LOCK = threading.RLock()
_installed: set[str] = set()

_LAZY = {
    "cloudformation": (".cloudformation.backend", ".cloudformation.api", ".functions.runner"),
    "lambda": (".functions.runner",),
    "awslambda": (".functions.runner",),
    "sqs": (".queues",),
}


def install() -> None:
    sts.install()
    snapshot.install()
    bucket_policies.install()


def create_app(service: str) -> Any:
    """moto's application for a service, mended before its first use."""
    mend(service)
    return create_backend_app(service)


def mend(service: str) -> None:
    with _LOCK:
        for module in _LAZY.get(service, ()):
            if module not in _installed:
                _installed.add(module)
                try:
                    importlib.import_module(module, __package__).install()
                except BaseException:
                    _installed.discard(module)  # never go on with what is not mended
                    raise
