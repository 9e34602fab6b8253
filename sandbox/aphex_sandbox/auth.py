"""Refuses calls signed with keys that nobody made, or whose session is over.

moto answers any key as account 123456789012; then missing credentials would look like success.
"""

import re
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, unquote
from xml.sax.saxutils import escape

from moto.core.utils import utcnow

from .accounts import find_key
from .sts import find_session

_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/(?:[^/]+)/([^/]+)/([^/]+)/aws4_request")
_DATE = "%Y%m%dT%H%M%SZ"
_STS_SIGNATURE_LASTS = timedelta(minutes=15)
_SIGV2 = re.compile(r"AWS ([A-Z0-9]+):")

# Calls that AWS accepts without a signature.
_UNSIGNED_ACTIONS = ("AssumeRoleWithWebIdentity", "AssumeRoleWithSAML")

Refusal = tuple[str, list[tuple[str, str]], bytes]


def refuse(environ: dict[str, Any], body: bytes) -> Refusal | None:
    """An error response in the protocol of the called service, or None to go ahead."""
    key, service = _signer(environ)
    if key is None:
        return _refuse_unsigned(environ, body)
    if find_key(key) is None:
        code, text = _UNKNOWN_KEY.get(service, _UNKNOWN_KEY["*"])
        if code == "InvalidClientTokenId" and _is_json(environ, service):
            code = "UnrecognizedClientException"
        return _error(environ, service, code, text)
    late = _signed_too_long_ago(environ, service)
    if late:
        return _error(environ, service, "SignatureDoesNotMatch", late)
    session = find_session(key)
    if session is not None and session.expiration < utcnow():
        code = "ExpiredTokenException" if _is_json(environ, service) else "ExpiredToken"
        text = "The security token included in the request is expired"
        return _error(environ, service, code, text)
    return None


_UNKNOWN_KEY = {
    "s3": (
        "InvalidAccessKeyId",
        "The AWS Access Key Id you provided does not exist in our records.",
    ),
    "*": ("InvalidClientTokenId", "The security token included in the request is invalid."),
}


def _signer(environ: dict[str, Any]) -> tuple[str | None, str]:
    authorization = environ.get("HTTP_AUTHORIZATION", "")
    match = _CREDENTIAL.search(authorization)
    if match is None and "X-Amz-Credential" in environ.get("QUERY_STRING", ""):
        match = _CREDENTIAL.search(
            "Credential=" + unquote(_query(environ).get("X-Amz-Credential", [""])[0])
        )
    if match is not None:
        return match.group(1), match.group(3).lower()
    old = _SIGV2.search(authorization)
    if old is not None:
        return old.group(1), "s3"
    return _query(environ).get("AWSAccessKeyId", [None])[0], "s3"


def _signed_too_long_ago(environ: dict[str, Any], service: str) -> str:
    """Why an address signed for STS (a token for EKS is one) is of no use any more."""
    signed = _query(environ).get("X-Amz-Date", [""])[0]
    if service != "sts" or not signed:
        return ""
    try:
        made = datetime.strptime(signed, _DATE)
    except ValueError:
        return f"Date in the signature must be in ISO-8601 'basic format'. Got '{signed}'."
    now = utcnow()
    if now - made <= _STS_SIGNATURE_LASTS:
        return ""
    oldest = (now - _STS_SIGNATURE_LASTS).strftime(_DATE)
    return (
        f"Signature expired: {signed} is now earlier than {oldest}"
        f" ({now.strftime(_DATE)} - 15 min.)"
    )


def with_header(environ: dict[str, Any]) -> None:
    """A signature in the address also as a header: by that alone moto finds service and caller."""
    query = _query(environ)
    credential = query.get("X-Amz-Credential", [""])[0]
    if not credential or "HTTP_AUTHORIZATION" in environ or "/s3/" in credential:
        return
    signed = query.get("X-Amz-SignedHeaders", [""])[0]
    signature = query.get("X-Amz-Signature", [""])[0]
    environ["HTTP_AUTHORIZATION"] = (
        f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={signed}, Signature={signature}"
    )
    if "/sts/" in credential and "application/json" in environ.get("HTTP_ACCEPT", ""):
        # What aws-iam-authenticator asks for.
        environ["QUERY_STRING"] += "&ContentType=JSON"


def _refuse_unsigned(environ: dict[str, Any], body: bytes) -> Refusal | None:
    form = b"application/x-www-form-urlencoded" in environ.get("CONTENT_TYPE", "").encode()
    action = parse_qs(body.decode("latin-1")).get("Action", [""])[0] if form else ""
    action = action or _query(environ).get("Action", [""])[0]
    if action in _UNSIGNED_ACTIONS:
        return None
    if action or "HTTP_X_AMZ_TARGET" in environ:
        text = "Request is missing Authentication Token"
        service = "json" if "HTTP_X_AMZ_TARGET" in environ else "sts"
        return _error(environ, service, "MissingAuthenticationToken", text)
    # What is left is S3, where moto itself decides by the object's ACL and the bucket's policy.
    return None


def _query(environ: dict[str, Any]) -> dict[str, list[str]]:
    return parse_qs(environ.get("QUERY_STRING", ""))


_REST_JSON = ("lambda", "apigateway", "eks", "batch", "scheduler", "bedrock", "execute-api")


def _is_json(environ: dict[str, Any], service: str) -> bool:
    return "HTTP_X_AMZ_TARGET" in environ or service in _REST_JSON


def _error(environ: dict[str, Any], service: str, code: str, text: str) -> Refusal:
    if _is_json(environ, service):
        body = f'{{"__type":"{code}","message":"{text}"}}'
        headers = [("Content-Type", "application/x-amz-json-1.1"), ("x-amzn-ErrorType", code)]
        return "403 Forbidden", headers, body.encode()
    inner = f"<Code>{escape(code)}</Code><Message>{escape(text)}</Message>"
    if service == "s3":
        body = f'<?xml version="1.0" encoding="UTF-8"?><Error>{inner}</Error>'
    else:
        body = (
            f"<ErrorResponse><Error><Type>Sender</Type>{inner}</Error>"
            "<RequestId>00000000-0000-0000-0000-000000000000</RequestId></ErrorResponse>"
        )
    return "403 Forbidden", [("Content-Type", "text/xml")], body.encode()
