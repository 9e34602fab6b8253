"""The process: one listening socket on loopback, DIR/server.json while it serves."""

import json
import logging
import os
import signal
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import BaseWSGIServer, make_server

from . import VERSION, patches
from .accounts import ensure_account
from .functions import processes
from .gateway import Gateway
from .keeper import Keeper
from .settings import SETTINGS
from .snapshot import write_atomically
from .world import WORLD

_LOG = logging.getLogger(__name__)
_ADDRESS = "127.0.0.1"
_PORT_FILE = "port"


class _Handler(MotoRequestHandler):
    # Headers and body are written apart: without this each answer waits for an ACK.
    disable_nagle_algorithm = True

    def log(self, type: str, message: str, *args: object) -> None:
        _LOG.debug(message, *args)


def serve(state_dir: Path, port: int, pipeline_account: str) -> None:
    """Returns after a clean stop. Raises UnusableState, InvalidAccount or OSError."""
    SETTINGS.state_dir = state_dir
    SETTINGS.pipeline_account = pipeline_account
    _withdraw(state_dir)  # a killed process leaves its own
    patches.install()
    keeper = Keeper(state_dir)
    keeper.restore()
    ensure_account(pipeline_account)
    WORLD.mark_changed()
    server = _listen(state_dir, port)
    SETTINGS.port = server.port
    os.environ["MOTO_PORT"] = str(SETTINGS.port)

    def stop(signum: int, frame: FrameType | None) -> None:
        # In a thread: shutdown waits for the loop that this handler interrupts.
        threading.Thread(target=server.shutdown, daemon=True).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    if "moto.eks.models" in sys.modules:
        from .kubernetes.service import SERVICE

        SERVICE.restore()
        WORLD.mark_changed()
    keeper.start()
    _announce(state_dir)
    threading.Thread(target=_warm_up, daemon=True).start()
    _LOG.info("serving at %s (pid %d)", SETTINGS.endpoint, os.getpid())
    try:
        server.serve_forever(poll_interval=0.05)
    finally:
        server.server_close()
        processes.end_all()
        keeper.stop()
        _withdraw(state_dir)
        _LOG.info("stopped")


def _listen(state_dir: Path, port: int) -> BaseWSGIServer:
    remembered = state_dir / _PORT_FILE
    wanted = port
    if port == 0:
        # The port of last time, if it is free: clients' environments stay valid.
        try:
            wanted = int(remembered.read_text())
        except (OSError, ValueError):
            wanted = 0
    try:
        server = _bind(wanted)
    except OSError:
        if port != 0:
            raise
        server = _bind(0)
    write_atomically(remembered, [str(server.port).encode()])
    return server


def _bind(port: int) -> BaseWSGIServer:
    import socket

    # Bound here: werkzeug ends the process when an address is in use.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((_ADDRESS, port))
        listener.listen(128)
        return make_server(
            _ADDRESS,
            listener.getsockname()[1],
            Gateway(),
            threaded=True,
            request_handler=_Handler,
            fd=listener.fileno(),
        )


def _announce(state_dir: Path) -> None:
    description = {
        "version": VERSION,
        "pid": os.getpid(),
        "port": SETTINGS.port,
        "endpoint": SETTINGS.endpoint,
        "started_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
    }
    content = json.dumps(description).encode() + b"\n"
    write_atomically(state_dir / "server.json", [content])


def _withdraw(state_dir: Path) -> None:
    (state_dir / "server.json").unlink(missing_ok=True)


def _warm_up() -> None:
    """Loads the large services after the start, so that the first deployment need not wait."""
    from . import warm_up

    try:
        warm_up.run()
    except Exception:
        _LOG.exception("warming up failed")
