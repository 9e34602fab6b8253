"""A stack's state: what is deployed, what happened, what it exports."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from moto.cloudformation.utils import generate_stack_id
from moto.core.utils import utcnow
from moto.moto_api._internal import mock_random

from ..resources.base import Made, Target
from .template import Template

STACK_TYPE = "AWS::CloudFormation::Stack"
# A rollback is an operation of its own in AWS, too.
_BEGINS_OPERATION = {
    "REVIEW_IN_PROGRESS",
    "CREATE_IN_PROGRESS",
    "UPDATE_IN_PROGRESS",
    "DELETE_IN_PROGRESS",
    "ROLLBACK_IN_PROGRESS",
    "UPDATE_ROLLBACK_IN_PROGRESS",
}


@dataclass
class Event:
    stack_id: str
    stack_name: str
    logical_id: str
    physical_id: str
    type: str
    status: str
    reason: str | None
    timestamp: datetime
    event_id: str
    operation_id: str = ""  # by which the CDK tells one deployment's failures from another's

    def to_api(self) -> dict[str, Any]:
        return {
            "StackId": self.stack_id,
            "StackName": self.stack_name,
            "EventId": self.event_id,
            "LogicalResourceId": self.logical_id,
            "PhysicalResourceId": self.physical_id,
            "ResourceType": self.type,
            "ResourceStatus": self.status,
            "ResourceStatusReason": self.reason,
            "Timestamp": self.timestamp,
            "OperationId": self.operation_id or None,
        }


@dataclass
class Record:
    """One deployed resource and the resolved properties it was made from."""

    logical_id: str
    type: str
    made: Made
    properties: dict[str, Any]
    retained: bool
    status: str = "CREATE_COMPLETE"
    timestamp: datetime = field(default_factory=utcnow)

    def to_api(self, stack: "Stack") -> dict[str, Any]:
        return {
            "StackId": stack.stack_id,
            "StackName": stack.name,
            "LogicalResourceId": self.logical_id,
            "PhysicalResourceId": self.made.physical_id,
            "ResourceType": self.type,
            "ResourceStatus": self.status,
            "Timestamp": self.timestamp,
            "LastUpdatedTimestamp": self.timestamp,
        }


@dataclass(frozen=True)
class Output:
    key: str
    value: str
    description: str | None
    export: str | None


@dataclass(frozen=True)
class Export:
    exporting_stack_id: str
    name: str
    value: str


@dataclass
class Stack:
    name: str
    account: str
    region: str
    stack_id: str = ""
    template: Template | None = None
    given_parameters: dict[str, Any] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    role_arn: str | None = None
    status: str = "REVIEW_IN_PROGRESS"
    reason: str | None = None
    created: datetime = field(default_factory=utcnow)
    updated: datetime | None = None
    deleted: datetime | None = None
    protected: bool = False
    disable_rollback: bool = False
    notification_arns: list[str] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    records: dict[str, Record] = field(default_factory=dict)
    outputs: list[Output] = field(default_factory=list)
    imports: set[str] = field(default_factory=set)
    policy: str = ""
    operation_id: str = ""  # the one begun last

    def __post_init__(self) -> None:
        if not self.stack_id:
            self.stack_id = generate_stack_id(self.name, self.region, self.account)

    @property
    def description(self) -> str | None:
        return self.template.document.get("Description") if self.template else None

    @property
    def raw_outputs(self) -> list[dict[str, Any]]:
        """Outputs as deployed; what the API shows has addresses that work on this machine."""
        return [
            {
                "OutputKey": o.key,
                "OutputValue": o.value,
                "Description": o.description,
                "ExportName": o.export,
            }
            for o in self.outputs
        ]

    def target(self, logical_id: str, type_name: str) -> Target:
        return Target(self.account, self.region, self.stack_id, self.name, logical_id, type_name)

    def move_to(self, status: str, reason: str | None = None) -> None:
        self.status, self.reason = status, reason
        if status in _BEGINS_OPERATION:
            self.operation_id = str(mock_random.uuid4())
        self.add_event(self.name, self.stack_id, STACK_TYPE, status, reason)

    def add_event(
        self, logical_id: str, physical_id: str, type_name: str, status: str, reason: str | None
    ) -> None:
        now = utcnow()
        if self.events and now - self.events[-1].timestamp < timedelta(milliseconds=1):
            # The API shows milliseconds: events must not share one, or their order is lost.
            now = self.events[-1].timestamp + timedelta(milliseconds=1)
        event_id = str(mock_random.uuid4())
        self.events.append(
            Event(
                self.stack_id,
                self.name,
                logical_id,
                physical_id,
                type_name,
                status,
                reason,
                now.replace(microsecond=now.microsecond // 1000 * 1000),
                event_id,
                self.operation_id,
            )
        )
