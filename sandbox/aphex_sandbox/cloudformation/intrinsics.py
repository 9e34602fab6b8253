"""Intrinsic functions: turns a template's values into what resources are made of."""

import base64
import ipaddress
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .errors import UnresolvedValue
from .template import SUB_VARIABLE


class _NoValue:
    """AWS::NoValue: removes the property or list item that holds it."""


NO_VALUE = _NoValue()
_DYNAMIC = re.compile(r"\{\{resolve:([a-z-]+):([^}]+)\}\}")


@dataclass
class Scope:
    """Everything a value may refer to."""

    values: dict[str, Any]  # parameters and pseudo parameters
    mappings: dict[str, Any]
    conditions: dict[str, Any]
    reference: Callable[[str], Any]  # logical id -> Ref
    attribute: Callable[[str, str], Any]  # logical id, attribute -> Fn::GetAtt
    imported: Callable[[str], str]  # export name -> value
    dynamic: Callable[[str, str], str]  # service, reference -> {{resolve:…}}
    zones: list[str]
    decided: dict[str, bool] = field(default_factory=dict)


def resolve(value: Any, scope: Scope) -> Any:
    """The value without intrinsic functions; NO_VALUE only at the top level."""
    if isinstance(value, list):
        items = [resolve(item, scope) for item in value]
        return [item for item in items if item is not NO_VALUE]
    if isinstance(value, str):
        return _DYNAMIC.sub(lambda m: scope.dynamic(m.group(1), m.group(2)), value)
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        name, argument = next(iter(value.items()))
        function = _FUNCTIONS.get(name)
        if function is not None:
            return function(argument, scope)
    resolved = {key: resolve(inner, scope) for key, inner in value.items()}
    return {key: inner for key, inner in resolved.items() if inner is not NO_VALUE}


def condition(name: str, scope: Scope) -> bool:
    if name not in scope.decided:
        if name not in scope.conditions:
            raise UnresolvedValue(f"Template error: unresolved condition dependency {name}")
        scope.decided[name] = bool(_decide(scope.conditions[name], scope))
    return scope.decided[name]


def _decide(expression: Any, scope: Scope) -> bool:
    if isinstance(expression, bool):
        return expression
    name, argument = next(iter(expression.items()))
    if name == "Condition":
        return condition(argument, scope)
    if name == "Fn::Equals":
        left, right = (resolve(a, scope) for a in argument)
        return _text(left) == _text(right)
    if name == "Fn::Not":
        return not _decide(argument[0], scope)
    if name in ("Fn::And", "Fn::Or"):
        verdicts = [_decide(a, scope) for a in argument]
        return all(verdicts) if name == "Fn::And" else any(verdicts)
    if name == "Fn::Contains":
        return resolve(argument[1], scope) in resolve(argument[0], scope)
    raise UnresolvedValue(f"Template error: {name} is not a condition function")


def _ref(name: str, scope: Scope) -> Any:
    if name == "AWS::NoValue":
        return NO_VALUE
    if name in scope.values:
        return scope.values[name]
    return scope.reference(name)


def _get_att(argument: Any, scope: Scope) -> Any:
    parts = argument.split(".", 1) if isinstance(argument, str) else argument
    return scope.attribute(parts[0], str(resolve(parts[1], scope)))


def _sub(argument: Any, scope: Scope) -> str:
    text, extra = (argument[0], argument[1]) if isinstance(argument, list) else (argument, {})
    local = {key: resolve(inner, scope) for key, inner in extra.items()}

    def replace(match: re.Match[str]) -> str:
        literal, name = match.group(1), match.group(2).strip()
        if literal:
            return "${" + match.group(2) + "}"
        if name in local:
            return _text(local[name])
        found = _get_att(name, scope) if "." in name else _ref(name, scope)
        return _text(found)

    return resolve(SUB_VARIABLE.sub(replace, text), scope)


def _join(argument: Any, scope: Scope) -> str:
    items = resolve(argument[1], scope)
    # Joined first: CDK splits a dynamic reference into the parts of a join.
    return resolve(str(argument[0]).join(_text(item) for item in items), scope)


def _select(argument: Any, scope: Scope) -> Any:
    items = resolve(argument[1], scope)
    index = int(resolve(argument[0], scope))
    if not 0 <= index < len(items):
        raise UnresolvedValue(
            f"Template error: Fn::Select cannot select nonexistent value at index {index}"
        )
    return items[index]


def _split(argument: Any, scope: Scope) -> list[str]:
    return _text(resolve(argument[1], scope)).split(argument[0])


def _if(argument: Any, scope: Scope) -> Any:
    return resolve(argument[1] if condition(argument[0], scope) else argument[2], scope)


def _find_in_map(argument: Any, scope: Scope) -> Any:
    name, top, second = (resolve(a, scope) for a in argument[:3])
    try:
        return scope.mappings[name][_text(top)][_text(second)]
    except KeyError:
        options = argument[3] if len(argument) > 3 else {}
        if "DefaultValue" in options:
            return resolve(options["DefaultValue"], scope)
        raise UnresolvedValue(
            f"Template error: Unable to get mapping for {name}::{top}::{second}"
        ) from None


def _import_value(argument: Any, scope: Scope) -> str:
    return scope.imported(_text(resolve(argument, scope)))


def _base64(argument: Any, scope: Scope) -> str:
    return base64.b64encode(_text(resolve(argument, scope)).encode()).decode()


def _cidr(argument: Any, scope: Scope) -> list[str]:
    block, count, bits = (resolve(a, scope) for a in (*argument, "8")[:3])
    subnets = ipaddress.ip_network(block).subnets(new_prefix=32 - int(bits))
    return [str(subnet) for _, subnet in zip(range(int(count)), subnets, strict=False)]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


_FUNCTIONS: dict[str, Callable[[Any, Scope], Any]] = {
    "Ref": _ref,
    "Fn::Base64": _base64,
    "Fn::Cidr": _cidr,
    "Fn::FindInMap": _find_in_map,
    "Fn::GetAtt": _get_att,
    "Fn::GetAZs": lambda argument, scope: list(scope.zones),
    "Fn::If": _if,
    "Fn::ImportValue": _import_value,
    "Fn::Join": _join,
    "Fn::Length": lambda argument, scope: len(resolve(argument, scope)),
    "Fn::Select": _select,
    "Fn::Split": _split,
    "Fn::Sub": _sub,
    "Fn::ToJsonString": lambda argument, scope: json.dumps(resolve(argument, scope)),
}
