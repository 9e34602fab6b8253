"""CloudWatch Logs groups with their retention."""

from typing import Any

from moto.logs.models import LogGroup as MotoLogGroup
from moto.logs.models import logs_backends

from .base import Made, MotoType, Replaced, Target


class LogGroup(MotoType):
    def __init__(self) -> None:
        super().__init__(MotoLogGroup)

    def create(self, target: Target, properties: dict[str, Any]) -> Made:
        made = super().create(target, properties)
        made.attributes["Arn"] = f"{made.model.arn}:*"
        self._configure(target, made, properties)
        return made

    def update(
        self, target: Target, made: Made, properties: dict[str, Any], old: dict[str, Any]
    ) -> Made:
        if properties.get("LogGroupName") != old.get("LogGroupName"):
            raise Replaced
        self._configure(target, made, properties)
        return made

    @staticmethod
    def _configure(target: Target, made: Made, properties: dict[str, Any]) -> None:
        backend = logs_backends[target.account][target.region]
        days = properties.get("RetentionInDays")
        if days:
            backend.put_retention_policy(made.physical_id, int(days))
        else:
            backend.delete_retention_policy(made.physical_id)
