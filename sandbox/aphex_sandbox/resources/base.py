"""What the deployment engine asks of a resource type, and the adapter for moto's own types."""

import inspect
from dataclasses import dataclass, field
from typing import Any, Protocol

from botocore import xform_name
from moto.cloudformation import parsing
from moto.cloudformation.exceptions import UnformattedGetAttTemplateException


@dataclass(frozen=True)
class Target:
    """The resource in question: where it lives and what the template calls it."""

    account: str
    region: str
    stack_id: str
    stack_name: str
    logical_id: str
    type: str

    @property
    def partition(self) -> str:
        from moto.utilities.utils import get_partition

        return get_partition(self.region)

    def arn(self, service: str, resource: str) -> str:
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"


@dataclass
class Made:
    """A resource that exists: its physical id (what Ref gives) and what Fn::GetAtt gives."""

    physical_id: str
    attributes: dict[str, Any] = field(default_factory=dict)
    model: Any = None
    replacing: bool = False  # the result of an update that left the one before for deletion

    def attribute(self, name: str) -> Any:
        """Raises KeyError for an attribute that the type does not have."""
        if name in self.attributes:
            return self.attributes[name]
        if self.model is None:
            raise KeyError(name)
        try:
            value = self.model.get_cfn_attribute(name)
        except (UnformattedGetAttTemplateException, NotImplementedError, AttributeError):
            # Many of moto's classes have the value and do not offer it: Arn as arn, and so on.
            value = getattr(self.model, xform_name(name), None)
        if not isinstance(value, (str, int, float, list)):
            raise KeyError(name)
        return value


class ResourceType(Protocol):
    """update may return a Made that is replacing: then the old one is deleted later."""

    def create(self, target: Target, properties: dict[str, Any]) -> Made: ...

    def update(
        self, target: Target, made: Made, properties: dict[str, Any], old: dict[str, Any]
    ) -> Made: ...

    def delete(self, target: Target, made: Made, properties: dict[str, Any]) -> None: ...


class LeftBehind(Exception):
    """Creation or change failed, and yet there is something that a rollback must see to."""

    def __init__(self, message: str, made: Made):
        super().__init__(message)
        self.made = made


class Replaced(Exception):
    """Raised by update: this change cannot be made in place."""


class MotoType:
    """A resource type that moto's CloudFormation knows."""

    def __init__(self, model: Any):
        self.model = model

    def create(self, target: Target, properties: dict[str, Any]) -> Made:
        created = self.model.create_from_cloudformation_json(
            physical_name(target, properties),
            {"Type": target.type, "Properties": properties},
            target.account,
            target.region,
            LogicalId=target.logical_id,
            StackId=target.stack_id,
            ResourceType=target.type,
        )
        return self._made(target, created)

    def update(
        self, target: Target, made: Made, properties: dict[str, Any], old: dict[str, Any]
    ) -> Made:
        update = self.model.update_from_cloudformation_json
        name_property = parsing.resource_name_property_from_type(target.type)
        renamed = name_property and properties.get(name_property) != old.get(name_property)
        if renamed or hasattr(update, "__isabstractmethod__"):
            raise Replaced
        changed = update(
            original_resource=made.model,
            new_resource_name=physical_name(target, properties),
            cloudformation_json={"Type": target.type, "Properties": properties},
            account_id=target.account,
            region_name=target.region,
        )
        return self._made(target, changed) if changed is not None else made

    def delete(self, target: Target, made: Made, properties: dict[str, Any]) -> None:
        own = getattr(made.model, "delete", None)
        if own is not None and _takes_account_and_region(own):
            own(target.account, target.region)
            return
        delete = self.model.delete_from_cloudformation_json
        if not hasattr(delete, "__isabstractmethod__"):
            json = {"Type": target.type, "Properties": properties}
            delete(made.physical_id, json, target.account, target.region)

    @staticmethod
    def _made(target: Target, model: Any) -> Made:
        model.cf_resource_type = target.type
        model.logical_resource_id = target.logical_id
        physical_id = getattr(model, "physical_resource_id", None)
        return Made(str(physical_id or target.logical_id), model=model)


def physical_name(target: Target, properties: dict[str, Any]) -> str:
    """The name that the template gives, or one generated from stack and logical id."""
    name_property = parsing.resource_name_property_from_type(target.type)
    named = properties.get(name_property) if name_property else None
    if named:
        return named
    fifo = any(str(properties.get(n)).lower() == "true" for n in ("FifoQueue", "FifoTopic"))
    return generated_name(target) + (".fifo" if fifo else "")


# The longest names of the types whose limit a stack and a logical id can reach.
_MAX_NAME = {
    "AWS::IAM::InstanceProfile": 128,
    "AWS::IAM::Role": 64,
    "AWS::IAM::User": 64,
    "AWS::Lambda::Function": 64,
    "AWS::SQS::Queue": 75,  # 80, and room for .fifo
}
_LOWER_CASE = ("AWS::ECR::Repository",)


def generated_name(target: Target) -> str:
    """Stack, logical id and a random part, within the type's limits."""
    name = parsing.generate_resource_name(target.type, target.stack_name, target.logical_id)
    limit = _MAX_NAME.get(target.type, len(name))
    if len(name) > limit:
        suffix = name.rpartition("-")[2]
        room = (limit - len(suffix) - 2) // 2
        # As CloudFormation does: both halves shortened, so that either is recognised.
        name = f"{target.stack_name[:room]}-{target.logical_id[:room]}-{suffix}"
    return name.lower() if target.type in _LOWER_CASE else name


def _takes_account_and_region(method: Any) -> bool:
    try:
        inspect.signature(method).bind("account", "region")
    except TypeError:
        return False
    return True
