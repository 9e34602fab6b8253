"""SSM parameters, whose tags are a map in templates and a list everywhere else."""

from typing import Any

from moto.ssm.models import Parameter as MotoParameter
from moto.ssm.models import ssm_backends

from . import tags
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
        backend, name = ssm_backends[target.account][target.region], made.physical_id
        changed = backend.put_parameter(
            name=name,
            description=properties.get("Description", ""),
            value=properties["Value"],
            parameter_type=properties["Type"],
            allowed_pattern=properties.get("AllowedPattern", ""),
            keyid=None,
            overwrite=True,
            tags=[],
            data_type=properties.get("DataType", "text"),
            tier=properties.get("Tier"),
            policies=properties.get("Policies"),
        )
        before = tags.as_map(backend.list_tags_for_resource("Parameter", name))
        backend.remove_tags_from_resource("Parameter", name, list(before))
        after = tags.as_map(properties.get("Tags"))
        if after:
            backend.add_tags_to_resource("Parameter", name, after)
        return self._made(target, changed)


def _with_listed_tags(properties: dict[str, Any]) -> dict[str, Any]:
    tags = properties.get("Tags")
    if not isinstance(tags, dict):
        return properties
    return {**properties, "Tags": [{"Key": k, "Value": v} for k, v in tags.items()]}
