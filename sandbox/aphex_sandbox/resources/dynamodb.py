"""DynamoDB tables that can be changed in place, with time to live and backups."""

from typing import Any

from moto.dynamodb.models import DynamoDBBackend, dynamodb_backends
from moto.dynamodb.models import Table as MotoTable

from .base import Made, MotoType, Replaced, Target

_REPLACING = ("TableName", "KeySchema", "LocalSecondaryIndexes")


def _backend(target: Target) -> DynamoDBBackend:
    return dynamodb_backends[target.account][target.region]


class Table(MotoType):
    def __init__(self) -> None:
        super().__init__(MotoTable)

    def create(self, target: Target, properties: dict[str, Any]) -> Made:
        made = super().create(target, properties)
        self._configure(target, made, properties)
        return made

    def update(
        self, target: Target, made: Made, properties: dict[str, Any], old: dict[str, Any]
    ) -> Made:
        if any(properties.get(name) != old.get(name) for name in _REPLACING):
            raise Replaced
        table = _backend(target).get_table(made.physical_id)
        table.attr = properties.get("AttributeDefinitions", [])
        on_demand = properties.get("BillingMode") == "PAY_PER_REQUEST"
        table.billing_mode = "PAY_PER_REQUEST" if on_demand else "PROVISIONED"
        if "ProvisionedThroughput" in properties:
            table.throughput = properties["ProvisionedThroughput"]
        if properties.get("GlobalSecondaryIndexes") != old.get("GlobalSecondaryIndexes"):
            self._change_indexes(target, made, properties, old)
        streams = properties.get("StreamSpecification")
        if streams and streams != old.get("StreamSpecification"):
            table.set_stream_specification({"StreamEnabled": True, **streams})
        table.deletion_protection_enabled = properties.get("DeletionProtectionEnabled", False)
        self._configure(target, made, properties)
        return made

    @staticmethod
    def _change_indexes(
        target: Target, made: Made, properties: dict[str, Any], old: dict[str, Any]
    ) -> None:
        new = {i["IndexName"]: i for i in properties.get("GlobalSecondaryIndexes", [])}
        before = {i["IndexName"]: i for i in old.get("GlobalSecondaryIndexes", [])}
        changes: list[dict[str, Any]] = []
        for name, index in before.items():
            if new.get(name) != index:
                changes.append({"Delete": {"IndexName": name}})
        for name, index in new.items():
            if before.get(name) != index:
                changes.append({"Create": index})
        _backend(target).update_table_global_indexes(
            _backend(target).get_table(made.physical_id), changes
        )

    @staticmethod
    def _configure(target: Target, made: Made, properties: dict[str, Any]) -> None:
        backend = _backend(target)
        lifetime = properties.get("TimeToLiveSpecification")
        if lifetime:
            enabled = str(lifetime.get("Enabled", "true")).lower() == "true"
            backend.get_table(made.physical_id).ttl = {
                "TimeToLiveStatus": "ENABLED" if enabled else "DISABLED",
                "AttributeName": lifetime["AttributeName"],
            }
        backups = properties.get("PointInTimeRecoverySpecification")
        if backups:
            backend.update_continuous_backups(made.physical_id, backups)
