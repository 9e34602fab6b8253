"""Decides who a bearer token is, as a cluster of EKS does: the API server's token webhook.

An EKS token is `k8s-aws-v1.` + base64url, without padding, of a presigned GetCallerIdentity. What
makes one valid is what aws-iam-authenticator 0.7 checks (pkg/token/token.go): the cluster's name is
a signed header, hence a token made for another cluster has a signature that STS refuses. Our
stand-ins for STS do not look at signatures; `secret_of` lets this module do it in their stead.

Tokens of plain users, which tests invent, are answered from a table.
"""

import base64
import binascii
import datetime
import hashlib
import hmac
import http.server
import json
import re
import secrets
import threading
import urllib.error
import urllib.parse
import urllib.request
import xml.etree.ElementTree as xml
from dataclasses import dataclass, field

PREFIX = "k8s-aws-v1."
CLUSTER_HEADER = "x-k8s-aws-id"
MAX_TOKEN_CHARACTERS = 4096
MAX_EXPIRES_SECONDS = 900
# STS counts from X-Amz-Date, whatever X-Amz-Expires says.
MAX_AGE = datetime.timedelta(minutes=15)
DATE_FORMAT = "%Y%m%dT%H%M%SZ"
STS_SECONDS = 10
PARAMETERS = {"action", "version", "x-amz-algorithm", "x-amz-credential", "x-amz-date",
              "x-amz-expires", "x-amz-security-token", "x-amz-signature", "x-amz-signedheaders"}


class Refused(Exception):
    """Why a token is not accepted."""


@dataclass
class User:
    name: str
    groups: tuple[str, ...] = ()
    extra: dict[str, list[str]] = field(default_factory=dict)


@dataclass
class Presigned:
    """A token's content, its form checked."""

    url: str
    origin: str
    path: str
    query: list[tuple[str, str]]

    def value(self, name):
        return next((value for key, value in self.query if key.lower() == name), "")


def decode(token):
    if len(token) > MAX_TOKEN_CHARACTERS:
        raise Refused("the token is too long")
    if not token.startswith(PREFIX):
        raise Refused(f"the token does not begin with {PREFIX}")
    encoded = token.removeprefix(PREFIX)
    if not re.fullmatch(r"[A-Za-z0-9_-]*", encoded):
        raise Refused("the token is not base64url without padding")
    try:
        url = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
        parts = urllib.parse.urlsplit(url)
        query = urllib.parse.parse_qsl(parts.query, keep_blank_values=True, strict_parsing=True)
    except (binascii.Error, ValueError):
        raise Refused("the token holds no address") from None
    if not parts.netloc:
        raise Refused("the token holds no address")
    return Presigned(url, f"{parts.scheme}://{parts.netloc}", parts.path, query)


def check_form(request, now):
    names = [key.lower() for key, _ in request.query]
    for name in names:
        if name not in PARAMETERS:
            raise Refused(f"the parameter {name} does not belong there")
        if names.count(name) > 1:
            raise Refused(f"the parameter {name} is there twice")
    if request.value("action") != "GetCallerIdentity":
        raise Refused(f"the action is {request.value('action')!r}, not GetCallerIdentity")
    if CLUSTER_HEADER not in request.value("x-amz-signedheaders").lower().split(";"):
        raise Refused(f"the header {CLUSTER_HEADER} is not signed")
    expires = request.value("x-amz-expires")
    if not expires.isdecimal() or int(expires) > MAX_EXPIRES_SECONDS:
        raise Refused(f"X-Amz-Expires is {expires!r}, at most {MAX_EXPIRES_SECONDS} is allowed")
    try:
        made = datetime.datetime.strptime(request.value("x-amz-date"), DATE_FORMAT)
    except ValueError:
        raise Refused("X-Amz-Date is missing or malformed") from None
    if now > made.replace(tzinfo=datetime.UTC) + MAX_AGE:
        raise Refused("the token has expired")


