"""CloudWatch Logs groups with retention, key and tags."""

from typing import Any

from moto.logs.models import LogsBackend, logs_backends

from . import tags
from .base import Made, Target, physical_name


def _backend(target: Target) -> LogsBackend:
    return logs_backends[target.account][target.region]


class LogGroup:
    def create(self, target: Target, properties: dict[str, Any]) -> Made:
        name = physical_name(target, properties)
        group = _backend(target).create_log_group(name, {})
        self._configure(target, name, properties)
        return Made(name, {"Arn": f"{group.arn}:*"})

    def update(
        self, target: Target, made: Made, properties: dict[str, Any], old: dict[str, Any]
    ) -> Made:
        self._configure(target, made.physical_id, properties)
        return made

    def delete(self, target: Target, made: Made, properties: dict[str, Any]) -> None:
        _backend(target).delete_log_group(made.physical_id)

    @staticmethod
    def _configure(target: Target, name: str, properties: dict[str, Any]) -> None:
        backend = _backend(target)
        group = backend.groups[name]
        days = properties.get("RetentionInDays")
        if days:
            backend.put_retention_policy(name, int(days))
        else:
            backend.delete_retention_policy(name)
        group.kms_key_id = properties.get("KmsKeyId")
        tags.replace(backend.tagger, group.arn, properties.get("Tags"))
