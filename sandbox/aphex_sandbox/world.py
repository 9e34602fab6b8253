"""The one lock over all simulated state.

moto's backends are plain dictionaries shared by every request thread. One request at a time
touches them; whoever waits for something outside (a Lambda process, a long poll) gives the
lock back meanwhile, so that the awaited process can call the simulated AWS itself.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class World:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._owner = threading.local()
        self._changes = 0

    @contextmanager
    def entered(self) -> Iterator[None]:
        with self._lock:
            self._owner.inside = True
            try:
                yield
            finally:
                self._owner.inside = False

    @contextmanager
    def released(self) -> Iterator[None]:
        """Let others in while the calling request waits; a no-op outside of a request."""
        if not getattr(self._owner, "inside", False):
            yield
            return
        self._owner.inside = False
        self._lock.release()
        try:
            yield
        finally:
            self._lock.acquire()
            self._owner.inside = True

    def mark_changed(self) -> None:
        self._changes += 1

    @property
    def changes(self) -> int:
        """Counts changes since the start; a snapshot is due when it has moved."""
        return self._changes


WORLD = World()
