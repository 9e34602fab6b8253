"""The control API under /_aphex/: what AWS has no call for."""

import json
import os
import sys
from collections.abc import Callable
from typing import Any

from moto.core.base_backend import BackendDict

from . import VERSION, clusters
from .accounts import InvalidAccount, all_accounts, ensure_account
from .clusters import InvalidCluster, NoSuchCluster
from .settings import SETTINGS
from .world import WORLD

Answer = tuple[int, Any]


def handle(method: str, path: str, body: bytes) -> Answer:
    """Called inside the world."""
    operation = _OPERATIONS.get((method, path))
    if operation is None:
        if any(path == known for _, known in _OPERATIONS):
            return 405, {"error": f"{method} is not possible for {path}"}
        return 404, {"error": f"nothing at {path}"}
    try:
        return operation(body)
    except (InvalidAccount, InvalidCluster) as error:
        return 400, {"error": str(error)}
    except NoSuchCluster as error:
        return 404, {"error": str(error)}


def _health(body: bytes) -> Answer:
    return 200, {
        "version": VERSION,
        "status": "ok",
        "pid": os.getpid(),
        "endpoint": SETTINGS.endpoint,
        "pipelineAccount": SETTINGS.pipeline_account,
        "stateError": SETTINGS.state_error,
    }


def _create_account(body: bytes) -> Answer:
    try:
        account = json.loads(body)["account"]
    except (ValueError, KeyError, TypeError):
        return 400, {"error": 'expected a body like {"account": "123456789012"}'}
    credentials = ensure_account(account)
    WORLD.mark_changed()
    return 200, credentials.to_json()


def _list_accounts(body: bytes) -> Answer:
    return 200, {"accounts": [c.to_json() for c in all_accounts()]}


def _reset(body: bytes) -> Answer:
    reset()
    return 200, {"status": "ok"}


def reset() -> None:
    from moto.s3.models import s3_backends

    BackendDict.reset()
    if "moto.awslambda.models" in sys.modules:
        from .functions.warm import POOL

        POOL.end_idle()
    if "moto.eks.models" in sys.modules:
        from .kubernetes.service import SERVICE

        SERVICE.remove_all()
    s3_backends.bucket_accounts.clear()
    ensure_account(SETTINGS.pipeline_account)
    WORLD.mark_changed()


def _resources(body: bytes) -> Answer:
    from moto.cloudformation.models import cloudformation_backends
    from moto.s3.models import s3_backends

    found: dict[tuple[str, str], dict[str, Any]] = {}

    def entry(account: str, region: str) -> dict[str, Any]:
        empty: dict[str, Any] = {"account": account, "region": region}
        empty |= {"stacks": [], "buckets": [], "clusters": []}
        return found.setdefault((account, region), empty)

    for account, region, backend in list(cloudformation_backends.iter_backends()):
        for stack in backend.stacks.values():
            changed = stack.updated or stack.created
            entry(account, region)["stacks"].append(
                {
                    "name": stack.name,
                    "status": stack.status,
                    "reason": stack.reason,
                    "resources": len(stack.records),
                    "changed": f"{changed.isoformat(timespec='milliseconds')}Z",
                }
            )
    for account, _, backend in list(s3_backends.iter_backends()):
        for bucket in backend.buckets.values():
            place = entry(account, bucket.region_name)
            objects = sum(1 for _ in bucket.keys)
            place["buckets"].append({"name": bucket.name, "objects": objects})
    for cluster in clusters.attached():
        shown = clusters.to_json(cluster)
        place = entry(shown["account"], shown["region"])
        place["clusters"].append({key: shown[key] for key in ("name", "endpoint", "via")})
    return 200, {"environments": [found[key] for key in sorted(found)]}


def _list_clusters(body: bytes) -> Answer:
    return 200, {"clusters": [clusters.to_json(c) for c in clusters.attached()]}


def _attach_cluster(body: bytes) -> Answer:
    from .kubernetes.service import SERVICE

    given = _object(body)
    if "kubeconfig" in given:
        cluster = SERVICE.add(given)
    else:
        cluster = clusters.attach(given)
        SERVICE.remove(cluster.aphex_place)
    WORLD.mark_changed()
    return 200, clusters.to_json(cluster)


def _detach_cluster(body: bytes) -> Answer:
    from .kubernetes.service import SERVICE

    cluster = clusters.detach(_object(body))
    SERVICE.remove(cluster.aphex_place)
    WORLD.mark_changed()
    return 200, clusters.to_json(cluster)


def _object(body: bytes) -> dict[str, Any]:
    try:
        given = json.loads(body)
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise InvalidCluster(
            'expected a body like {"account": "123456789012", "region": "us-east-1", "name": "c"}'
        )
    return given


_OPERATIONS: dict[tuple[str, str], Callable[[bytes], Answer]] = {
    ("GET", "/_aphex/health"): _health,
    ("GET", "/_aphex/accounts"): _list_accounts,
    ("POST", "/_aphex/accounts"): _create_account,
    ("POST", "/_aphex/reset"): _reset,
    ("GET", "/_aphex/resources"): _resources,
    ("GET", "/_aphex/clusters"): _list_clusters,
    ("POST", "/_aphex/clusters"): _attach_cluster,
    ("DELETE", "/_aphex/clusters"): _detach_cluster,
}
