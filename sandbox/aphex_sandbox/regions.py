"""AWS's regions, by the lists that botocore brings."""

import json
from functools import cache
from pathlib import Path

import botocore


def is_region(name: str) -> bool:
    return name in _regions()


@cache
def _regions() -> frozenset[str]:
    # Read, not asked of a session: that takes longer than the start.
    path = Path(botocore.__file__).parent / "data" / "endpoints.json"
    partitions = json.loads(path.read_text())["partitions"]
    return frozenset(region for partition in partitions for region in partition["regions"])
