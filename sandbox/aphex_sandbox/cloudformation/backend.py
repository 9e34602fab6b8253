"""Operations on stacks: create, update, delete, change sets; statuses and rollback."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from moto.cloudformation import models, urls
from moto.cloudformation.models import CloudFormationBackend
from moto.cloudformation.utils import generate_changeset_id
from moto.core.utils import utcnow

from ..resources.base import LeftBehind, Made
from ..sts import find_role, trusts_service
from . import errors, operations
from . import template as templates
from .deployment import Deployment, delete_records
from .errors import ResourceFailure
from .parameters import resolve_parameters
from .stack import Export, Output, Record, Stack
from .template import Template, creation_order

_ROLLED_BACK = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED")
# An operation that a deletion may cut short.
_DELETABLE = ("REVIEW_IN_PROGRESS", "CREATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS")
_NO_CHANGES = (
    "The submitted information didn't contain changes."
    " Submit different information to create a change set."
)


@dataclass
class Request:
    """What a caller wants a stack to become."""

    template: Template
    parameters: dict[str, Any] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    role_arn: str | None = None
    capabilities: list[str] = field(default_factory=list)
    notification_arns: list[str] = field(default_factory=list)
    disable_rollback: bool = False
    protected: bool = False


@dataclass
class ChangeSet:
    id: str
    name: str
    type: str
    stack_id: str
    stack_name: str
    request: Request
    changes: list[tuple[str, str, str]]  # action, logical id, type
    description: str | None = None
    status: str = "CREATE_COMPLETE"
    execution_status: str = "AVAILABLE"
    reason: str | None = None
    created: datetime = field(default_factory=utcnow)


class SandboxCloudFormation(CloudFormationBackend):
    def __init__(self, region_name: str, account_id: str):
        super().__init__(region_name, account_id)
        self.stacks: dict[str, Any] = {}
        self.deleted_stacks: dict[str, Any] = {}
        self.change_sets: dict[str, Any] = {}
        self.exports: dict[str, Any] = {}

    @property
    def _url_module(self) -> Any:
        return urls

    # Stacks.

    def find_stack(self, name: str) -> Stack | None:
        """By name among the living, by id among all."""
        for stack in self.stacks.values():
            if name in (stack.name, stack.stack_id):
                return stack
        return self.deleted_stacks.get(name)

    def get_stack(self, name_or_stack_id: str) -> Any:
        stack = self.find_stack(name_or_stack_id)
        if stack is None:
            raise errors.no_such_stack(name_or_stack_id)
        return stack

    def begin_create(self, name: str, request: Request) -> Stack:
        stack = self._new_stack(name, request)
        operations.run(stack, "CREATE_IN_PROGRESS", lambda: self._run_create(stack, request))
        return stack

    def _new_stack(self, name: str, request: Request) -> Stack:
        if self.find_stack(name) is not None:
            raise errors.CloudFormationError(
                "AlreadyExistsException", f"Stack [{name}] already exists"
            )
        stack = Stack(name, self.account_id, self.region_name)
        self._accept(stack, request)
        self.stacks[stack.stack_id] = stack
        return stack

    def begin_update(self, name: str, request: Request) -> Stack:
        stack = self.get_stack(name)
        self._check_updatable(stack)
        self._check_request(request)
        parameters = self._resolve(stack, request)
        if self._is_unchanged(stack, request, parameters):
            raise errors.no_updates()
        operations.run(stack, "UPDATE_IN_PROGRESS", lambda: self._run_update(stack, request))
        return stack

    def cancel_update(self, name: str) -> None:
        stack = self.get_stack(name)
        if stack.status != "UPDATE_IN_PROGRESS":
            raise errors.validation(
                "CancelUpdateStack cannot be called from current stack status"
            )
        operations.cancel(stack)

    def delete_stack(self, name_or_stack_id: str) -> None:
        stack = self.find_stack(name_or_stack_id)
        if stack is None or stack.deleted:
            return
        if stack.protected:
            raise errors.validation(
                f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled"
            )
        if operations.is_deleting(stack):
            return
        if stack.status.endswith("_IN_PROGRESS") and stack.status not in _DELETABLE:
            raise errors.validation(
                f"Stack [{stack.stack_id}] cannot be deleted while in status {stack.status}"
            )
        operations.run(stack, "DELETE_IN_PROGRESS", lambda: self._run_delete(stack))

    def delete_nested(self, parent_id: str, stack_id: str) -> None:
        stack = self.find_stack(stack_id)
        if stack is None or stack.deleted:
            return
        stack.move_to("DELETE_IN_PROGRESS")
        with operations.part_of(parent_id, stack):
            self._run_delete(stack)
        if not stack.deleted:
            raise RuntimeError(f"Embedded stack {stack_id} was not deleted: {stack.reason}")

    def _run_delete(self, stack: Stack) -> None:
        for output in stack.outputs:
            users = self._importers(output.export)
            if users:
                stack.move_to(
                    "DELETE_FAILED",
                    f"Delete canceled. Cannot delete export {output.export} as it is in use by"
                    f" {', '.join(users)}.",
                )
                return
        left = delete_records(stack, _deletion_order(stack))
        stack.records = {n: r for n, r in stack.records.items() if n in left}
        if left:
            stack.move_to(
                "DELETE_FAILED",
                f"The following resource(s) failed to delete: [{', '.join(left)}]. ",
            )
            return
        self._forget(stack)

    # Change sets.

    def new_change_set(self, name: str, stack_name: str, kind: str, request: Request) -> ChangeSet:
        stack = self.find_stack(stack_name)
        if kind == "CREATE":
            if stack is not None and stack.status != "REVIEW_IN_PROGRESS":
                raise errors.validation(
                    f"Stack [{stack_name}] already exists and cannot be created again with the"
                    f" changeSet [{name}]."
                )
        elif stack is None:
            raise errors.no_such_stack(stack_name)
        else:
            self._check_updatable(stack)
        if stack is not None and self.find_change_set(name, stack.name) is not None:
            raise errors.CloudFormationError(
                "AlreadyExistsException", f"ChangeSet {name} already exists"
            )
        self._check_request(request)
        if stack is None:
            stack = Stack(stack_name, self.account_id, self.region_name)
            parameters = self._resolve(stack, request)
            self.stacks[stack.stack_id] = stack
            stack.move_to("REVIEW_IN_PROGRESS", "User Initiated")
        else:
            parameters = self._resolve(stack, request)
        change_set_id = generate_changeset_id(name, self.region_name, self.account_id)
        made = ChangeSet(
            change_set_id, name, kind, stack.stack_id, stack.name, request, _diff(stack, request)
        )
        if kind == "UPDATE" and self._is_unchanged(stack, request, parameters):
            made.status, made.execution_status, made.reason = "FAILED", "UNAVAILABLE", _NO_CHANGES
        self.change_sets[change_set_id] = made
        return made

    def find_change_set(self, name: str, stack_name: str | None) -> ChangeSet | None:
        for change_set in self.change_sets.values():
            place = (None, "", change_set.stack_name, change_set.stack_id)
            if name == change_set.id or (name == change_set.name and stack_name in place):
                return change_set
        return None

    def get_change_set(self, name: str, stack_name: str | None) -> ChangeSet:
        found = self.find_change_set(name, stack_name)
        if found is None:
            raise errors.CloudFormationError(
                "ChangeSetNotFound", f"ChangeSet [{name}] does not exist"
            )
        return found

    def drop_change_set(self, name: str, stack_name: str | None) -> None:
        """AWS answers success for one that does not exist."""
        found = self.find_change_set(name, stack_name)
        if found is not None:
            del self.change_sets[found.id]

    def run_change_set(self, change_set: ChangeSet, disable_rollback: bool) -> None:
        if change_set.execution_status != "AVAILABLE":
            raise errors.CloudFormationError(
                "InvalidChangeSetStatus",
                f"ChangeSet [{change_set.id}] cannot be executed in its current status of"
                f" [{change_set.status}]",
            )
        stack = self.get_stack(change_set.stack_id)
        if change_set.type != "CREATE":
            self._check_updatable(stack)
        change_set.execution_status = "EXECUTE_COMPLETE"
        request = change_set.request
        request.disable_rollback = disable_rollback
        # AWS drops the other change sets of a stack as soon as one is executed.
        for other in [c for c in self.change_sets.values() if c.stack_id == stack.stack_id]:
            if other is not change_set:
                del self.change_sets[other.id]
        if change_set.type == "CREATE":
            self._accept(stack, request)
            operations.run(stack, "CREATE_IN_PROGRESS", lambda: self._run_create(stack, request))
        else:
            operations.run(stack, "UPDATE_IN_PROGRESS", lambda: self._run_update(stack, request))

    # Nested stacks.

    def create_nested(self, parent_id: str, name: str, properties: dict[str, Any]) -> str:
        request = self._nested_request(properties)
        stack = self._new_stack(name, request)
        stack.move_to("CREATE_IN_PROGRESS")
        with operations.part_of(parent_id, stack):
            self._run_create(stack, request)
        try:
            self._check_nested(stack, "CREATE_COMPLETE")
        except RuntimeError as error:
            # It has rolled back and is still there: it goes with the stack around it.
            raise LeftBehind(str(error), Made(stack.stack_id)) from error
        return stack.stack_id

    def update_nested(self, parent_id: str, stack_id: str, properties: dict[str, Any]) -> None:
        stack = self.get_stack(stack_id)
        request = self._nested_request(properties)
        parameters = self._resolve(stack, request)
        if self._is_unchanged(stack, request, parameters):
            return
        stack.move_to("UPDATE_IN_PROGRESS")
        with operations.part_of(parent_id, stack):
            self._run_update(stack, request)
        self._check_nested(stack, "UPDATE_COMPLETE")

    def _nested_request(self, properties: dict[str, Any]) -> Request:
        from moto.cloudformation.utils import get_stack_from_s3_url

        text = get_stack_from_s3_url(properties["TemplateURL"], self.account_id, self.partition)
        given = {
            key: ",".join(value) if isinstance(value, list) else str(value)
            for key, value in properties.get("Parameters", {}).items()
        }
        return Request(
            templates.parse(text),
            given,
            capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
        )

    @staticmethod
    def _check_nested(stack: Stack, wanted: str) -> None:
        if stack.status != wanted:
            failed = [e for e in stack.events if e.status.endswith("_FAILED")]
            reason = failed[-1].reason if failed else stack.reason
            raise RuntimeError(
                f"Embedded stack {stack.stack_id} was not successfully deployed: {reason}"
            )

    # What a request is checked for before anything happens.

    def _accept(self, stack: Stack, request: Request) -> None:
        self._check_request(request)
        stack.parameters = self._resolve(stack, request)
        self._take_over(stack, request)

    def _take_over(self, stack: Stack, request: Request) -> None:
        stack.given_parameters = request.parameters
        stack.tags = request.tags
        stack.role_arn = request.role_arn or stack.role_arn
        stack.notification_arns = request.notification_arns
        stack.disable_rollback = request.disable_rollback
        stack.protected = stack.protected or request.protected

    def _check_request(self, request: Request) -> None:
        role = request.role_arn
        if role and (
            find_role(role) is None or not trusts_service(role, "cloudformation.amazonaws.com")
        ):
            raise errors.validation(f"Role {role} is invalid or cannot be assumed")
        needed = _needed_capability(request.template)
        if needed and not set(request.capabilities) & {needed, "CAPABILITY_NAMED_IAM"}:
            raise errors.CloudFormationError(
                "InsufficientCapabilitiesException", f"Requires capabilities : [{needed}]"
            )

    def _resolve(self, stack: Stack, request: Request) -> dict[str, Any]:
        return resolve_parameters(request.template, request.parameters, stack.account, stack.region)

    @staticmethod
    def _check_updatable(stack: Stack) -> None:
        busy = stack.status.endswith("_IN_PROGRESS")
        if stack.status in _ROLLED_BACK or busy:
            raise errors.validation(
                f"Stack:{stack.stack_id} is in {stack.status} state and can not be updated."
            )

    @staticmethod
    def _is_unchanged(stack: Stack, request: Request, parameters: dict[str, Any]) -> bool:
        return (
            stack.template is not None
            and stack.template.document == request.template.document
            and stack.parameters == parameters
            and stack.tags == request.tags
        )

    # Running.

    def _run_create(self, stack: Stack, request: Request) -> None:
        stack.template = request.template
        deployment = Deployment(stack, request.template, self.exports)
        try:
            deployment.apply()
            self._publish(stack, deployment)
        except ResourceFailure as failure:
            self._fail_create(stack, deployment, failure)
            return
        stack.move_to("CREATE_COMPLETE")

    def _fail_create(self, stack: Stack, deployment: Deployment, failure: ResourceFailure) -> None:
        reason = _summary(stack, failure, "create")
        operations.go_on(stack)
        if stack.disable_rollback:
            stack.move_to("CREATE_FAILED", reason)
            return
        stack.move_to("ROLLBACK_IN_PROGRESS", f"{reason} Rollback requested by user.")
        left = deployment.undo()
        stack.outputs, stack.imports = [], set()
        stack.move_to("ROLLBACK_FAILED" if left else "ROLLBACK_COMPLETE")

    def _run_update(self, stack: Stack, request: Request) -> None:
        before = (stack.template, stack.parameters, stack.given_parameters, stack.tags)
        stack.updated = utcnow()
        stack.parameters = self._resolve(stack, request)
        self._take_over(stack, request)
        stack.template = request.template
        deployment = Deployment(stack, request.template, self.exports)
        try:
            deployment.apply()
            self._publish(stack, deployment)
        except ResourceFailure as failure:
            reason = _summary(stack, failure, "update")
            operations.go_on(stack)
            if stack.disable_rollback:
                stack.move_to("UPDATE_FAILED", reason)
                return
            stack.move_to("UPDATE_ROLLBACK_IN_PROGRESS", reason)
            left = deployment.undo()
            stack.template, stack.parameters, stack.given_parameters, stack.tags = before
            if left:
                stack.move_to("UPDATE_ROLLBACK_FAILED", f"Not reverted: [{', '.join(left)}]")
                return
            stack.move_to("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
            stack.move_to("UPDATE_ROLLBACK_COMPLETE")
            return
        stack.move_to("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
        deployment.clean_up()
        stack.move_to("UPDATE_COMPLETE")

    def _publish(self, stack: Stack, deployment: Deployment) -> None:
        """Outputs and exports become visible; refused where another stack would break."""
        outputs = deployment.outputs()
        exports = {o.export: o for o in outputs if o.export}
        for name in exports:
            holder = self.exports.get(name)
            if holder is not None and holder.exporting_stack_id != stack.stack_id:
                other = self.get_stack(holder.exporting_stack_id).name
                raise ResourceFailure(
                    stack.name,
                    f"Export with name {name} is already exported by stack {other}."
                    " Rolled back by user.",
                )
        for old in stack.outputs:
            self._check_still_exported(old, exports)
        for old in stack.outputs:
            self.exports.pop(old.export, None)
        for name, output in exports.items():
            self.exports[name] = Export(stack.stack_id, str(name), output.value)
        stack.outputs = outputs
        stack.imports = deployment.imports

    def _check_still_exported(self, old: Output, exports: dict[Any, Output]) -> None:
        users = self._importers(old.export)
        if not users:
            return
        if old.export not in exports:
            verb = "delete"
        elif exports[old.export].value != old.value:
            verb = "update"
        else:
            return
        name = ", ".join(users)
        raise ResourceFailure("", f"Cannot {verb} export {old.export} as it is in use by {name}.")

    def _importers(self, export: str | None) -> list[str]:
        if export is None:
            return []
        return [s.name for s in self.stacks.values() if export in s.imports]

    def _forget(self, stack: Stack) -> None:
        for output in stack.outputs:
            self.exports.pop(output.export, None)
        for change_set in [c for c in self.change_sets.values()]:
            if change_set.stack_id == stack.stack_id:
                del self.change_sets[change_set.id]
        stack.deleted = utcnow()
        stack.move_to("DELETE_COMPLETE")
        stack.imports = set()
        self.stacks.pop(stack.stack_id, None)
        self.deleted_stacks[stack.stack_id] = stack


def _summary(stack: Stack, failure: ResourceFailure, verb: str) -> str:
    if failure.logical_id in ("", stack.name):
        return failure.reason
    return f"The following resource(s) failed to {verb}: [{failure.logical_id}]."


def _deletion_order(stack: Stack) -> list[Record]:
    """What depends on others goes first, by the template; what it does not name goes before."""
    order = creation_order(stack.template.resources) if stack.template is not None else []
    place = {name: index for index, name in enumerate(order)}
    last = len(order)
    return sorted(
        reversed(stack.records.values()),
        key=lambda record: place.get(record.logical_id, last),
        reverse=True,
    )


def _needed_capability(template: Template) -> str | None:
    named = ("AWS::IAM::Role", "AWS::IAM::User", "AWS::IAM::Group", "AWS::IAM::ManagedPolicy")
    names = ("RoleName", "UserName", "GroupName", "ManagedPolicyName")
    needed = None
    for resource in template.resources.values():
        if not resource["Type"].startswith("AWS::IAM::"):
            continue
        properties = resource.get("Properties") or {}
        if resource["Type"] in named and any(n in properties for n in names):
            return "CAPABILITY_NAMED_IAM"
        needed = "CAPABILITY_IAM"
    return needed


def _diff(stack: Stack, request: Request) -> list[tuple[str, str, str]]:
    old = stack.template.resources if stack.template and stack.records else {}
    new = request.template.resources
    changes = [("Add", n, new[n]["Type"]) for n in new if n not in old]
    changes += [("Modify", n, new[n]["Type"]) for n in new if n in old and new[n] != old[n]]
    return changes + [("Remove", n, old[n]["Type"]) for n in old if n not in new]


def install() -> None:
    models.cloudformation_backends.backend = SandboxCloudFormation
