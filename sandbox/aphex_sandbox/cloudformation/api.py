"""CloudFormation's API: from request parameters to the backend, and back to answers."""

from typing import Any

from moto.cloudformation import urls
from moto.cloudformation.models import cloudformation_backends
from moto.cloudformation.responses import CloudFormationResponse
from moto.cloudformation.utils import get_stack_from_s3_url
from moto.core.responses import ActionResult, EmptyResult

from ..addresses import localize
from . import errors
from . import template as templates
from .backend import ChangeSet, Request, SandboxCloudFormation
from .stack import Stack
from .template import Template


class SandboxCloudFormationApi(CloudFormationResponse):
    # moto reshapes its own classes' attributes here; our answers have the API's shape already.
    RESPONSE_KEY_PATH_TO_TRANSFORMER: dict[str, Any] = {}

    @property
    def backend(self) -> SandboxCloudFormation:
        return cloudformation_backends[self.current_account][self.region]

    # Stacks.

    def create_stack(self) -> ActionResult:
        request = self._request(None)
        on_failure = self._get_param("OnFailure")
        request.disable_rollback = request.disable_rollback or on_failure == "DO_NOTHING"
        stack = self.backend.begin_create(self._get_param("StackName"), request)
        return ActionResult({"StackId": stack.stack_id})

    def update_stack(self) -> ActionResult:
        name = self._get_param("StackName")
        request = self._request(self.backend.get_stack(name))
        stack = self.backend.begin_update(name, request)
        return ActionResult({"StackId": stack.stack_id})

    def cancel_update_stack(self) -> ActionResult:
        self.backend.cancel_update(self._get_param("StackName"))
        return EmptyResult()

    def delete_stack(self) -> ActionResult:
        self.backend.delete_stack(self._get_param("StackName"))
        return EmptyResult()

    def describe_stacks(self) -> ActionResult:
        name = self._get_param("StackName")
        stacks = [self.backend.get_stack(name)] if name else self.backend.stacks.values()
        return ActionResult({"Stacks": [_stack(s) for s in stacks]})

    def list_stacks(self) -> ActionResult:
        wanted = self._get_param("StackStatusFilter", [])
        every = [*self.backend.stacks.values(), *self.backend.deleted_stacks.values()]
        found = [_stack(s) for s in every if not wanted or s.status in wanted]
        return ActionResult({"StackSummaries": found})

    def describe_stack_events(self) -> ActionResult:
        stack = self.backend.get_stack(self._get_param("StackName"))
        return ActionResult({"StackEvents": [e.to_api() for e in reversed(stack.events)]})

    def describe_stack_resources(self) -> ActionResult:
        return ActionResult({"StackResources": self._resources()})

    def list_stack_resources(self) -> ActionResult:
        return ActionResult({"StackResourceSummaries": self._resources()})

    def describe_stack_resource(self) -> ActionResult:
        found = self._resources()
        if not found:
            wanted, name = self._get_param("LogicalResourceId"), self._get_param("StackName")
            raise errors.validation(f"Resource {wanted} does not exist for stack {name}")
        return ActionResult({"StackResourceDetail": found[0]})

    def _resources(self) -> list[dict[str, Any]]:
        stack = self.backend.get_stack(self._get_param("StackName"))
        wanted = self._get_param("LogicalResourceId")
        records = stack.records.values()
        return [r.to_api(stack) for r in records if wanted in (None, r.logical_id)]

    def get_template(self) -> ActionResult:
        change_set = self._get_param("ChangeSetName")
        name = self._get_param("StackName")
        if change_set:
            template = self.backend.get_change_set(change_set, name).request.template
        else:
            template = self.backend.get_stack(name).template
        text = template.text if template else ""
        return ActionResult({"TemplateBody": text, "StagesAvailable": ["Original", "Processed"]})

    def get_template_summary(self) -> ActionResult:
        name = self._get_param("StackName")
        stack = self.backend.get_stack(name) if name else None
        if stack is not None and stack.template is None:
            raise errors.validation(
                "GetTemplateSummary cannot be called on REVIEW_IN_PROGRESS stacks."
            )
        template = stack.template if stack is not None else self._template(None)
        return ActionResult(_summary(template))

    def validate_template(self) -> ActionResult:
        summary = _summary(self._template(None))
        return ActionResult(
            {"Description": summary["Description"], "Parameters": summary["Parameters"]}
        )

    def list_exports(self) -> ActionResult:
        exports = [
            {"ExportingStackId": e.exporting_stack_id, "Name": e.name, "Value": e.value}
            for e in self.backend.exports.values()
        ]
        return ActionResult({"Exports": exports})

    def list_imports(self) -> ActionResult:
        name = self._get_param("ExportName")
        users = [s.name for s in self.backend.stacks.values() if name in s.imports]
        if not users:
            raise errors.validation(f"Export '{name}' is not imported by any stack.")
        return ActionResult({"Imports": users})

    def update_termination_protection(self) -> ActionResult:
        stack = self.backend.get_stack(self._get_param("StackName"))
        stack.protected = bool(self._get_bool_param("EnableTerminationProtection"))
        return ActionResult({"StackId": stack.stack_id})

    # Change sets.

    def create_change_set(self) -> ActionResult:
        kind = self._get_param("ChangeSetType", "UPDATE")
        stack_name = self._get_param("StackName")
        stack = self.backend.find_stack(stack_name)
        if kind == "UPDATE" and stack is None:
            raise errors.no_such_stack(stack_name)
        request = self._request(stack if kind == "UPDATE" else None)
        name = self._get_param("ChangeSetName")
        made = self.backend.new_change_set(name, stack_name, kind, request)
        made.description = self._get_param("Description")
        return ActionResult({"Id": made.id, "StackId": made.stack_id})

    def describe_change_set(self) -> ActionResult:
        return ActionResult(_change_set(self._named_change_set()))

    def delete_change_set(self) -> ActionResult:
        self.backend.drop_change_set(self._get_param("ChangeSetName"), self._get_param("StackName"))
        return EmptyResult()

    def execute_change_set(self) -> ActionResult:
        disable = bool(self._get_bool_param("DisableRollback", False))
        self.backend.run_change_set(self._named_change_set(), disable)
        return EmptyResult()

    def list_change_sets(self) -> ActionResult:
        stack = self.backend.get_stack(self._get_param("StackName"))
        own = [c for c in self.backend.change_sets.values() if c.stack_id == stack.stack_id]
        return ActionResult({"Summaries": [_change_set(c) for c in own]})

    def _named_change_set(self) -> ChangeSet:
        return self.backend.get_change_set(
            self._get_param("ChangeSetName"), self._get_param("StackName")
        )

    # Requests.

    def _request(self, stack: Stack | None) -> Request:
        return Request(
            template=self._template(stack),
            parameters=self._parameters(stack),
            tags={t["Key"]: t["Value"] for t in self._get_param("Tags", [])},
            role_arn=self._get_param("RoleARN"),
            capabilities=self._get_param("Capabilities", []),
            notification_arns=self._get_param("NotificationARNs", []),
            disable_rollback=bool(self._get_bool_param("DisableRollback", False)),
            protected=bool(self._get_bool_param("EnableTerminationProtection", False)),
        )

    def _template(self, stack: Stack | None) -> Template:
        if self._get_bool_param("UsePreviousTemplate", False) and stack and stack.template:
            return stack.template
        url = self._get_param("TemplateURL")
        body = self._get_param("TemplateBody")
        if url:
            return templates.parse(self._from_s3(url))
        if body and len(body.encode()) > templates.MAX_INLINE_BYTES:
            raise errors.validation(
                "1 validation error detected: Value at 'templateBody' failed to satisfy"
                " constraint: Member must have length less than or equal to"
                f" {templates.MAX_INLINE_BYTES}"
            )
        return templates.parse(body)

    def _from_s3(self, url: str) -> str:
        try:
            return get_stack_from_s3_url(url, self.current_account, self.partition)
        except Exception:
            raise errors.validation(f"S3 error: The template {url} cannot be read") from None

    def _parameters(self, stack: Stack | None) -> dict[str, Any]:
        given: dict[str, Any] = {}
        for parameter in self._get_param("Parameters", []):
            key = parameter["ParameterKey"]
            if not parameter.get("UsePreviousValue"):
                given[key] = parameter.get("ParameterValue", "")
            elif stack is not None and key in stack.given_parameters:
                given[key] = stack.given_parameters[key]
        return given


