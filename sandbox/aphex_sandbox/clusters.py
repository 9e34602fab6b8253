"""Kubernetes clusters that EKS shows: a real API server attached under a name.

What EKS answers about one (DescribeCluster and the like) is moto's; where its API server is, and
how to trust it, is what whoever attached it said. Part of the state, like everything of moto's.
"""

import base64
import binascii
import hashlib
import re
import sys
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509

from .accounts import ensure_account
from .regions import is_region

_NAME = re.compile(r"[0-9A-Za-z][A-Za-z0-9_-]{0,99}")
_VERSION = re.compile(r"\d+\.\d+")
_DEFAULT_VERSION = "1.34"


class InvalidCluster(ValueError):
    """The message is for whoever attaches it."""


class NoSuchCluster(LookupError):
    pass


def attach(given: dict[str, Any]) -> Any:
    """Adds the cluster, or changes the one of that account, region and name."""
    from moto.eks.models import Cluster

    account, region, name = place_of(given)
    ensure_account(account)
    endpoint = given.get("endpoint")
    parts = urlsplit(endpoint) if isinstance(endpoint, str) else None
    if parts is None or parts.scheme != "https" or not parts.hostname:
        raise InvalidCluster(f"endpoint must be an https address, not {endpoint!r}")
    authority = given.get("certificateAuthority")
    _check_authority(authority)
    issuer = given.get("oidcIssuer") or _issuer(account, region, name)
    if not isinstance(issuer, str) or not issuer.startswith("https://"):
        raise InvalidCluster(f"oidcIssuer must be an https address, not {issuer!r}")
    version = str(given.get("version") or _DEFAULT_VERSION)
    if not _VERSION.fullmatch(version):
        raise InvalidCluster(f"version must be like {_DEFAULT_VERSION}, not {version!r}")
    backend = _backend(account, region)
    cluster = Cluster(
        name=name,
        role_arn=f"arn:{backend.partition}:iam::{account}:role/{name}-cluster",
        resources_vpc_config=_network(),
        account_id=account,
        region_name=region,
        aws_partition=backend.partition,
        version=version,
        tags=dict(given.get("tags") or {}),
    )
    cluster.endpoint = endpoint.rstrip("/")
    cluster.certificate_authority = {"data": authority}
    cluster.identity = {"oidc": {"issuer": issuer}}
    cluster.access_config = {"authenticationMode": "API"}
    cluster.aphex_attached = datetime.now(UTC).isoformat(timespec="milliseconds")
    cluster.aphex_place = (account, region, name)
    backend.clusters[name] = cluster
    return cluster


def detach(given: dict[str, Any]) -> Any:
    account, region, name = place_of(given)
    cluster = _backend(account, region).clusters.get(name)
    if cluster is None or not is_attached(cluster):
        raise NoSuchCluster(f"no cluster {name} is attached in {account} {region}")
    del _backend(account, region).clusters[name]
    return cluster


def attached() -> list[Any]:
    if "moto.eks.models" not in sys.modules:
        return []  # nobody has attached one; the import takes a while
    from moto.eks.models import eks_backends

    found = [
        cluster
        for _, _, backend in list(eks_backends.iter_backends())
        for cluster in backend.clusters.values()
        if is_attached(cluster)
    ]
    return sorted(found, key=lambda cluster: cluster.aphex_place)


def is_attached(cluster: Any) -> bool:
    return hasattr(cluster, "aphex_attached")


def place_of(given: dict[str, Any]) -> tuple[str, str, str]:
    account, region, name = (given.get(key) for key in ("account", "region", "name"))
    if not isinstance(account, str) or not re.fullmatch(r"\d{12}", account):
        raise InvalidCluster(f"account must be 12 digits, not {account!r}")
    if not isinstance(region, str) or not is_region(region):
        raise InvalidCluster(f"region must be a region of AWS, not {region!r}")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidCluster(
            "name must be up to 100 letters, digits, hyphens and underscores, and begin with a"
            f" letter or digit, not {name!r}"
        )
    return account, region, name


def to_json(cluster: Any) -> dict[str, Any]:
    account, region, name = cluster.aphex_place
    return {
        "account": account,
        "region": region,
        "name": name,
        "endpoint": cluster.endpoint,
        "certificateAuthority": cluster.certificate_authority["data"],
        "oidcIssuer": cluster.identity["oidc"]["issuer"],
        "version": cluster.version,
        "attachedAt": cluster.aphex_attached,
        "via": _via(cluster),
    }


def _via(cluster: Any) -> dict[str, str] | None:
    """Whose credentials reach a cluster that was added by a kubeconfig."""
    upstream = getattr(cluster, "aphex_upstream", None)
    if upstream is None:
        return None
    return {"server": upstream.server, "context": upstream.context, "user": upstream.user}


def _check_authority(authority: Any) -> None:
    try:
        pem = base64.b64decode(authority, validate=True)
        x509.load_pem_x509_certificates(pem)
    except (TypeError, ValueError, binascii.Error):
        raise InvalidCluster(
            "certificateAuthority must be base64 of a PEM certificate, as in a kubeconfig's"
            " certificate-authority-data"
        ) from None


def _issuer(account: str, region: str, name: str) -> str:
    digest = hashlib.sha256(f"{account}/{region}/{name}".encode()).hexdigest()[:32].upper()
    return f"https://oidc.eks.{region}.amazonaws.com/id/{digest}"


def _network() -> dict[str, Any]:
    return {
        "subnetIds": [],
        "securityGroupIds": [],
        "endpointPublicAccess": True,
        "endpointPrivateAccess": False,
        "publicAccessCidrs": ["0.0.0.0/0"],
    }


def _backend(account: str, region: str) -> Any:
    from moto.eks.models import eks_backends

    return eks_backends[account][region]
