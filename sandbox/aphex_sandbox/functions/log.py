"""What a function printed, in its log group, between the lines that Lambda itself writes."""

import json
import time
import uuid
from datetime import UTC, datetime
from typing import Any

from moto.awslambda.models import LambdaFunction
from moto.core.utils import unix_time_millis


# When, in milliseconds, and what.
Line = tuple[int, str]


def lines_of(chunks: list[tuple[int, bytes]]) -> list[Line]:
    """Each with the time of what it begins in."""
    lines: list[tuple[int, bytes]] = []
    open_ = False
    for when, chunk in chunks:
        for part in chunk.splitlines(keepends=True):
            if open_:
                lines[-1] = (lines[-1][0], lines[-1][1] + part)
            else:
                lines.append((when, part))
            open_ = not part.endswith(b"\n")
    return [(when, line.rstrip(b"\r\n").decode("utf-8", "replace")) for when, line in lines]


def new_stream(function: LambdaFunction) -> str:
    return f"{datetime.now(UTC):%Y/%m/%d}/[{function.version}]{uuid.uuid4().hex}"


class Record:
    """One invocation: lines in the order of their time."""

    def __init__(self, function: LambdaFunction, request_id: str, stream: str):
        self._function = function
        self._id = request_id
        self._stream = stream
        self._begun = time.monotonic()
        self._begun_at = int(unix_time_millis())
        self.text = ""

    def write(self, printed: list[Line], problem: str = "") -> None:
        """Called inside the world, when the invocation is over."""
        function = self._function
        now = int(unix_time_millis())
        last = [*([problem] if problem else []), *self._end()]
        lines = [(self._begun_at, self._start()), *printed, *((now, line) for line in last)]
        self.text = "".join(f"{line}\n" for _, line in lines)
        backend, group = function.logs_backend, function.logs_group_name
        backend.ensure_log_group(group)
        if self._stream not in backend.groups[group].streams:
            backend.create_log_stream(group, self._stream)
        events = [{"timestamp": when, "message": line} for when, line in lines if line]
        backend.put_log_events(group, self._stream, events)

    def _start(self) -> str:
        version = str(self._function.version)
        if self._is_json():
            return _platform("start", {"requestId": self._id, "version": version})
        return f"START RequestId: {self._id} Version: {version}"

    def _end(self) -> list[str]:
        milliseconds = (time.monotonic() - self._begun) * 1000
        billed, memory = int(milliseconds) + 1, self._function.memory_size
        if self._is_json():
            metrics = {"durationMs": round(milliseconds, 3), "billedDurationMs": billed}
            return [
                _platform(
                    "report",
                    {"requestId": self._id, "metrics": {**metrics, "memorySizeMB": memory}},
                )
            ]
        return [
            f"END RequestId: {self._id}",
            f"REPORT RequestId: {self._id}\tDuration: {milliseconds:.2f} ms\t"
            f"Billed Duration: {billed} ms\tMemory Size: {memory} MB",
        ]

    def _is_json(self) -> bool:
        logging = getattr(self._function, "logging_config", None) or {}
        return logging.get("LogFormat") == "JSON"


def _platform(kind: str, record: dict[str, Any]) -> str:
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps({"time": now, "type": f"platform.{kind}", "record": record})
