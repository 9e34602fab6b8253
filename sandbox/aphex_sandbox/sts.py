"""AssumeRole and AssumeRoleWithWebIdentity that refuse, as AWS does, by the role's trust policy.

Trust is checked, and of the caller's own policies what they deny: what they allow is not evaluated,
and neither request signatures nor a web identity token's signature are verified.
"""

import base64
import binascii
import json
import re
import time
from typing import Any

from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult
from moto.iam.models import Role, iam_backends
from moto.sts import models, urls
from moto.sts.models import AssumedRole, STSBackend, sts_backends
from moto.sts.responses import TokenResponse
from moto.utilities.utils import get_partition

from . import trust
from .accounts import find_key

_ROLE_ARN = re.compile(r"arn:(aws[a-z-]*|eusc):iam::(\d{12}):role/(?:.*/)?([^/]+)")


class StsError(ServiceException):
    pass


class SandboxSts(STSBackend):
    @property
    def _url_module(self) -> Any:
        return urls

    def checked_assume_role(self, caller_key: str, arguments: dict[str, Any]) -> AssumedRole:
        role_arn = arguments["role_arn"]
        caller = self._caller(caller_key)
        role = find_role(role_arn)
        context: trust.Context = {
            "sts:RoleSessionName": arguments["role_session_name"],
            "aws:PrincipalArn": caller.arns[0],
            "aws:PrincipalAccount": caller.account,
        }
        if arguments["external_id"]:
            context["sts:ExternalId"] = arguments["external_id"]
        for name, value in arguments["tags"].items():
            context[f"aws:RequestTag/{name}"] = value
        actions = ["sts:AssumeRole"] + (["sts:TagSession"] if arguments["tags"] else [])
        for action in actions:
            request = trust.Request(action, caller, context)
            if _denied_to_itself(caller, trust.Request(action, caller, context, role_arn)):
                raise StsError(
                    "AccessDenied",
                    f"User: {caller.arns[-1]} is not authorized to perform: {action}"
                    f" on resource: {role_arn} with an explicit deny in an identity-based policy",
                )
            if role is None or not trust.allows(role.assume_role_policy_document, request):
                raise StsError(
                    "AccessDenied",
                    f"User: {caller.arns[-1]} is not authorized to perform: {action}"
                    f" on resource: {role_arn}",
                )
        return self._session(role_arn, arguments)

    def checked_web_identity(self, token: str, arguments: dict[str, Any]) -> AssumedRole:
        role_arn = arguments["role_arn"]
        claims = _claims(token)
        match = _ROLE_ARN.fullmatch(role_arn or "")
        denied = StsError("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
        role = find_role(role_arn)
        if match is None or role is None:
            raise denied
        partition, account = match.group(1), match.group(2)
        issuer = str(claims.get("iss", "")).removeprefix("https://").rstrip("/")
        provider_arn = f"arn:{partition}:iam::{account}:oidc-provider/{issuer}"
        provider = iam_backends[account][partition].open_id_providers.get(provider_arn)
        audiences = claims.get("aud", [])
        audiences = audiences if isinstance(audiences, list) else [audiences]
        if provider is None:
            raise StsError(
                "InvalidIdentityToken",
                f"No OpenIDConnect provider found in your account for {claims.get('iss')}",
            )
        if provider.client_id_list and not set(audiences) & set(provider.client_id_list):
            raise StsError("InvalidIdentityToken", "Incorrect token audience")
        principal = trust.Principal("Federated", account, (provider_arn,), partition)
        context: trust.Context = {f"{issuer}:aud": audiences, f"{issuer}:sub": claims["sub"]}
        request = trust.Request("sts:AssumeRoleWithWebIdentity", principal, context)
        if not trust.allows(role.assume_role_policy_document, request):
            raise denied
        return self._session(role_arn, arguments)

    def _session(self, role_arn: str, arguments: dict[str, Any]) -> AssumedRole:
        return super().assume_role(
            region_name=arguments["region_name"],
            role_session_name=arguments["role_session_name"],
            role_arn=role_arn,
            policy=arguments["policy"],
            duration=arguments["duration"],
            external_id=arguments["external_id"],
        )

    def _caller(self, access_key_id: str) -> trust.Principal:
        session = find_session(access_key_id)
        partition = get_partition(self.region_name)
        if session is not None:
            arns = (session.role_arn, session.arn)
            return trust.Principal("AWS", session.account_id, arns, partition)
        _, user_arn, account = self.get_caller_identity(access_key_id, self.region_name)
        return trust.Principal("AWS", account, (user_arn,), partition)


class SandboxStsResponse(TokenResponse):
    def assume_role(self) -> ActionResult:
        arguments = self._arguments()
        role = self.backend.checked_assume_role(self.get_access_key(), arguments)
        return self._assumed(role)

    def assume_role_with_web_identity(self) -> ActionResult:
        arguments = self._arguments()
        token = self._get_param("WebIdentityToken") or ""
        role = self.backend.checked_web_identity(token, arguments)
        return self._assumed(role)

    def _arguments(self) -> dict[str, Any]:
        return {
            "region_name": self.region,
            "role_session_name": self._get_param("RoleSessionName") or "",
            "role_arn": self._get_param("RoleArn") or "",
            "policy": self._get_param("Policy"),
            "duration": self._get_int_param("DurationSeconds", 3600),
            "external_id": self._get_param("ExternalId"),
            "tags": {t["Key"]: t["Value"] for t in self._get_param("Tags", [])},
        }

    @staticmethod
    def _assumed(role: AssumedRole) -> ActionResult:
        user = {"AssumedRoleId": role.user_id, "Arn": role.arn}
        return ActionResult({"Credentials": role, "AssumedRoleUser": user})


def _denied_to_itself(caller: trust.Principal, request: trust.Request) -> bool:
    """By the policies of the role or user that calls, inline or attached."""
    backend = iam_backends[caller.account][caller.partition]
    holder = find_role(caller.arns[0]) or next(
        (user for user in backend.users.values() if user.arn == caller.arns[0]), None
    )
    if holder is None:
        return False
    attached = [
        version.document
        for policy in holder.managed_policies.values()
        for version in policy.versions
        if version.is_default
    ]
    return any(trust.denies(each, request) for each in [*holder.policies.values(), *attached])


def find_role(role_arn: str) -> Role | None:
    match = _ROLE_ARN.fullmatch(role_arn or "")
    if match is None:
        return None
    partition, account, name = match.groups()
    roles = iam_backends[account][partition].roles.values()
    return next((r for r in roles if r.name == name and r.arn == role_arn), None)


def find_session(access_key_id: str) -> AssumedRole | None:
    for by_partition in list(sts_backends.values()):
        for backend in list(by_partition.values()):
            session = backend.get_assumed_role_from_access_key(access_key_id)
            if session is not None:
                return session
    return None


def session_for_role(role_arn: str, session_name: str) -> AssumedRole | None:
    """Credentials as a service (Lambda) would hold them; None when the role does not exist."""
    match = _ROLE_ARN.fullmatch(role_arn or "")
    if match is None or find_role(role_arn) is None:
        return None
    backend = sts_backends[match.group(2)][match.group(1)]
    return STSBackend.assume_role(backend, "us-east-1", session_name, role_arn, "", 3600, "")


def trusts_service(role_arn: str, service: str) -> bool:
    role = find_role(role_arn)
    if role is None:
        return False
    principal = trust.Principal("Service", "", (service,))
    request = trust.Request("sts:AssumeRole", principal)
    return trust.allows(role.assume_role_policy_document, request)


def is_known_key(access_key_id: str) -> bool:
    return find_key(access_key_id) is not None


def _claims(token: str) -> dict[str, Any]:
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        expiry = float(claims.get("exp", "inf"))
        claims["sub"] = str(claims["sub"])
    except (IndexError, KeyError, TypeError, ValueError, AttributeError, binascii.Error):
        raise StsError(
            "InvalidIdentityToken", "The ID Token provided is not a valid JWT."
        ) from None
    if expiry < time.time():
        raise StsError("ExpiredTokenException", f"Token expired: current date/time > {expiry:.0f}")
    return claims


def install() -> None:
    models.sts_backends.backend = SandboxSts
    urls.url_paths["{0}/$"] = SandboxStsResponse.dispatch
