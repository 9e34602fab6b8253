"""Keeps the state on disk: soon after a change, and at a clean stop."""

import logging
import sys
import threading
import time
from pathlib import Path

from . import snapshot
from .settings import SETTINGS
from .world import WORLD

_LOG = logging.getLogger(__name__)

# A change is on disk after at most this long, unless a snapshot itself takes longer.
INTERVAL_SECONDS = 1.0


class Keeper:
    def __init__(self, state_dir: Path):
        self._path = state_dir / "state.bin"
        self._blobs = snapshot.BlobStore(state_dir / "blobs")
        self._saved = 0
        self._failed = False
        self._stopping = threading.Event()
        self._saving = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)

    def restore(self) -> bool:
        """Raises UnusableState."""
        content = snapshot.read(self._path)
        if content is None:
            return False
        try:
            snapshot.load(content, self._blobs)
        except Exception as error:
            _LOG.debug("restoring failed", exc_info=True)
            raise snapshot.UnusableState(
                f"{self._path} cannot be read ({error}); run `aphex sandbox reset` to start"
                " with an empty one"
            ) from error
        if "moto.cloudformation.models" in sys.modules:
            from .cloudformation import operations

            operations.settle_restored()
        return True

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()
        self.save()

    def save(self) -> None:
        with self._saving:
            changes = WORLD.changes
            if changes == self._saved:
                return
            started = time.monotonic()
            try:
                with WORLD.entered():
                    changes = WORLD.changes
                    content = snapshot.dump(self._blobs)
                snapshot.write(self._path, content)
                self._blobs.collect()
            except Exception as error:
                SETTINGS.state_error = f"the state could not be saved: {error}"
                # The server goes on without: losing the state later is better than now.
                if not self._failed:
                    _LOG.exception("the state could not be saved")
                self._failed = True
                return
            self._saved, self._failed, SETTINGS.state_error = changes, False, None
            seconds = time.monotonic() - started
            _LOG.debug("saved %d bytes of state in %.3f s", len(content), seconds)

    def _run(self) -> None:
        while not self._stopping.wait(INTERVAL_SECONDS):
            self.save()