def signature_of(request, headers, secret):
    """SigV4 of a GET whose signature stands in the query."""
    def quote(text):
        return urllib.parse.quote(text, safe="-_.~")

    query = "&".join(sorted(f"{quote(key)}={quote(value)}" for key, value in request.query
                            if key.lower() != "x-amz-signature"))
    signed = request.value("x-amz-signedheaders")
    lines = [f"{name}:{headers[name]}\n" for name in signed.split(";")]
    digest = hashlib.sha256(b"").hexdigest()
    canonical = "\n".join(["GET", request.path or "/", query, "".join(lines), signed, digest])
    scope = request.value("x-amz-credential").split("/")[1:]
    to_sign = "\n".join([request.value("x-amz-algorithm"), request.value("x-amz-date"),
                         "/".join(scope), hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{secret}".encode()
    for part in scope:
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.new(key, to_sign.encode(), "sha256").hexdigest()


def canonical_arn(arn):
    """Of an assumed role its role, without a path; others as they are."""
    parts = arn.split(":")
    if len(parts) != 6:
        raise Refused(f"STS answered with {arn!r}, which is no ARN")
    resource = parts[5].split("/")
    if parts[2] == "sts" and resource[0] == "assumed-role" and len(resource) == 3:
        return f"{parts[0]}:{parts[1]}:iam::{parts[4]}:role/{resource[1]}"
    if parts[2] == "iam" and resource[0] == "role":
        return f"{':'.join(parts[:5])}:role/{resource[-1]}"
    return arn


def parse_identity(text):
    """ARN and user id of an answer of STS, which has it as JSON or, most stand-ins, as XML."""
    if text.lstrip().startswith("{"):
        result = json.loads(text)["GetCallerIdentityResponse"]["GetCallerIdentityResult"]
        return result["Arn"], result["UserId"]
    root = xml.fromstring(text)
    found = {element.tag.rpartition("}")[2]: element.text for element in root.iter()}
    return found["Arn"], found["UserId"]


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


# No proxy of the person who runs the tests, no redirect to where no token should go.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}), NoRedirect)


class Authenticator:
    def __init__(self, cluster_name="aphex-test"):
        self.cluster_name = cluster_name
        self.refusals = []
        # Secret of an access key id, or None: whoever sets it has signatures checked here.
        self.secret_of = lambda access_key_id: None
        self._endpoints = {}
        self._entries = {}
        self._users = {}
        self._server = None
        self._thread = None

    def allow(self, endpoint, forward_to=None):
        """Tokens signed for this STS endpoint are good; `forward_to` is asked in its stead."""
        endpoint = endpoint.rstrip("/")
        self._endpoints[endpoint] = (forward_to or endpoint).rstrip("/")

    def grant(self, principal_arn, groups=(), username=None):
        self._entries[canonical_arn(principal_arn)] = (tuple(groups), username)

    def revoke(self, principal_arn):
        self._entries.pop(canonical_arn(principal_arn), None)

    def user_token(self, name, groups=()):
        token = f"user-{secrets.token_urlsafe(24)}"
        self._users[token] = User(name, tuple(groups))
        return token

    def authenticate(self, token):
        if token in self._users:
            return self._users[token]
        request = decode(token)
        endpoint = f"{request.origin}{request.path}".rstrip("/")
        if endpoint not in self._endpoints:
            raise Refused(f"{endpoint} is not an STS endpoint that this cluster knows")
        check_form(request, datetime.datetime.now(datetime.UTC))
        self._check_signature(request)
        arn, user_id = self._ask_sts(request, endpoint)
        canonical = canonical_arn(arn)
        if canonical not in self._entries:
            raise Refused(f"{canonical} has no access entry")
        groups, username = self._entries[canonical]
        extra = {"arn": [arn], "canonicalArn": [canonical],
                 "sessionName": [user_id.partition(":")[2]],
                 "accessKeyId": [request.value("x-amz-credential").split("/")[0]]}
        return User(username or arn, groups, extra)

    def _check_signature(self, request):
        secret = self.secret_of(request.value("x-amz-credential").split("/")[0])
        if secret is None:
            return
        headers = {"host": urllib.parse.urlsplit(request.url).netloc,
                   CLUSTER_HEADER: self.cluster_name}
        signed = request.value("x-amz-signedheaders").split(";")
        if unknown := [name for name in signed if name not in headers]:
            raise Refused(f"the header {unknown[0]} is signed, which this cluster does not send")
        expected = signature_of(request, headers, secret)
        if not hmac.compare_digest(expected, request.value("x-amz-signature")):
            raise Refused("the signature does not match this cluster's request")

    def _ask_sts(self, request, endpoint):
        target = self._endpoints[endpoint]
        query = urllib.parse.urlsplit(request.url).query
        # moto finds service and caller by this header alone; STS itself wants no second signature.
        credentials = ", ".join(f"{name}={request.value(f'x-amz-{name.lower()}')}"
                                for name in ("Credential", "SignedHeaders", "Signature"))
        message = urllib.request.Request(f"{target}/?{query}", headers={
            CLUSTER_HEADER: self.cluster_name, "Accept": "application/json",
            "Authorization": f"{request.value('x-amz-algorithm')} {credentials}"})
        try:
            with OPENER.open(message, timeout=STS_SECONDS) as answer:
                text = answer.read().decode()
        except urllib.error.HTTPError as error:
            raise Refused(f"STS answered {error.code}: {error.read().decode()[:200]}") from None
        except OSError as error:
            raise Refused(f"STS at {target} cannot be reached: {error}") from None
        try:
            return parse_identity(text)
        except (ValueError, KeyError, xml.ParseError):
            raise Refused(f"STS answered what is no identity: {text[:200]}") from None

    def review(self, token):
        """The status of a TokenReview."""
        try:
            user = self.authenticate(token)
        except Refused as refused:
            self.refusals.append(str(refused))
            return {"authenticated": False, "error": str(refused)}
        return {"authenticated": True, "user": {"username": user.name, "groups": list(user.groups),
                                                "extra": user.extra}}

    def start(self):
        """Serves TokenReviews on a free port; its address."""
        authenticator = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status = authenticator.review(review["spec"].get("token", ""))
                answer = json.dumps({"apiVersion": review["apiVersion"], "kind": "TokenReview",
                                     "status": status}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # a client that hangs up needs no report
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,),
                                        daemon=True)
        self._thread.start()
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def stop(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
