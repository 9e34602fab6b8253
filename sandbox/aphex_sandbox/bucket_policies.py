"""S3 bucket policies, as far as the caller does not matter: statements for everybody.

moto denies whatever has a condition that it cannot evaluate, so the usual "deny without TLS"
would shut every bucket. Here plain HTTP to the sandbox stands for TLS, statements that depend on
anything else (headers, networks, single principals) are left out.
"""

import json
from typing import Any

from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.s3.exceptions import S3AccessDeniedError
from moto.s3.models import FakeBucket

from . import trust

_CONTEXT: trust.Context = {"aws:SecureTransport": "true", "s3:TlsVersion": "1.3"}
_KNOWN = {key.lower() for key in _CONTEXT}


def applies(statement: dict[str, Any]) -> bool:
    if statement.get("Principal") not in ("*", {"AWS": "*"}, {"AWS": ["*"]}):
        return False
    conditions = statement.get("Condition") or {}
    keys = {key.lower() for pairs in conditions.values() for key in pairs}
    return keys <= _KNOWN and trust.conditions_hold(conditions, _CONTEXT)


def permission(policy: bytes | str, action: str, resource: str) -> PermissionResult:
    document = json.loads(policy)
    statements = document.get("Statement", [])
    every = statements if isinstance(statements, list) else [statements]
    kept = [{**s, "Principal": "*", "Condition": {}} for s in every if applies(s)]
    mended = {**document, "Statement": kept}
    return IAMPolicy(json.dumps(mended)).is_action_permitted(action, resource)


def _get_permission(self: FakeBucket, action: str, resource: str) -> PermissionResult:
    if not self.policy:
        return PermissionResult.NEUTRAL
    found = permission(self.policy, action, resource)
    if found == PermissionResult.DENIED:
        # moto would answer with an empty body, where S3 says why.
        raise S3AccessDeniedError()
    return found


def install() -> None:
    FakeBucket.get_permission = _get_permission
