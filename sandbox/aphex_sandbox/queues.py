"""SQS: a long poll must not hold up everybody else."""

from moto.sqs.models import Queue

from .world import WORLD


def install() -> None:
    wait = Queue.wait_for_messages

    def wait_outside(self: Queue, timeout: int) -> None:
        with WORLD.released():
            wait(self, timeout)

    Queue.wait_for_messages = wait_outside
