"""SSM parameters, whose tags are a map in templates and a list everywhere else."""

from typing import Any

from moto.ssm.models import Parameter as MotoParameter

from .base import Made, MotoType, Replaced, Target, physical_name


class Parameter(MotoType):
    def __init__(self) -> None:
        super().__init__(MotoParameter)

    def create(self, target: Target, properties: dict[str, Any]) -> Made:
        named = {**_with_listed_tags(properties), "Name": physical_name(target, properties)}
        return super().create(target, named)

    def update(
        self, target: Target, made: Made, properties: dict[str, Any], old: dict[str, Any]
    ) -> Made:
        if properties.get("Name") != old.get("Name"):
            raise Replaced
        named = {**_with_listed_tags(properties), "Name": made.physical_id}
        return super().update(target, made, named, named)


def _with_listed_tags(properties: dict[str, Any]) -> dict[str, Any]:
    tags = properties.get("Tags")
    if not isinstance(tags, dict):
        return properties
    return {**properties, "Tags": [{"Key": k, "Value": v} for k, v in tags.items()]}
