"""Loads what a deployment needs."""

from . import patches


def run() -> None:
    for service in ("cloudformation", "sqs"):
        patches.mend(service)
