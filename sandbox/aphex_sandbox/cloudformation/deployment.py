"""Brings a stack's resources from what they are to what a template says, or back.

Dependencies first, one event per step. Everything done is kept in a journal; a failure undoes
it in reverse. What is no longer wanted is deleted only after all else has succeeded.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import replace
from typing import Any

from moto.core.utils import utcnow
from moto.utilities.utils import get_partition

from ..resources import table
from ..resources.base import LeftBehind, Made, Replaced
from . import intrinsics, operations, schemas
from . import template as templates
from .errors import ResourceFailure, UnresolvedValue
from .parameters import dynamic_reference
from .stack import Export, Output, Record, Stack
from .template import Template, is_custom

_LOG = logging.getLogger(__name__)
_REPLACING = (
    "Requested update requires the creation of a new physical resource; hence creating one."
)
_URL_SUFFIX = {"aws-cn": "amazonaws.com.cn"}


class Deployment:
    def __init__(self, stack: Stack, template: Template, exports: Mapping[str, Export]):
        self.stack = stack
        self.template = template
        self._exports = exports
        self._journal: list[Callable[[], None]] = []
        self._obsolete: list[Record] = []
        self._imports: set[str] = set()
        self._scope = self._make_scope()

    def apply(self) -> None:
        """Raises ResourceFailure; then call undo."""
        resources = self.template.resources
        order = templates.creation_order(resources)
        wanted = [name for name in order if self._is_wanted(name)]
        for name in wanted:
            if operations.is_cancelled(self.stack.stack_id):
                raise ResourceFailure(name, "Resource creation cancelled")
            record = self.stack.records.get(name)
            if record is not None and record.status == "CREATE_FAILED":
                self._obsolete.append(self._take(name))
                record = None
            if record is None:
                self._create(name)
            else:
                self._update(record, name)
        for name in [n for n in self.stack.records if n not in wanted]:
            self._obsolete.append(self._take(name))

    def outputs(self) -> list[Output]:
        found = []
        for key, output in self.template.section("Outputs").items():
            with self._failures_of(self.stack.name):
                gate = output.get("Condition")
                if gate and not intrinsics.condition(gate, self._scope):
                    continue
                value = intrinsics.resolve(output["Value"], self._scope)
                text = ",".join(map(str, value)) if isinstance(value, list) else value
                export = output.get("Export", {}).get("Name")
                name = intrinsics.resolve(export, self._scope) if export else None
                found.append(Output(key, str(text), output.get("Description"), name))
        return found

    @property
    def imports(self) -> set[str]:
        return self._imports

    def clean_up(self) -> list[str]:
        """Deletes what the template no longer has; names what could not be deleted."""
        return delete_records(self.stack, list(reversed(self._obsolete)))

    @property
    def has_obsolete(self) -> bool:
        return bool(self._obsolete)

    def undo(self) -> list[str]:
        """Reverts apply; gives the logical ids that could not be reverted."""
        failed: list[str] = []
        for step in reversed(self._journal):
            try:
                step()
            except ResourceFailure as failure:
                failed.append(failure.logical_id)
        self._journal.clear()
        return failed

    def _is_wanted(self, name: str) -> bool:
        gate = self.template.resources[name].get("Condition")
        with self._failures_of(name):
            return gate is None or intrinsics.condition(gate, self._scope)

    def _create(self, name: str) -> None:
        type_name = self.template.resources[name]["Type"]
        with self._events(name, "CREATE"):
            try:
                record = self._make(name)
            except LeftBehind as left:
                record = self._remains(name, left.made, "CREATE_FAILED")
                self.stack.records[name] = record
                self._journal.append(lambda: self._discard(record))
                raise
        self.stack.records[name] = record
        self.stack.add_event(name, record.made.physical_id, type_name, "CREATE_COMPLETE", None)
        self._journal.append(lambda: self._discard(record))

    def _update(self, record: Record, name: str) -> None:
        type_name = self.template.resources[name]["Type"]
        with self._failures_of(name):
            properties = self._properties(name)
        retained = self._is_retained(name)
        same = type_name == record.type and properties == record.properties
        if same and record.status != "UPDATE_FAILED":
            self.stack.records[name] = replace(record, retained=retained)
            self._journal.append(lambda: self._restore(record))
            return
        with self._events(name, "UPDATE", record.made.physical_id):
            self._check(name, properties)
            try:
                changed = self._changed(record, type_name, properties)
            except LeftBehind as left:
                half = self._remains(name, left.made, "UPDATE_FAILED")
                self._journal.append(lambda: self._change_back(half, record))
                raise
            if changed is None:
                self.stack.add_event(
                    name, record.made.physical_id, type_name, "UPDATE_IN_PROGRESS", _REPLACING
                )
                fresh = replace(self._make(name), status="UPDATE_COMPLETE")
                kept = self._is_kept(name, "UpdateReplacePolicy")
                self._obsolete.append(replace(record, retained=kept))
                self._journal.append(lambda: self._swap_back(fresh, record))
            else:
                fresh = Record(
                    name, type_name, changed, properties, retained, "UPDATE_COMPLETE", utcnow()
                )
                self._journal.append(lambda: self._change_back(fresh, record))
                if changed.replacing:
                    kept = self._is_kept(name, "UpdateReplacePolicy")
                    self._obsolete.append(replace(record, retained=kept))
        self.stack.records[name] = fresh
        self.stack.add_event(name, fresh.made.physical_id, type_name, "UPDATE_COMPLETE", None)

    def _changed(self, record: Record, type_name: str, properties: dict[str, Any]) -> Made | None:
        """The resource changed in place; None when it takes a new one."""
        if type_name != record.type:
            return None
        if schemas.is_replaced(type_name, self.stack.region, properties, record.properties):
            return None
        target = self.stack.target(record.logical_id, type_name)
        try:
            return table.lookup(type_name).update(
                target, record.made, deepcopy(properties), deepcopy(record.properties)
            )
        except Replaced:
            return None

    def _make(self, name: str) -> Record:
        type_name = self.template.resources[name]["Type"]
        kind = table.lookup(type_name)
        properties = self._properties(name)
        self._check(name, properties)
        # A copy: moto's classes write into what they are given.
        made = kind.create(self.stack.target(name, type_name), deepcopy(properties))
        return Record(name, type_name, made, properties, self._is_retained(name))

    def _remains(self, name: str, made: Made, status: str) -> Record:
        type_name = self.template.resources[name]["Type"]
        properties, kept = self._properties(name), self._is_retained(name)
        return Record(name, type_name, made, properties, kept, status)

    def _properties(self, name: str) -> dict[str, Any]:
        raw = self.template.resources[name].get("Properties") or {}
        for argument in templates.imports(raw):
            self._imports.add(str(intrinsics.resolve(argument, self._scope)))
        properties = intrinsics.resolve(raw, self._scope)
        type_name = self.template.resources[name]["Type"]
        return schemas.with_tags(type_name, self.stack.region, properties, self.stack.tags)

    def _check(self, name: str, properties: dict[str, Any]) -> None:
        type_name = self.template.resources[name]["Type"]
        schemas.check(type_name, self.stack.region, name, properties)

    def _is_retained(self, name: str) -> bool:
        return self._is_kept(name, "DeletionPolicy")

    def _is_kept(self, name: str, policy: str) -> bool:
        chosen = self.template.resources[name].get(policy, "Delete")
        return chosen in ("Retain", "RetainExceptOnCreate")

    # Steps of the journal.

    def _discard(self, record: Record) -> None:
        self.stack.records.pop(record.logical_id, None)
        # AWS keeps what the template retains even when its creation is rolled back.
        if not record.retained or self._is_except_on_create(record):
            delete_record(self.stack, record)

    def _is_except_on_create(self, record: Record) -> bool:
        policy = self.template.resources[record.logical_id].get("DeletionPolicy")
        return policy == "RetainExceptOnCreate"

    def _restore(self, record: Record) -> None:
        self.stack.records[record.logical_id] = record

    def _swap_back(self, fresh: Record, old: Record) -> None:
        self._restore(old)
        delete_record(self.stack, fresh)

    def _change_back(self, fresh: Record, old: Record) -> None:
        with self._events(old.logical_id, "UPDATE", old.made.physical_id):
            target = self.stack.target(old.logical_id, old.type)
            kind = table.lookup(old.type)
            made = kind.update(
                target, fresh.made, deepcopy(old.properties), deepcopy(fresh.properties)
            )
        self._restore(replace(old, made=made))
        if made.replacing:
            delete_record(self.stack, fresh)
        self.stack.add_event(old.logical_id, made.physical_id, old.type, "UPDATE_COMPLETE", None)

    def _take(self, name: str) -> Record:
        record = self.stack.records.pop(name)
        self._journal.append(lambda: self._restore(record))
        return record

    # Failures and values.

    @contextmanager
    def _events(self, name: str, verb: str, physical_id: str = "") -> Iterator[None]:
        known = self.template.resources.get(name)
        type_name = known["Type"] if known else self.stack.records[name].type
        self.stack.add_event(name, physical_id, type_name, f"{verb}_IN_PROGRESS", None)
        try:
            with self._failures_of(name):
                yield
        except ResourceFailure as failure:
            self.stack.add_event(name, physical_id, type_name, f"{verb}_FAILED", failure.reason)
            raise

    @contextmanager
    def _failures_of(self, name: str) -> Iterator[None]:
        try:
            yield
        except ResourceFailure:
            raise
        except Exception as error:
            _LOG.debug("%s/%s failed", self.stack.name, name, exc_info=True)
            raise ResourceFailure(name, reason_of(error, name)) from error

    def _make_scope(self) -> intrinsics.Scope:
        stack = self.stack
        partition = get_partition(stack.region)
        pseudo = {
            "AWS::AccountId": stack.account,
            "AWS::NotificationARNs": stack.notification_arns,
            "AWS::Partition": partition,
            "AWS::Region": stack.region,
            "AWS::StackId": stack.stack_id,
            "AWS::StackName": stack.name,
            "AWS::URLSuffix": _URL_SUFFIX.get(partition, "amazonaws.com"),
        }
        return intrinsics.Scope(
            values={**stack.parameters, **pseudo},
            mappings=self.template.section("Mappings"),
            conditions=self.template.section("Conditions"),
            reference=self._reference,
            attribute=self._attribute,
            imported=self._imported,
            dynamic=lambda service, ref: dynamic_reference(stack, service, ref),
            zones=[f"{stack.region}{letter}" for letter in "abc"],
        )

    def _reference(self, name: str) -> str:
        return self._record(name).made.physical_id

    def _attribute(self, name: str, attribute: str) -> Any:
        record = self._record(name)
        try:
            return record.made.attribute(attribute)
        except KeyError:
            if is_custom(record.type):
                raise UnresolvedValue(
                    f"CustomResource attribute error: Vendor response doesn't contain {attribute}"
                    f" attribute (resource {name})"
                ) from None
            raise UnresolvedValue(
                f"attribute {attribute} of resource {name} ({record.type}) is not supported"
                " by the sandbox, or does not exist"
            ) from None

    def _record(self, name: str) -> Record:
        record = self.stack.records.get(name)
        if record is None:
            raise UnresolvedValue(f"Unresolved resource dependencies [{name}] in the template")
        return record

    def _imported(self, name: str) -> str:
        self._imports.add(name)
        export = self._exports.get(name)
        if export is None:
            raise UnresolvedValue(f"No export named {name} found.")
        return export.value


def delete_records(stack: Stack, records: list[Record]) -> list[str]:
    """Deletes in the order given, what failed once more; names what is still there."""
    pending = [r for r in records if not r.retained]
    for record in [r for r in records if r.retained]:
        stack.add_event(
            record.logical_id, record.made.physical_id, record.type, "DELETE_SKIPPED", None
        )
    failed = [r for r in pending if not _deleted(stack, r)]
    # Once more: something deleted meanwhile may have stood in the way.
    again = [r for r in failed if not is_custom(r.type)]
    left = [r for r in again if not _deleted(stack, r)]
    return [r.logical_id for r in failed if r in left or is_custom(r.type)]


def delete_record(stack: Stack, record: Record) -> None:
    """Raises ResourceFailure."""
    place = (record.logical_id, record.made.physical_id, record.type)
    stack.add_event(*place, "DELETE_IN_PROGRESS", None)
    try:
        kind = table.lookup(record.type)
        target = stack.target(record.logical_id, record.type)
        kind.delete(target, record.made, deepcopy(record.properties))
    except Exception as error:
        if not _is_gone(error):
            _LOG.debug("deleting %s/%s failed", stack.name, record.logical_id, exc_info=True)
            reason = reason_of(error, record.logical_id)
            stack.add_event(*place, "DELETE_FAILED", reason)
            raise ResourceFailure(record.logical_id, reason) from error
    stack.add_event(*place, "DELETE_COMPLETE", None)


def _deleted(stack: Stack, record: Record) -> bool:
    try:
        delete_record(stack, record)
    except ResourceFailure:
        return False
    return True


_GONE = ("NotFound", "NoSuch", "NonExistent", "DoesNotExist", "UnknownResource")


def _is_gone(error: Exception) -> bool:
    """Deleted by hand before: CloudFormation takes that for deleted."""
    names = (type(error).__name__, getattr(error, "code", ""), getattr(error, "error_type", ""))
    return any(mark in str(name) for name in names for mark in _GONE)


def reason_of(error: Exception, name: str) -> str:
    if isinstance(error, KeyError):
        key = error.args[0] if error.args else "?"
        return (
            f"Properties validation failed for resource {name} with message:"
            f" #: required key [{key}] not found"
        )
    message = getattr(error, "message", None) or str(error)
    if not message or isinstance(error, (TypeError, AttributeError, IndexError)):
        return f"{type(error).__name__}: {message}"
    return str(message)
