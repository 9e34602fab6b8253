"""Where providers of custom resources put their answers: the addresses called ResponseURL.

They look like presigned addresses of S3, as in AWS, and take one PUT each until nobody waits.
"""

import hashlib
import hmac
import os
import threading
from datetime import UTC, datetime
from urllib.parse import parse_qs, quote, urlencode

from .settings import SETTINGS

PATH = "/_aphex/custom-resource-response/"
# CloudFormation's own bound. What is larger is not kept.
MAX_ANSWER_BYTES = 4096

_KEY = os.urandom(32)


class Slot:
    """One awaited answer."""

    def __init__(self) -> None:
        self._arrived = threading.Event()
        self.content = b""
        self.is_too_long = False

    def put(self, content: bytes) -> None:
        self.is_too_long = len(content) > MAX_ANSWER_BYTES
        self.content = content[:MAX_ANSWER_BYTES]
        self._arrived.set()

    def wait(self, seconds: float) -> bool:
        return self._arrived.wait(seconds)


class Mailbox:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._slots: dict[str, Slot] = {}

    def open(self, name: str, region: str) -> tuple[str, Slot]:
        """An address for one answer; close it by its name."""
        slot = Slot()
        with self._lock:
            self._slots[name] = slot
        now = datetime.now(UTC)
        query = {
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Date": f"{now:%Y%m%dT%H%M%SZ}",
            "X-Amz-SignedHeaders": "host",
            "X-Amz-Expires": "7200",
            "X-Amz-Credential": f"AKIASANDBOXCLOUDFORM/{now:%Y%m%d}/{region}/s3/aws4_request",
            "X-Amz-Signature": _signature(name),
        }
        return f"{SETTINGS.endpoint}{PATH}{quote(name, safe='')}?{urlencode(query)}", slot

    def close(self, name: str) -> None:
        with self._lock:
            self._slots.pop(name, None)

    def receive(self, name: str, query: str, content: bytes) -> bool:
        """False for an address that nobody made, or where nobody waits any more."""
        given = parse_qs(query).get("X-Amz-Signature", [""])[0]
        if not hmac.compare_digest(given.encode(), _signature(name).encode()):
            return False
        with self._lock:
            slot = self._slots.pop(name, None)
        if slot is not None:
            slot.put(content)
        return slot is not None


def _signature(name: str) -> str:
    return hmac.new(_KEY, name.encode(), hashlib.sha256).hexdigest()


MAILBOX = Mailbox()
