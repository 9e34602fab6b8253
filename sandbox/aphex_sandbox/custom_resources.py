"""Custom resources: one replaceable callable answers every request.

The callable gets the request as a provider would (RequestType, StackId, LogicalResourceId,
ResourceType, ResourceProperties, OldResourceProperties, PhysicalResourceId, RequestId,
ServiceToken) and returns {"Status": "SUCCESS" | "FAILED", "Reason", "PhysicalResourceId",
"Data"}. It runs without the world's lock, so a provider may call the simulated AWS.
The default succeeds at once with no data.
"""

import json
import uuid
from collections.abc import Callable
from typing import Any

from .resources.base import Made, Target
from .world import WORLD

Provider = Callable[[dict[str, Any]], dict[str, Any]]

# CloudFormation's own bound on a provider's answer.
MAX_RESPONSE_BYTES = 4096


def succeed(request: dict[str, Any]) -> dict[str, Any]:
    return {"Status": "SUCCESS", "Data": {}}


_provider: Provider = succeed


def register(provider: Provider) -> None:
    global _provider
    _provider = provider


class CustomResourceFailed(Exception):
    pass


class CustomResource:
    def create(self, target: Target, properties: dict[str, Any]) -> Made:
        return self._ask("Create", target, properties, {})

    def update(
        self, target: Target, made: Made, properties: dict[str, Any], old: dict[str, Any]
    ) -> Made:
        extra = {"PhysicalResourceId": made.physical_id, "OldResourceProperties": old}
        return self._ask("Update", target, properties, extra)

    def delete(self, target: Target, made: Made, properties: dict[str, Any]) -> None:
        self._ask("Delete", target, properties, {"PhysicalResourceId": made.physical_id})

    @staticmethod
    def _ask(kind: str, target: Target, properties: dict[str, Any], extra: dict[str, Any]) -> Made:
        request = {
            "RequestType": kind,
            "RequestId": str(uuid.uuid4()),
            "StackId": target.stack_id,
            "LogicalResourceId": target.logical_id,
            "ResourceType": target.type,
            "ServiceToken": properties.get("ServiceToken", ""),
            "ResourceProperties": properties,
            **extra,
        }
        with WORLD.released():
            response = _provider(request)
        if len(json.dumps(response)) > MAX_RESPONSE_BYTES:
            raise CustomResourceFailed("Response object is too long.")
        if response.get("Status") != "SUCCESS":
            reason = response.get("Reason") or "no reason given"
            raise CustomResourceFailed(
                f"Received response status [FAILED] from custom resource."
                f" Message returned: {reason}"
            )
        known = extra.get("PhysicalResourceId") or f"{target.logical_id}-{request['RequestId']}"
        physical_id = response.get("PhysicalResourceId") or known
        return Made(physical_id, dict(response.get("Data") or {}))
