"""Nested stacks: deployed like any other, their outputs are attributes of the resource."""

from typing import Any

from .base import Made, Target, generated_name


class NestedStack:
    def create(self, target: Target, properties: dict[str, Any]) -> Made:
        backend = _cloudformation(target)
        stack_id = backend.create_nested(target.stack_id, generated_name(target)[:128], properties)
        return _made(backend, stack_id)

    def update(
        self, target: Target, made: Made, properties: dict[str, Any], old: dict[str, Any]
    ) -> Made:
        backend = _cloudformation(target)
        backend.update_nested(target.stack_id, made.physical_id, properties)
        return _made(backend, made.physical_id)

    def delete(self, target: Target, made: Made, properties: dict[str, Any]) -> None:
        _cloudformation(target).delete_nested(target.stack_id, made.physical_id)


def _cloudformation(target: Target) -> Any:
    # Here, because the deployment engine in turn imports the table of resource types.
    from moto.cloudformation.models import cloudformation_backends

    return cloudformation_backends[target.account][target.region]


def _made(backend: Any, stack_id: str) -> Made:
    stack = backend.get_stack(stack_id)
    values = {f"Outputs.{o['OutputKey']}": o["OutputValue"] for o in stack.raw_outputs}
    return Made(stack_id, values)
