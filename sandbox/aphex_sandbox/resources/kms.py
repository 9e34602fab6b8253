"""KMS keys that keep their id when their policy changes."""

import json
from typing import Any

from moto.kms.models import Key as MotoKey
from moto.kms.models import kms_backends

from .base import Made, MotoType, Replaced, Target

_REPLACING = ("KeySpec", "KeyUsage", "MultiRegion")


class Key(MotoType):
    def __init__(self) -> None:
        super().__init__(MotoKey)

    def update(
        self, target: Target, made: Made, properties: dict[str, Any], old: dict[str, Any]
    ) -> Made:
        if any(properties.get(name) != old.get(name) for name in _REPLACING):
            raise Replaced
        backend, key = kms_backends[target.account][target.region], made.physical_id
        policy = properties.get("KeyPolicy", {})
        backend.put_key_policy(key, policy if isinstance(policy, str) else json.dumps(policy))
        backend.update_key_description(key, properties.get("Description", ""))
        if str(properties.get("EnableKeyRotation")).lower() == "true":
            backend.enable_key_rotation(key)
        else:
            backend.disable_key_rotation(key)
        return made
