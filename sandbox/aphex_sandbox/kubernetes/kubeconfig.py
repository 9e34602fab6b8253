"""What a kubeconfig says about one cluster: where it is, whom to trust, how to be let in."""

import base64
import binascii
import ssl
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

import yaml

from ..clusters import InvalidCluster

MAX_BYTES = 4 * 1024 * 1024
# Ways to be let in that need a program of their own, or a password.
_UNSUPPORTED = ("exec", "auth-provider", "username", "password")


@dataclass(frozen=True)
class Upstream:
    """Kept in the state; the files that the kubeconfig names have been read."""

    server: str
    context: str
    user: str
    authority: str | None  # PEM; None: the system's, or nobody's when unverified
    unverified: bool
    server_name: str
    certificate: str | None  # PEM
    key: str | None  # PEM
    token: str | None

    @property
    def address(self) -> SplitResult:
        return urlsplit(self.server)

    @property
    def port(self) -> int:
        return self.address.port or 443

    def tls(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cadata=self.authority)
        if self.unverified:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if self.certificate and self.key:
            # ssl reads keys from files only; this one is gone at once, and nobody else's to read.
            with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
                file.write(f"{self.certificate}\n{self.key}\n")
                file.flush()
                context.load_cert_chain(file.name)
        return context


def read(path: Path, context_name: str | None) -> Upstream:
    """Raises InvalidCluster, which names the file and what to do."""
    try:
        content = path.read_bytes()[: MAX_BYTES + 1]
        if len(content) > MAX_BYTES:
            raise InvalidCluster(f"{path} is no kubeconfig: it is larger than {MAX_BYTES} bytes")
        document = yaml.safe_load(content)
    except OSError as error:
        raise InvalidCluster(f"{path} cannot be read: {error.strerror}") from None
    except yaml.YAMLError as error:
        raise InvalidCluster(f"{path} is no kubeconfig: {error}") from None
    if not isinstance(document, dict) or "clusters" not in document:
        raise InvalidCluster(f"{path} is no kubeconfig: it has no clusters")
    name = context_name or document.get("current-context")
    if not name:
        raise InvalidCluster(f"{path} has no current context; choose one of {_names(document)}")
    context = _named(document, "contexts", name, "context", path)
    cluster = _named(document, "clusters", context.get("cluster"), "cluster", path)
    user = _named(document, "users", context.get("user"), "user", path)
    return _upstream(path, str(name), str(context.get("user")), cluster, user)


def _upstream(
    path: Path, name: str, user_name: str, cluster: dict[str, Any], user: dict[str, Any]
) -> Upstream:
    server = str(cluster.get("server", ""))
    if urlsplit(server).scheme != "https" or not urlsplit(server).hostname:
        raise InvalidCluster(f"{path}: the server of context {name} is no https address: {server}")
    if cluster.get("proxy-url"):
        raise InvalidCluster(
            f"{path}: context {name} needs a proxy, which the sandbox does not use"
        )
    for way in _UNSUPPORTED:
        if user.get(way):
            raise InvalidCluster(
                f"{path}: user {user_name} is let in by {way}; the sandbox can use a client"
                " certificate or a token only: make a kubeconfig with one of them"
            )
    certificate = _data(path, user, "client-certificate")
    key = _data(path, user, "client-key")
    token = user.get("token")
    if not token and user.get("tokenFile"):
        token = _file(path, str(user["tokenFile"])).decode().strip()
    if not token and not (certificate and key):
        raise InvalidCluster(
            f"{path}: user {user_name} has neither a client certificate nor a token"
        )
    upstream = Upstream(
        server=server.rstrip("/"),
        context=name,
        user=user_name,
        authority=_data(path, cluster, "certificate-authority"),
        unverified=bool(cluster.get("insecure-skip-tls-verify")),
        server_name=str(cluster.get("tls-server-name") or urlsplit(server).hostname),
        certificate=certificate,
        key=key,
        token=str(token) if token else None,
    )
    try:
        upstream.tls()
    except (ssl.SSLError, OSError, ValueError) as error:
        raise InvalidCluster(f"{path}: a certificate or key cannot be used: {error}") from None
    return upstream


def _named(
    document: dict[str, Any], section: str, name: Any, key: str, path: Path
) -> dict[str, Any]:
    for entry in document.get(section) or []:
        if isinstance(entry, dict) and entry.get("name") == name:
            found = entry.get(key) or {}
            if isinstance(found, dict):
                return found
    if section == "contexts":
        raise InvalidCluster(f"{path} has no context {name}; it has {_names(document)}")
    raise InvalidCluster(f"{path} has no {key} {name}")


def _names(document: dict[str, Any]) -> str:
    names = [str(e.get("name")) for e in document.get("contexts") or [] if isinstance(e, dict)]
    return ", ".join(names) or "none"


def _data(path: Path, entry: dict[str, Any], name: str) -> str | None:
    """The text of NAME-data, or of the file NAME."""
    inline = entry.get(f"{name}-data")
    try:
        if inline:
            return base64.b64decode(inline, validate=True).decode()
        return _file(path, str(entry[name])).decode() if entry.get(name) else None
    except (binascii.Error, ValueError, TypeError):
        raise InvalidCluster(f"{path}: {name} is not PEM text") from None


def _file(path: Path, name: str) -> bytes:
    place = path.parent / Path(name).expanduser()
    try:
        return place.read_bytes()[:MAX_BYTES]
    except OSError as error:
        problem = f"{path} names {place}, which cannot be read: {error.strerror}"
        raise InvalidCluster(problem) from None
