"""The WSGI application: sorts requests between control API, functions' HTTP and moto."""

import hashlib
import io
import json
import logging
import re
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs

from moto.moto_server.werkzeug_app import DomainDispatcherApplication
from werkzeug.datastructures import Headers

from . import auth, control, mailbox, patches
from .world import WORLD

_LOG = logging.getLogger(__name__)
_REST = re.compile(r"/restapis/([a-z0-9]+)/([^/]+)/_user_request_(/.*|)$")
_FUNCTION_URL = re.compile(r"/_aphex/functions/([a-z0-9]+)(/.*|)$")
_READING = ("Describe", "Get", "List", "Head", "Lookup", "Query", "Scan", "BatchGet")

# An S3 part is at most 5 GiB; nothing that belongs in a sandbox is near this.
MAX_BODY_BYTES = 1024 * 1024 * 1024

StartResponse = Callable[..., Any]


class Gateway:
    def __init__(self) -> None:
        self._moto = DomainDispatcherApplication(patches.create_app)

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        # Read first: a slow client must not hold up the world.
        try:
            body = _read_body(environ)
        except ValueError:
            return _send_json(start_response, 413, {"error": "the request's body is too large"})
        path = environ.get("PATH_INFO", "")
        if path.startswith(mailbox.PATH):
            return _receive(environ, start_response, path, body)
        _LOG.debug("%s %s", environ["REQUEST_METHOD"], path)
        with WORLD.entered():
            return self._route(environ, start_response, path, body)

    def _route(
        self, environ: dict[str, Any], start: StartResponse, path: str, body: bytes
    ) -> Iterable[bytes]:
        rest, url = _REST.match(path), _FUNCTION_URL.match(path)
        if rest or url:
            # Imported on first use: a large part of moto that the start need not wait for.
            from .functions import http_front

            WORLD.mark_changed()
            match = rest or url
            request = http_front.HttpRequest.of(environ, match.group(match.lastindex) or "/", body)
            if rest:
                response = http_front.call_rest_api(rest.group(1), rest.group(2), request)
            else:
                response = http_front.call_function_url(url.group(1), request)
            return _send_http(start, response)
        if path.startswith("/_aphex/"):
            if environ.get("HTTP_ORIGIN"):
                # Web pages have no business here.
                return _send_json(start, 403, {"error": "not for browsers"})
            return _send_json(start, *control.handle(environ["REQUEST_METHOD"], path, body))
        return self._aws(environ, start, body)

    def _aws(self, environ: dict[str, Any], start: StartResponse, body: bytes) -> Iterable[bytes]:
        if environ.get("PATH_INFO", "").startswith("/moto-api"):
            return _send_json(start, 404, {"error": "moto's own API is not served"})
        refusal = auth.refuse(environ, body)
        if refusal is not None:
            status, headers, content = refusal
            start(status, [*headers, ("Content-Length", str(len(content)))])
            return [content]
        auth.with_header(environ)
        # The account follows from the key alone.
        environ.pop("HTTP_X_MOTO_ACCOUNT_ID", None)
        if _may_change(environ, body):
            WORLD.mark_changed()
        try:
            return _collected(self._moto(environ, start))
        except Exception as error:
            return _failure(environ, start, error)


def _receive(
    environ: dict[str, Any], start: StartResponse, path: str, body: bytes
) -> Iterable[bytes]:
    """An answer of a custom resource's provider; outside the world, where others may be waiting."""
    name = path.removeprefix(mailbox.PATH)
    put = environ["REQUEST_METHOD"] == "PUT"
    if put and mailbox.MAILBOX.receive(name, environ.get("QUERY_STRING", ""), body):
        start("200 OK", [("Content-Length", "0"), ("ETag", f'"{hashlib.md5(body).hexdigest()}"')])
        return [b""]
    text = b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
    start("403 Forbidden", [("Content-Length", str(len(text)))])
    return [text]


def _read_body(environ: dict[str, Any]) -> bytes:
    stream = environ["wsgi.input"]
    length = environ.get("CONTENT_LENGTH")
    if length:
        if int(length) > MAX_BODY_BYTES:
            raise ValueError(length)
        body = stream.read(int(length))
    elif environ.get("wsgi.input_terminated"):
        body = stream.read(MAX_BODY_BYTES + 1)
        if len(body) > MAX_BODY_BYTES:
            raise ValueError("chunked")
        environ["CONTENT_LENGTH"] = str(len(body))
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        environ["wsgi.input_terminated"] = False
    else:
        body = b""
    environ["wsgi.input"] = io.BytesIO(body)
    return body


def _may_change(environ: dict[str, Any], body: bytes) -> bool:
    if environ["REQUEST_METHOD"] in ("GET", "HEAD"):
        return False
    action = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
    if not action and environ.get("CONTENT_TYPE", "").startswith("application/x-www-form"):
        action = parse_qs(body.decode("latin-1")).get("Action", [""])[0]
    return not action.startswith(_READING)


def _collected(chunks: Iterable[bytes]) -> list[bytes]:
    try:
        return list(chunks)
    finally:
        close = getattr(chunks, "close", None)
        if close is not None:
            close()


def _failure(environ: dict[str, Any], start: StartResponse, error: Exception) -> Iterable[bytes]:
    """moto's own bugs and gaps, answered so that SDKs show them at once and do not retry."""
    _LOG.exception("%s %s failed", environ["REQUEST_METHOD"], environ.get("PATH_INFO"))
    missing = isinstance(error, NotImplementedError)
    code = "NotImplemented" if missing else "SandboxFailure"
    text = f"the sandbox cannot do this: {error or type(error).__name__}"
    if "HTTP_X_AMZ_TARGET" in environ:
        content = json.dumps({"__type": code, "message": text}).encode()
    else:
        from xml.sax.saxutils import escape

        inner = f"<Code>{code}</Code><Message>{escape(text)}</Message>"
        content = (
            f"<ErrorResponse><Error><Type>Sender</Type>{inner}</Error></ErrorResponse>".encode()
        )
    headers = [("Content-Length", str(len(content))), ("x-amzn-ErrorType", code)]
    start("501 Not Implemented" if missing else "400 Bad Request", headers)
    return [content]


def _send_json(start: StartResponse, status: int, value: Any) -> Iterable[bytes]:
    content = json.dumps(value).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(content)))]
    start(f"{status} {'OK' if status < 400 else 'Error'}", headers)
    return [content]


def _send_http(start: StartResponse, response: Any) -> Iterable[bytes]:
    headers = Headers(
        [(k, v) for k, v in response.headers if k.lower() not in ("content-length", "connection")]
    )
    headers["Content-Length"] = str(len(response.body))
    start(f"{response.status} Answer", headers.to_wsgi_list())
    return [response.body]
