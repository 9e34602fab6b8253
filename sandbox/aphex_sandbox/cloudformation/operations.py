"""Stack operations run beside the request that began them, so that no client waits for too long.

Most are over before the call returns. One that takes longer, because a custom resource does, is
seen half-way, as in AWS.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from ..world import WORLD
from .stack import Stack

_LOG = logging.getLogger(__name__)

# SDKs give up on a call after 60 s, impatient ones after 30.
PATIENCE_SECONDS = 10.0

_INTERRUPTED = {
    "CREATE_IN_PROGRESS": "CREATE_FAILED",
    "DELETE_IN_PROGRESS": "DELETE_FAILED",
    "ROLLBACK_IN_PROGRESS": "ROLLBACK_FAILED",
    "UPDATE_IN_PROGRESS": "UPDATE_FAILED",
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": "UPDATE_COMPLETE",
    "UPDATE_ROLLBACK_IN_PROGRESS": "UPDATE_ROLLBACK_FAILED",
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS": "UPDATE_ROLLBACK_COMPLETE",
}


@dataclass
class _Operation:
    deletes: bool
    over: threading.Event = field(default_factory=threading.Event)
    cancelled: threading.Event = field(default_factory=threading.Event)
    problem: Exception | None = None


# By the stack's id, touched inside the world only: the one begun last, and the one at work. They
# differ while a deletion waits for what it cuts short.
_latest: dict[str, _Operation] = {}
_current: dict[str, _Operation] = {}


def run(stack: Stack, status: str, work: Callable[[], None]) -> None:
    """Called inside the world. Raises what the work raises, if it does so soon."""
    deletes = status == "DELETE_IN_PROGRESS"
    operation = _Operation(deletes)
    before = _latest.get(stack.stack_id)
    _latest[stack.stack_id] = operation
    if before is None:
        stack.move_to(status, "User Initiated")

    def body() -> None:
        with WORLD.entered():
            try:
                if before is not None:
                    before.cancelled.set()
                    with WORLD.released():
                        before.over.wait()
                    stack.move_to(status, "User Initiated")
                _current[stack.stack_id] = operation
                work()
            except Exception as error:
                _LOG.exception("an operation on %s failed", stack.name)
                operation.problem = error
                interrupt(stack, f"the sandbox failed: {error}")
            finally:
                for known in (_latest, _current):
                    if known.get(stack.stack_id) is operation:
                        del known[stack.stack_id]
                WORLD.mark_changed()
                operation.over.set()

    threading.Thread(target=body, name=f"stack {stack.name}", daemon=True).start()
    with WORLD.released():
        operation.over.wait(PATIENCE_SECONDS)
    if operation.problem is not None:
        raise operation.problem


@contextmanager
def part_of(parent_id: str, stack: Stack) -> Iterator[None]:
    """A nested stack's operation is cut short with that of the stack around it."""
    operation = _current.get(parent_id)
    if operation is not None:
        _current[stack.stack_id] = operation
    try:
        yield
    finally:
        _current.pop(stack.stack_id, None)


def is_deleting(stack: Stack) -> bool:
    operation = _latest.get(stack.stack_id)
    return operation is not None and operation.deletes


def cancel(stack: Stack) -> None:
    operation = _current.get(stack.stack_id)
    if operation is not None:
        operation.cancelled.set()


def is_cancelled(stack_id: str) -> bool:
    operation = _current.get(stack_id)
    return operation is not None and operation.cancelled.is_set()


def go_on(stack: Stack) -> None:
    """A rollback has begun: what was cancelled is over."""
    operation = _current.get(stack.stack_id)
    if operation is not None:
        operation.cancelled.clear()


def interrupt(stack: Stack, reason: str) -> None:
    """What nobody goes on with does not stay in progress."""
    status = _INTERRUPTED.get(stack.status)
    if status is not None:
        stack.move_to(status, reason)


def settle_restored() -> None:
    """After a restart nobody works on what the one before left in progress."""
    from moto.cloudformation.models import cloudformation_backends

    for _, _, backend in list(cloudformation_backends.iter_backends()):
        for stack in list(backend.stacks.values()):
            interrupt(stack, "The sandbox was stopped during the operation")
