"""IAM roles whose updates take effect, and OpenID Connect providers."""

import json
import re
from functools import cache
from typing import Any

from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.models import AWSManagedPolicy, IAMBackend, iam_backends
from moto.iam.models import ManagedPolicy as MotoManagedPolicy
from moto.iam.models import Role as MotoRole

from . import tags
from .base import Made, MotoType, Replaced, Target

_REPLACING = ("RoleName", "Path")
# IAM's own bound.
_MAX_VERSIONS = 5
_OF_AWS = re.compile(r"arn:[a-z-]+:iam::aws:policy/(?:.*/)?([^/]+)")


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
        role.tags = tags.as_list(properties.get("Tags"))
        role.description = properties.get("Description", "")
        role.max_session_duration = properties.get("MaxSessionDuration", 3600)
        role.permissions_boundary_arn = properties.get("PermissionsBoundary")
        for policy in old.get("Policies", []):
            role.policies.pop(policy["PolicyName"], None)
        for policy in _with_text_policies(properties).get("Policies", []):
            role.put_policy(policy["PolicyName"], policy["PolicyDocument"])
        for arn in old.get("ManagedPolicyArns", []):
            if arn in role.managed_policies:
                role.managed_policies[arn].detach_from(role)
        self._attach(backend, role.name, properties)
        return made

    def delete(self, target: Target, made: Made, properties: dict[str, Any]) -> None:
        backend = _backend(target)
        role = backend.get_role(made.physical_id)
        for policy in list(role.managed_policies.values()):
            policy.detach_from(role)
        backend.roles = {key: r for key, r in backend.roles.items() if r is not role}

    @staticmethod
    def _attach(backend: IAMBackend, role_name: str, properties: dict[str, Any]) -> None:
        role = backend.get_role(role_name)
        for arn in properties.get("ManagedPolicyArns", []):
            policy = backend.managed_policies.get(arn) or _of_aws(backend, arn)
            if policy is None:
                raise RuntimeError(
                    f"Policy {arn} does not exist or is not attachable. (Service: Iam, Status Code:"
                    " 404, Error Code: NoSuchEntity)"
                )
            if arn not in role.managed_policies:
                policy.attach_to(role)


class ManagedPolicy(MotoType):
    def __init__(self) -> None:
        super().__init__(MotoManagedPolicy)

    def create(self, target: Target, properties: dict[str, Any]) -> Made:
        made = super().create(target, properties)
        made.attributes["PolicyArn"] = made.physical_id
        return made

    def update(
        self, target: Target, made: Made, properties: dict[str, Any], old: dict[str, Any]
    ) -> Made:
        backend, arn = _backend(target), made.physical_id
        policy = backend.get_policy(arn)
        if properties["PolicyDocument"] != old["PolicyDocument"]:
            if len(policy.versions) >= _MAX_VERSIONS:
                policy.versions.remove(next(v for v in policy.versions if not v.is_default))
            backend.create_policy_version(arn, _as_text(properties["PolicyDocument"]), True)
        policy.tags = _stored_tags(properties)
        for name in old.get("Roles", []):
            if name not in properties.get("Roles", []) and name in _names(backend):
                backend.get_role(name).managed_policies.pop(arn, None)
        for name in properties.get("Roles", []):
            if arn not in backend.get_role(name).managed_policies:
                policy.attach_to(backend.get_role(name))
        return made

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
        provider.tags = _stored_tags(properties)
        return made

    def delete(self, target: Target, made: Made, properties: dict[str, Any]) -> None:
        _backend(target).delete_open_id_connect_provider(made.physical_id)


def _names(backend: IAMBackend) -> set[str]:
    return {role.name for role in backend.roles.values()}


def _stored_tags(properties: dict[str, Any]) -> dict[str, dict[str, str]]:
    """As moto keeps them: a tag by its key in small letters."""
    return {tag["Key"].lower(): tag for tag in tags.as_list(properties.get("Tags"))}


def _of_aws(backend: IAMBackend, arn: str) -> MotoManagedPolicy | None:
    """One of AWS's own, loaded when it is first attached: there are 1,500."""
    match = _OF_AWS.fullmatch(arn)
    data = _policies_of_aws().get(match.group(1)) if match else None
    if data is None:
        return None
    policy = AWSManagedPolicy.from_data(match.group(1), backend.account_id, "us-east-1", data)
    if policy.arn.split(":", 2)[2] != arn.split(":", 2)[2]:
        return None  # another path
    policy.partition = backend.partition
    backend.managed_policies[arn] = policy
    return policy


@cache
def _policies_of_aws() -> dict[str, Any]:
    return json.loads(aws_managed_policies_data)


def _with_text_policies(properties: dict[str, Any]) -> dict[str, Any]:
    """moto stores inline policies as they come; GetRolePolicy wants text."""
    policies = [
        {**p, "PolicyDocument": _as_text(p["PolicyDocument"])}
        for p in properties.get("Policies", [])
    ]
    return {**properties, "Policies": policies}


def _as_text(document: Any) -> str:
    return document if isinstance(document, str) else json.dumps(document)
