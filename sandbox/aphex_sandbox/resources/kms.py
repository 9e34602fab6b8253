"""KMS keys with all their properties, which keep their id when those change; aliases."""

import json
from typing import Any

from moto.kms.models import Alias as MotoAlias
from moto.kms.models import KmsBackend, kms_backends

from . import tags
from .base import Made, MotoType, Target

_DEFAULT_SPEC = "SYMMETRIC_DEFAULT"
_DEFAULT_WINDOW_DAYS = 30


def _backend(target: Target) -> KmsBackend:
    return kms_backends[target.account][target.region]


class Key:
    def create(self, target: Target, properties: dict[str, Any]) -> Made:
        key = _backend(target).create_key(
            policy=_policy(properties),
            key_usage=properties.get("KeyUsage", "ENCRYPT_DECRYPT"),
            key_spec=properties.get("KeySpec", _DEFAULT_SPEC),
            description=properties.get("Description", ""),
            tags=None,
            multi_region=_truth(properties, "MultiRegion"),
            origin=properties.get("Origin", "AWS_KMS"),
        )
        self._configure(target, key.id, properties)
        return Made(key.id, {"Arn": key.arn, "KeyId": key.id})

    def update(
        self, target: Target, made: Made, properties: dict[str, Any], old: dict[str, Any]
    ) -> Made:
        backend = _backend(target)
        backend.put_key_policy(made.physical_id, _policy(properties))
        backend.update_key_description(made.physical_id, properties.get("Description", ""))
        self._configure(target, made.physical_id, properties)
        return made

    def delete(self, target: Target, made: Made, properties: dict[str, Any]) -> None:
        days = int(properties.get("PendingWindowInDays", _DEFAULT_WINDOW_DAYS))
        _backend(target).schedule_key_deletion(made.physical_id, days)

    @staticmethod
    def _configure(target: Target, key_id: str, properties: dict[str, Any]) -> None:
        backend = _backend(target)
        if _truth(properties, "EnableKeyRotation"):
            backend.enable_key_rotation(key_id)
        else:
            backend.disable_key_rotation(key_id)
        if _truth(properties, "Enabled", "true"):
            backend.enable_key(key_id)
        else:
            backend.disable_key(key_id)
        tags.replace(backend.tagger, key_id, properties.get("Tags"))


class Alias(MotoType):
    def __init__(self) -> None:
        super().__init__(MotoAlias)

    def update(
        self, target: Target, made: Made, properties: dict[str, Any], old: dict[str, Any]
    ) -> Made:
        _backend(target).update_alias(properties["TargetKeyId"], made.physical_id)
        return made

    def delete(self, target: Target, made: Made, properties: dict[str, Any]) -> None:
        _backend(target).delete_alias(made.physical_id)


def _policy(properties: dict[str, Any]) -> str:
    policy = properties.get("KeyPolicy", {})
    return policy if isinstance(policy, str) else json.dumps(policy)


def _truth(properties: dict[str, Any], name: str, default: str = "false") -> bool:
    return str(properties.get(name, default)).lower() == "true"
