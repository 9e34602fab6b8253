"""One cluster's proxy: HTTPS on loopback, tokens of EKS in, the kubeconfig's credentials out.

A connection carries one request, whose caller is checked; what follows is passed on as it comes, so
that watches, logs and upgraded connections (exec, port-forward) need nothing of their own.
"""

import asyncio
import contextlib
import json
import logging
import ssl
import tempfile
from collections.abc import Callable

from .certificates import Identity
from .kubeconfig import Upstream
from .tokens import Caller, Refused

_LOG = logging.getLogger(__name__)

# API servers take a megabyte of headers; clients send a few kilobytes.
MAX_HEAD_BYTES = 64 * 1024
MAX_CONNECTIONS = 256
HEAD_SECONDS = 30.0
CONNECT_SECONDS = 10.0
_CHUNK = 64 * 1024
# Ours to say: one request per connection, and who asks.
_OWN_HEADERS = ("authorization", "connection", "host", "proxy-connection", "keep-alive")

# The token's bearer; raises Refused.
Identify = Callable[[str], Caller]


class Refusal(Exception):
    """An answer of ours, in the form of the API server's own."""

    def __init__(self, code: int, reason: str, message: str):
        super().__init__(message)
        self.code, self.reason, self.message = code, reason, message


class Proxy:
    """Lives on the event loop that starts it."""

    def __init__(self, name: str, upstream: Upstream, identity: Identity, identify: Identify):
        self._name = name
        self._upstream = upstream
        self._identify = identify
        self._server_tls = _server_context(identity)
        self._client_tls = upstream.tls()
        self._server: asyncio.Server | None = None
        self._slots = asyncio.Semaphore(MAX_CONNECTIONS)
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, port: int) -> int:
        """On that port if it is free, else on any; the port."""
        for wanted in (port, 0) if port else (0,):
            try:
                self._server = await asyncio.start_server(
                    self._serve, "127.0.0.1", wanted, ssl=self._server_tls, limit=MAX_HEAD_BYTES
                )
                break
            except OSError:
                if not wanted:
                    raise
        assert self._server is not None
        return self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            async with self._slots:
                await self._handle(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError, ssl.SSLError):
            pass  # somebody hung up
        except Exception:
            _LOG.exception("a request for the cluster %s failed", self._name)
        finally:
            self._tasks.discard(task)
            await _close(writer)

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            line, headers = await _read_head(reader)
            caller = await self._caller(headers)
            _LOG.debug("%s: %s by %s", self._name, line.split(" ")[0], caller.arn)
            head = self._head(line, headers)
            upstream = await self._connect()
        except Refusal as refusal:
            await _refuse(writer, refusal)
            return
        try:
            upstream[1].write(head)
            await upstream[1].drain()
            await _join(reader, writer, *upstream)
        finally:
            await _close(upstream[1])

    async def _caller(self, headers: list[tuple[str, str]]) -> Caller:
        values = [value for name, value in headers if name.lower() == "authorization"]
        kind, _, token = (values[0] if len(values) == 1 else "").partition(" ")
        try:
            if kind.lower() != "bearer":
                raise Refused("there is no bearer token")
            # It may have to wait for its turn: not on the loop.
            return await asyncio.get_running_loop().run_in_executor(
                None, self._identify, token.strip()
            )
        except Refused as refused:
            _LOG.warning("the cluster %s refuses a token: %s", self._name, refused)
            raise Refusal(401, "Unauthorized", "Unauthorized") from None

    def _head(self, line: str, headers: list[tuple[str, str]]) -> bytes:
        upgraded = any(name.lower() == "upgrade" for name, _ in headers)
        kept = [(name, value) for name, value in headers if name.lower() not in _OWN_HEADERS]
        if any(name.lower().startswith("impersonate-") for name, _ in kept):
            raise Refusal(403, "Forbidden", "the sandbox's proxy lets nobody impersonate others")
        address = self._upstream.address
        if address.path:
            method, path, version = line.split(" ")
            line = f"{method} {address.path}{path} {version}"
        kept += [
            ("Host", address.netloc.rpartition("@")[2]),
            ("Connection", "Upgrade" if upgraded else "close"),
        ]
        if self._upstream.token:
            kept.append(("Authorization", f"Bearer {self._upstream.token}"))
        text = "".join(f"{name}: {value}\r\n" for name, value in kept)
        return f"{line}\r\n{text}\r\n".encode("latin-1")

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        upstream = self._upstream
        connecting = asyncio.open_connection(
            upstream.address.hostname,
            upstream.port,
            ssl=self._client_tls,
            server_hostname=upstream.server_name,
        )
        try:
            return await asyncio.wait_for(connecting, CONNECT_SECONDS)
        except (OSError, TimeoutError) as error:
            problem = str(error) or type(error).__name__
            text = f"the sandbox cannot reach {upstream.server}: {problem}"
            _LOG.warning("the cluster %s: %s", self._name, text)
            raise Refusal(503, "ServiceUnavailable", text) from None


def _server_context(identity: Identity) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(f"{identity.certificate}\n{identity.key}\n")
        file.flush()
        context.load_cert_chain(file.name)
    context.set_alpn_protocols(["http/1.1"])
    return context


async def _read_head(reader: asyncio.StreamReader) -> tuple[str, list[tuple[str, str]]]:
    try:
        raw = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), HEAD_SECONDS)
    except asyncio.LimitOverrunError:
        raise Refusal(431, "BadRequest", "the request's headers are too large") from None
    except TimeoutError:
        raise Refusal(408, "Timeout", "the request's headers did not come in time") from None
    line, *rest = raw.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    if len(line.split(" ")) != 3 or not line.endswith((" HTTP/1.1", " HTTP/1.0")):
        raise Refusal(400, "BadRequest", "the request is not HTTP/1.1")
    headers = []
    for text in rest:
        name, colon, value = text.partition(":")
        if not colon or not name or name != name.strip():
            raise Refusal(400, "BadRequest", "a header of the request is malformed")
        headers.append((name, value.strip()))
    return line, headers


async def _refuse(writer: asyncio.StreamWriter, refusal: Refusal) -> None:
    status = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": refusal.message,
        "reason": refusal.reason,
        "code": refusal.code,
    }
    body = json.dumps(status).encode()
    head = (
        f"HTTP/1.1 {refusal.code} {refusal.reason}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    writer.write(head.encode() + body)
    await writer.drain()


async def _join(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    upstream_reader: asyncio.StreamReader,
    upstream_writer: asyncio.StreamWriter,
) -> None:
    """Both ways until one of the two has ended."""
    up = asyncio.ensure_future(_pass_on(reader, upstream_writer))
    down = asyncio.ensure_future(_pass_on(upstream_reader, writer))
    try:
        # TLS knows no half of a connection that is closed: who ends it hears nothing any more.
        await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (up, down):
            task.cancel()
        await asyncio.gather(up, down, return_exceptions=True)


async def _pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while chunk := await source.read(_CHUNK):
        sink.write(chunk)
        await sink.drain()


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError, ssl.SSLError, asyncio.CancelledError, TimeoutError):
        await asyncio.wait_for(writer.wait_closed(), 1.0)
