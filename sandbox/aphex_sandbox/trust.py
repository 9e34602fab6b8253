"""Evaluates policies of resources, a role's trust policy most of all. Pure."""

import fnmatch
import json
import re
from dataclasses import dataclass, field
from typing import Any

Context = dict[str, str | list[str]]


@dataclass(frozen=True)
class Principal:
    """The caller: an IAM user, an assumed role or a federated identity."""

    kind: str  # "AWS", "Federated" or "Service"
    account: str
    arns: tuple[str, ...]  # every ARN that names the caller, the most exact one first
    partition: str = "aws"


@dataclass(frozen=True)
class Request:
    action: str
    principal: Principal
    context: Context = field(default_factory=dict)
    resource: str = ""  # none in a trust policy: it is the role itself


def allows(policy: str | dict[str, Any], request: Request) -> bool:
    """True when some statement allows the request and none denies it."""
    document = json.loads(policy) if isinstance(policy, str) else policy
    allowed = False
    for statement in _as_list(document.get("Statement", [])):
        if not _statement_matches(statement, request):
            continue
        if statement.get("Effect") == "Deny":
            return False
        allowed = allowed or statement.get("Effect") == "Allow"
    return allowed


def denies(policy: str | dict[str, Any], request: Request) -> bool:
    """True when a statement of an identity's policy denies the request."""
    document = json.loads(policy) if isinstance(policy, str) else policy
    return any(
        _statement_matches({**statement, "Principal": "*"}, request)
        for statement in _as_list(document.get("Statement", []))
        if statement.get("Effect") == "Deny"
    )


def _statement_matches(statement: dict[str, Any], request: Request) -> bool:
    if not isinstance(statement, dict):
        return False
    actions = [str(a).lower() for a in _as_list(statement.get("Action", []))]
    if not any(fnmatch.fnmatchcase(request.action.lower(), a) for a in actions):
        return False
    if not _principal_matches(statement.get("Principal"), request.principal):
        return False
    if request.resource and not any(
        _like(request.resource, str(named)) for named in _as_list(statement.get("Resource"))
    ):
        return False
    return conditions_hold(statement.get("Condition") or {}, request.context)


def _principal_matches(principal: Any, caller: Principal) -> bool:
    if principal == "*":
        return True
    if not isinstance(principal, dict):
        return False
    for named in _as_list(principal.get(caller.kind, [])):
        if named == "*" or named in caller.arns:
            return True
        if caller.kind == "AWS" and _is_whole_account(str(named), caller):
            return True
    return False


def _is_whole_account(named: str, caller: Principal) -> bool:
    root = f"arn:{caller.partition}:iam::{caller.account}:root"
    return named in (caller.account, root)


def conditions_hold(conditions: dict[str, Any], context: Context) -> bool:
    lowered = {key.lower(): value for key, value in context.items()}
    for operator, pairs in conditions.items():
        for key, expected in pairs.items():
            if not _condition_holds(operator, _as_list(expected), lowered.get(key.lower())):
                return False
    return True


def _condition_holds(operator: str, expected: list[Any], actual: Any) -> bool:
    name, quantifier = operator, ""
    if ":" in operator:
        quantifier, name = operator.split(":", 1)
    optional = name.endswith("IfExists")
    name = name.removesuffix("IfExists")
    wanted = [str(e) for e in expected]
    if name == "Null":
        return any((actual is None) == (w.lower() == "true") for w in wanted)
    negated = name.startswith(("StringNot", "ArnNot"))
    if actual is None:
        # As in IAM: a missing key satisfies a negated operator, and nothing else.
        return optional or negated or quantifier == "ForAllValues"
    values = [str(v) for v in _as_list(actual)]
    compare = _COMPARISONS.get(name.replace("Not", "", 1) if negated else name)
    if compare is None:
        return False
    matches = [any(compare(v, w) for w in wanted) for v in values]
    verdict = all(matches) if quantifier == "ForAllValues" else any(matches)
    return not verdict if negated else verdict


def _like(value: str, pattern: str) -> bool:
    # IAM knows only * and ?; fnmatch's brackets must not mean anything here.
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, value, re.DOTALL) is not None


_COMPARISONS = {
    "StringEquals": lambda value, wanted: value == wanted,
    "StringEqualsIgnoreCase": lambda value, wanted: value.lower() == wanted.lower(),
    "StringLike": _like,
    "ArnEquals": _like,
    "ArnLike": _like,
    "Bool": lambda value, wanted: value.lower() == wanted.lower(),
}


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
