"""The proxies of all clusters that were added by a kubeconfig, on one event loop."""

import asyncio
import base64
import http.client
import json
import logging
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from .. import clusters
from ..clusters import InvalidCluster
from ..world import WORLD
from . import certificates, kubeconfig, tokens
from .kubeconfig import Upstream
from .proxy import Proxy

_LOG = logging.getLogger(__name__)
_ASK_SECONDS = 10.0
_START_SECONDS = 10.0

Place = tuple[str, str, str]  # account, region, name


class Service:
    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._proxies: dict[Place, Proxy] = {}

    def add(self, given: dict[str, Any]) -> Any:
        """Attaches the cluster that a kubeconfig knows. Called inside the world."""
        place = clusters.place_of(given)
        upstream = kubeconfig.read(*_file(given))
        with WORLD.released():
            version = _ask_version(upstream)
        identity = certificates.make(place[2])
        self.remove(place)
        port = self._start(place, upstream, identity, 0)
        authority = base64.b64encode(identity.authority.encode()).decode()
        cluster = clusters.attach(
            {
                **given,
                "endpoint": _endpoint(port),
                "certificateAuthority": authority,
                "version": given.get("version") or version,
            }
        )
        cluster.aphex_upstream = upstream
        cluster.aphex_identity = identity
        return cluster

    def remove(self, place: Place) -> None:
        proxy = self._proxies.pop(place, None)
        if proxy is not None:
            self._run(proxy.stop())

    def remove_all(self) -> None:
        for place in list(self._proxies):
            self.remove(place)

    def restore(self) -> None:
        """Starts the proxies of a restored state, on the ports that they had if they are free."""
        for cluster in clusters.attached():
            upstream = getattr(cluster, "aphex_upstream", None)
            if upstream is None:
                continue
            before = int(cluster.endpoint.rpartition(":")[2])
            try:
                port = self._start(cluster.aphex_place, upstream, cluster.aphex_identity, before)
            except Exception:
                _LOG.exception("the cluster %s cannot be reached", cluster.name)
                continue
            cluster.endpoint = _endpoint(port)

    def _start(
        self, place: Place, upstream: Upstream, identity: certificates.Identity, port: int
    ) -> int:
        account, _, name = place

        def identify(token: str) -> tokens.Caller:
            with WORLD.entered():
                caller = tokens.identify(token, name)
            if caller.account != account:
                raise tokens.Refused(f"{caller.arn} is not of the cluster's account, {account}")
            return caller

        async def start() -> tuple[Proxy, int]:
            proxy = Proxy(name, upstream, identity, identify)
            return proxy, await proxy.start(port)

        self._proxies[place], found = self._run(start())
        return found

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            threading.Thread(target=self._loop.run_forever, name="clusters", daemon=True).start()
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_START_SECONDS)


def _endpoint(port: int) -> str:
    return f"https://127.0.0.1:{port}"


def _file(given: dict[str, Any]) -> tuple[Path, str | None]:
    path, context = given.get("kubeconfig"), given.get("context")
    if not isinstance(path, str) or not Path(path).is_absolute():
        raise InvalidCluster(f"kubeconfig must be the absolute path of a file, not {path!r}")
    if context is not None and not isinstance(context, str):
        raise InvalidCluster(f"context must be a name, not {context!r}")
    return Path(path), context or None


def _ask_version(upstream: Upstream) -> str:
    """Whether the cluster can be reached with these credentials; its version, as EKS says it."""
    connection = _Connection(upstream)
    headers = {"Accept": "application/json"}
    if upstream.token:
        headers["Authorization"] = f"Bearer {upstream.token}"
    try:
        # What an anonymous caller may not ask: that the credentials are good is seen here.
        connection.request("GET", f"{upstream.address.path}/api/v1?timeout=5s", headers=headers)
        answer = connection.getresponse()
        answer.read(kubeconfig.MAX_BYTES)
        if answer.status in (401, 403):
            raise InvalidCluster(
                f"{upstream.server} does not let in the user {upstream.user} of context"
                f" {upstream.context} ({answer.status})"
            )
        connection.request("GET", f"{upstream.address.path}/version", headers=headers)
        found = json.loads(connection.getresponse().read(65536))
        return f"{int(found['major'])}.{int(found['minor'].rstrip('+'))}"
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError) as error:
        if isinstance(error, InvalidCluster):
            raise
        raise InvalidCluster(f"{upstream.server} cannot be reached: {error}") from None
    finally:
        connection.close()


class _Connection(http.client.HTTPConnection):
    """With the name that the certificate has, where that is not the host's."""

    def __init__(self, upstream: Upstream):
        super().__init__(upstream.address.hostname or "", upstream.port, timeout=_ASK_SECONDS)
        self._upstream = upstream

    def connect(self) -> None:
        super().connect()
        tls = self._upstream.tls()
        self.sock = tls.wrap_socket(self.sock, server_hostname=self._upstream.server_name)


SERVICE = Service()
