"""IAM roles whose updates take effect, and OpenID Connect providers."""

import json
from typing import Any

from moto.iam.models import IAMBackend, iam_backends
from moto.iam.models import ManagedPolicy as MotoManagedPolicy
from moto.iam.models import Role as MotoRole

from .base import Made, MotoType, Replaced, Target

_REPLACING = ("RoleName", "Path")


def _backend(target: Target) -> IAMBackend:
    return iam_backends[target.account][target.partition]


class Role(MotoType):
    def __init__(self) -> None:
        super().__init__(MotoRole)

    def create(self, target: Target, properties: dict[str, Any]) -> Made:
        backend, before = _backend(target), set(_backend(target).roles)
        try:
            made = super().create(target, _with_text_policies(properties))
            self._attach(backend, made.physical_id, properties)
        except Exception:
            # moto has made the role before it looks at the policies; AWS leaves nothing behind.
            for role_id in set(backend.roles) - before:
                del backend.roles[role_id]
            raise
        return made

    def update(
        self, target: Target, made: Made, properties: dict[str, Any], old: dict[str, Any]
    ) -> Made:
        if any(properties.get(name) != old.get(name) for name in _REPLACING):
            raise Replaced
        backend = _backend(target)
        role = backend.get_role(made.physical_id)
        trust = properties["AssumeRolePolicyDocument"]
        text = trust if isinstance(trust, str) else json.dumps(trust)
        # Not by moto's call, which demands a version that AWS lets out.
        role.assume_role_policy_document = text
        role.description = properties.get("Description", "")
        role.max_session_duration = properties.get("MaxSessionDuration", 3600)
        role.permissions_boundary_arn = properties.get("PermissionsBoundary")
        for policy in old.get("Policies", []):
            role.policies.pop(policy["PolicyName"], None)
        for policy in _with_text_policies(properties).get("Policies", []):
            role.put_policy(policy["PolicyName"], policy["PolicyDocument"])
        for arn in old.get("ManagedPolicyArns", []):
            role.managed_policies.pop(arn, None)
        self._attach(backend, role.name, properties)
        return made

    @staticmethod
    def _attach(backend: IAMBackend, role_name: str, properties: dict[str, Any]) -> None:
        role = backend.get_role(role_name)
        for arn in properties.get("ManagedPolicyArns", []):
            # AWS's own managed policies are not loaded: 1,500 documents that nothing reads.
            policy = backend.managed_policies.get(arn)
            if policy is not None and arn not in role.managed_policies:
                policy.attach_to(role)


class ManagedPolicy(MotoType):
    def __init__(self) -> None:
        super().__init__(MotoManagedPolicy)

    def delete(self, target: Target, made: Made, properties: dict[str, Any]) -> None:
        backend = _backend(target)
        for role in backend.roles.values():
            role.managed_policies.pop(made.physical_id, None)
        backend.delete_policy(made.physical_id)


class OidcProvider:
    def create(self, target: Target, properties: dict[str, Any]) -> Made:
        provider = _backend(target).create_open_id_connect_provider(
            url=properties["Url"],
            thumbprint_list=properties.get("ThumbprintList", []),
            client_id_list=properties.get("ClientIdList", []),
            tags=properties.get("Tags", []),
        )
        return Made(provider.arn, {"Arn": provider.arn})

    def update(
        self, target: Target, made: Made, properties: dict[str, Any], old: dict[str, Any]
    ) -> Made:
        if properties["Url"] != old["Url"]:
            raise Replaced
        provider = _backend(target).get_open_id_connect_provider(made.physical_id)
        provider.client_id_list = properties.get("ClientIdList", [])
        provider.thumbprint_list = properties.get("ThumbprintList", [])
        return made

    def delete(self, target: Target, made: Made, properties: dict[str, Any]) -> None:
        _backend(target).delete_open_id_connect_provider(made.physical_id)


def _with_text_policies(properties: dict[str, Any]) -> dict[str, Any]:
    """moto stores inline policies as they come; GetRolePolicy wants text."""
    policies = [
        {**p, "PolicyDocument": _as_text(p["PolicyDocument"])}
        for p in properties.get("Policies", [])
    ]
    return {**properties, "Policies": policies}


def _as_text(document: Any) -> str:
    return document if isinstance(document, str) else json.dumps(document)