def _stack(stack: Stack) -> dict[str, Any]:
    return {
        "StackId": stack.stack_id,
        "StackName": stack.name,
        "Description": stack.description,
        "TemplateDescription": stack.description,
        "Parameters": _parameters(stack.template, stack.parameters),
        "CreationTime": stack.created,
        "LastUpdatedTime": stack.updated,
        "DeletionTime": stack.deleted,
        "StackStatus": stack.status,
        "StackStatusReason": stack.reason,
        "DisableRollback": stack.disable_rollback,
        "NotificationARNs": stack.notification_arns,
        "EnableTerminationProtection": stack.protected,
        "RoleARN": stack.role_arn,
        "Tags": [{"Key": k, "Value": v} for k, v in stack.tags.items()],
        "Outputs": [
            {**output, "OutputValue": localize(output["OutputValue"])}
            for output in stack.raw_outputs
        ],
    }


def _parameters(template: Template | None, values: dict[str, Any]) -> list[dict[str, str]]:
    slots = template.section("Parameters") if template else {}
    return [
        {
            "ParameterKey": name,
            "ParameterValue": "****"
            if str(slots.get(name, {}).get("NoEcho")).lower() == "true"
            else ",".join(value)
            if isinstance(value, list)
            else str(value),
        }
        for name, value in values.items()
    ]


def _change_set(change_set: ChangeSet) -> dict[str, Any]:
    request = change_set.request
    return {
        "ChangeSetId": change_set.id,
        "ChangeSetName": change_set.name,
        "StackId": change_set.stack_id,
        "StackName": change_set.stack_name,
        "Description": change_set.description,
        "Parameters": _parameters(request.template, request.parameters),
        "CreationTime": change_set.created,
        "Status": change_set.status,
        "StatusReason": change_set.reason,
        "ExecutionStatus": change_set.execution_status,
        "Capabilities": request.capabilities,
        "Tags": [{"Key": k, "Value": v} for k, v in request.tags.items()],
        "Changes": [
            {
                "Type": "Resource",
                "ResourceChange": {
                    "Action": action,
                    "LogicalResourceId": name,
                    "ResourceType": type_name,
                },
            }
            for action, name, type_name in change_set.changes
        ],
    }


def _summary(template: Template) -> dict[str, Any]:
    return {
        "Description": template.document.get("Description"),
        "Version": template.document.get("AWSTemplateFormatVersion"),
        "ResourceTypes": sorted({r["Type"] for r in template.resources.values()}),
        "Parameters": [
            {
                "ParameterKey": name,
                "DefaultValue": slot.get("Default"),
                "ParameterType": slot.get("Type", "String"),
                "NoEcho": str(slot.get("NoEcho")).lower() == "true",
                "Description": slot.get("Description"),
            }
            for name, slot in template.section("Parameters").items()
        ],
    }


def install() -> None:
    urls.url_paths["{0}/$"] = SandboxCloudFormationApi.dispatch
