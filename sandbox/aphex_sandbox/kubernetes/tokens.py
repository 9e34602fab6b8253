"""Tokens of EKS: who a bearer is, decided as aws-iam-authenticator decides it.

A token is `k8s-aws-v1.` and the base64url of an address signed for STS's GetCallerIdentity. The
cluster's name is a signed header that the address does not hold: a token for another cluster has a
signature that does not fit. What STS knows about the caller, the sandbox knows itself.
"""

import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote, urlsplit

from moto.core.utils import utcnow
from moto.sts.models import sts_backends

from ..accounts import find_key
from ..settings import SETTINGS
from ..sts import find_session

PREFIX = "k8s-aws-v1."
CLUSTER_HEADER = "x-k8s-aws-id"
MAX_TOKEN_CHARACTERS = 4096
MAX_EXPIRES_SECONDS = 900
# Counted from X-Amz-Date; clocks may differ by as much.
MAX_AGE = timedelta(minutes=15)
_DATE = "%Y%m%dT%H%M%SZ"
_STS_HOST = re.compile(r"sts(?:\.[a-z0-9-]+)?\.amazonaws\.com(?:\.cn)?")
_PARAMETERS = frozenset(
    "action version x-amz-algorithm x-amz-credential x-amz-date x-amz-expires"
    " x-amz-security-token x-amz-signature x-amz-signedheaders".split()
)


class Refused(Exception):
    """Why a token is not accepted: for the log, the bearer sees 401."""


@dataclass(frozen=True)
class Caller:
    arn: str
    account: str


@dataclass(frozen=True)
class _Signed:
    host: str
    path: str
    query: list[tuple[str, str]]

    def value(self, name: str) -> str:
        return next((value for key, value in self.query if key.lower() == name), "")


def identify(token: str, cluster: str) -> Caller:
    """Called inside the world. Raises Refused."""
    signed = _decode(token)
    _check_form(signed)
    key = signed.value("x-amz-credential").split("/")[0]
    found = find_key(key)
    if found is None:
        raise Refused(f"nobody has the access key {key}")
    session = find_session(key)
    if session is not None and session.expiration < utcnow():
        raise Refused("the session of the token's keys has expired")
    secret = found[1].secret_access_key
    expected = _signature(signed, cluster, secret)
    if not hmac.compare_digest(expected.encode(), signed.value("x-amz-signature").encode()):
        raise Refused(f"the signature is not one for the cluster {cluster}")
    backend = sts_backends[found[0]]["aws"]
    _, arn, account = backend.get_caller_identity(key, "us-east-1")
    return Caller(arn, account)


def _decode(token: str) -> _Signed:
    if len(token) > MAX_TOKEN_CHARACTERS:
        raise Refused("the token is too long")
    if not token.startswith(PREFIX):
        raise Refused(f"the token does not begin with {PREFIX}")
    encoded = token.removeprefix(PREFIX)
    try:
        url = base64.b64decode(
            encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True
        ).decode()
        parts = urlsplit(url)
        query = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=True)
    except (binascii.Error, ValueError):
        raise Refused("the token holds no address") from None
    return _Signed(parts.netloc, parts.path or "/", query)


def _check_form(signed: _Signed) -> None:
    own = urlsplit(SETTINGS.endpoint).port
    if signed.host not in (f"localhost:{own}", f"127.0.0.1:{own}") and not _STS_HOST.fullmatch(
        signed.host
    ):
        raise Refused(f"{signed.host} is no STS of this sandbox")
    names = [name.lower() for name, _ in signed.query]
    for name in names:
        if name not in _PARAMETERS or names.count(name) > 1:
            raise Refused(f"the parameter {name} does not belong there")
    if signed.path != "/" or signed.value("action") != "GetCallerIdentity":
        raise Refused("the address is not one of GetCallerIdentity")
    if CLUSTER_HEADER not in signed.value("x-amz-signedheaders").lower().split(";"):
        raise Refused(f"the header {CLUSTER_HEADER} is not signed")
    expires = signed.value("x-amz-expires")
    if not expires.isdecimal() or int(expires) > MAX_EXPIRES_SECONDS:
        raise Refused(f"X-Amz-Expires is {expires!r}, at most {MAX_EXPIRES_SECONDS} is allowed")
    try:
        made = datetime.strptime(signed.value("x-amz-date"), _DATE).replace(tzinfo=UTC)
    except ValueError:
        raise Refused("X-Amz-Date is missing or malformed") from None
    if abs(datetime.now(UTC) - made) > MAX_AGE:
        raise Refused("the token has expired")


def _signature(signed: _Signed, cluster: str, secret: str) -> str:
    """SigV4 of the request that the cluster's authenticator would send."""
    headers = {"host": signed.host, CLUSTER_HEADER: cluster}
    names = signed.value("x-amz-signedheaders").lower()
    unknown = [name for name in names.split(";") if name not in headers]
    if unknown:
        raise Refused(f"the header {unknown[0]} is signed, which no authenticator sends")

    def encode(text: str) -> str:
        return quote(text, safe="-_.~")

    query = "&".join(
        sorted(
            f"{encode(name)}={encode(value)}"
            for name, value in signed.query
            if name.lower() != "x-amz-signature"
        )
    )
    lines = "".join(f"{name}:{headers[name]}\n" for name in names.split(";"))
    body = hashlib.sha256(b"").hexdigest()
    canonical = "\n".join(["GET", signed.path, query, lines, names, body])
    scope = signed.value("x-amz-credential").split("/")[1:]
    text = "\n".join(
        [
            signed.value("x-amz-algorithm"),
            signed.value("x-amz-date"),
            "/".join(scope),
            hashlib.sha256(canonical.encode()).hexdigest(),
        ]
    )
    key = f"AWS4{secret}".encode()
    for part in scope:
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.new(key, text.encode(), "sha256").hexdigest()
