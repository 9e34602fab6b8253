"""Template parameters: from what the caller gives to what Ref yields."""

import re
from typing import Any

from moto.secretsmanager.models import secretsmanager_backends
from moto.ssm.models import ssm_backends

from .errors import UnresolvedValue, validation
from .stack import Stack
from .template import Template


def resolve_parameters(
    template: Template, given: dict[str, Any], account: str, region: str
) -> dict[str, Any]:
    slots = template.section("Parameters")
    unknown = sorted(set(given) - set(slots))
    if unknown:
        raise validation(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    missing = [n for n, s in slots.items() if n not in given and "Default" not in s]
    if missing:
        raise validation(f"Parameters: [{', '.join(missing)}] must have values")
    return {
        name: _typed(name, slot, str(given.get(name, slot.get("Default"))), (account, region))
        for name, slot in slots.items()
    }


def _typed(name: str, slot: dict[str, Any], value: str, place: tuple[str, str]) -> Any:
    kind = slot.get("Type", "String")
    allowed = slot.get("AllowedValues")
    if allowed is not None and value not in [str(a) for a in allowed]:
        choices = ", ".join(str(a) for a in allowed)
        raise validation(f"Parameter '{name}' must be one of AllowedValues [{choices}]")
    pattern = slot.get("AllowedPattern")
    if pattern and not re.fullmatch(pattern, value):
        raise validation(
            slot.get("ConstraintDescription") or f"Parameter '{name}' must match pattern {pattern}"
        )
    if kind.startswith("AWS::SSM::Parameter::Value<"):
        value = _ssm(value, place)
        return value.split(",") if "List<" in kind else value
    if kind == "CommaDelimitedList" or kind.startswith("List<"):
        return [part.strip() for part in value.split(",")] if value else []
    if kind == "Number":
        try:
            float(value)
        except ValueError:
            raise validation(f"Parameter '{name}' must be a number.") from None
    return value


def _ssm(name: str, place: tuple[str, str]) -> str:
    parameter = ssm_backends[place[0]][place[1]].get_parameter(name)
    if parameter is None:
        raise validation(
            f"Unable to fetch parameters [{name}] from parameter store for this account."
        )
    return parameter.value


def dynamic_reference(stack: Stack, service: str, reference: str) -> str:
    """The value of {{resolve:service:reference}}."""
    if service in ("ssm", "ssm-secure"):
        parameter = ssm_backends[stack.account][stack.region].get_parameter(reference)
        if parameter is None:
            raise UnresolvedValue(f"SSM parameter {reference.split(':')[0]} does not exist")
        return parameter.value
    if service == "secretsmanager":
        return _secret(stack, reference)
    raise UnresolvedValue(f"Invalid dynamic reference service: {service}")


def _secret(stack: Stack, reference: str) -> str:
    import json

    secret_id, separator, rest = reference.partition(":SecretString")
    key, stage, version = [*rest.lstrip(":").split(":"), "", "", ""][:3]
    backend = secretsmanager_backends[stack.account][stack.region]
    found = backend.get_secret_value(secret_id, version or None, stage or None)
    text = found["SecretString"]
    if not separator or not key:
        return text
    try:
        return str(json.loads(text)[key])
    except (ValueError, KeyError, TypeError):
        raise UnresolvedValue(
            f"Could not find a value associated with JSONKey in SecretString: {key}"
        ) from None
