"""Custom resources: handed to the function that their ServiceToken names, as CloudFormation does.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html. A function that has
failed is not waited for: CloudFormation would wait for the whole ServiceTimeout.
"""

import json
import logging
import re
import threading
import time
import uuid
from dataclasses import dataclass
from typing import Any

from .cloudformation import operations
from .mailbox import MAILBOX, Slot
from .resources.base import LeftBehind, Made, Target
from .settings import SETTINGS
from .world import WORLD

_LOG = logging.getLogger(__name__)

# CloudFormation's own: an hour is the longest and the default.
MAX_SECONDS = 3600
_MAX_ID_CHARACTERS = 1024
_FUNCTION = re.compile(r"arn:[a-z-]+:lambda:([a-z0-9-]+):(\d{12}):function:[^:]+(?::[^:]+)?")
_TOPIC = re.compile(r"arn:[a-z-]+:sns:")
# How often a wait looks whether its stack was told to stop.
_LOOK_SECONDS = 0.2
_AFTERMATH_SECONDS = 0.3


class CustomResourceFailed(Exception):
    """Worded as CloudFormation does."""


class ProviderFailed(CustomResourceFailed):
    """The provider was asked: a rollback asks it to clean up."""


@dataclass
class _Answer:
    physical_id: str
    data: dict[str, Any]


class CustomResource:
    def create(self, target: Target, properties: dict[str, Any]) -> Made:
        request = _request("Create", target, properties)
        # Until the provider says otherwise: what a rollback will ask to delete.
        made = Made(f"{target.stack_name}-{target.logical_id}-{uuid.uuid4().hex[:8]}")
        try:
            answer = _ask(target, properties, request, made)
        except ProviderFailed as error:
            raise LeftBehind(str(error), made) from error
        return Made(answer.physical_id, answer.data)

    def update(
        self, target: Target, made: Made, properties: dict[str, Any], old: dict[str, Any]
    ) -> Made:
        if properties.get("ServiceToken") != old.get("ServiceToken"):
            raise CustomResourceFailed("Modifying service token is not allowed.")
        request = _request("Update", target, properties)
        request["PhysicalResourceId"] = made.physical_id
        request["OldResourceProperties"] = as_text(old)
        try:
            answer = _ask(target, properties, request, Made(made.physical_id))
        except ProviderFailed as error:
            raise LeftBehind(str(error), made) from error
        replacing = answer.physical_id != made.physical_id
        return Made(answer.physical_id, answer.data, replacing=replacing)

    def delete(self, target: Target, made: Made, properties: dict[str, Any]) -> None:
        request = _request("Delete", target, properties)
        request["PhysicalResourceId"] = made.physical_id
        _ask(target, properties, request, Made(made.physical_id))


def as_text(value: Any) -> Any:
    """Scalars become text, as in every property of a custom resource."""
    if isinstance(value, dict):
        return {key: as_text(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [as_text(inner) for inner in value]
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _request(kind: str, target: Target, properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "RequestType": kind,
        "ServiceToken": properties.get("ServiceToken", ""),
        "StackId": target.stack_id,
        "RequestId": str(uuid.uuid4()),
        "LogicalResourceId": target.logical_id,
        "ResourceType": target.type,
        "ResourceProperties": as_text(properties),
    }


def _ask(
    target: Target, properties: dict[str, Any], request: dict[str, Any], known: Made
) -> _Answer:
    """`known` takes the id that even a failure tells."""
    function = _function(target, properties)
    if function is None:
        _LOG.warning("%s completes without its function: the sandbox is lenient", target.logical_id)
        return _Answer(known.physical_id, {})
    seconds = _timeout(properties)
    name = f"{target.stack_id}|{target.logical_id}|{request['RequestId']}"
    address, slot = MAILBOX.open(name, target.region)
    call = _Call(function, {**request, "ResponseURL": address})
    try:
        with WORLD.released():
            call.start()
            arrived = _wait(target, slot, call, seconds)
            # Its process takes the next request, if it has done with this one.
            call.over.wait(_AFTERMATH_SECONDS)
    finally:
        MAILBOX.close(name)
    if not arrived:
        raise ProviderFailed(_silence(request, call.problem, seconds))
    return _read(slot, request, known)


def _function(target: Target, properties: dict[str, Any]) -> Any:
    """None where a lenient sandbox does without."""
    from moto.awslambda.exceptions import UnknownFunctionException
    from moto.awslambda.models import lambda_backends

    token = str(properties.get("ServiceToken", ""))
    if not token:
        raise CustomResourceFailed(
            f"Properties validation failed for resource {target.logical_id} with message:"
            " #: required key [ServiceToken] not found"
        )
    if _TOPIC.match(token):
        raise CustomResourceFailed(
            f"the sandbox does not support custom resources behind SNS topics ({token});"
            " use the ARN of a Lambda function as ServiceToken"
        )
    match = _FUNCTION.fullmatch(token)
    if match is not None and match.group(1) == target.region:
        backend = lambda_backends[match.group(2)][match.group(1)]
        try:
            return backend.get_function(token)
        except UnknownFunctionException:
            pass
    if SETTINGS.lenient:
        return None
    if match is None:
        raise CustomResourceFailed(f"Invalid service token: {token} is no ARN of a function")
    if match.group(1) != target.region:
        raise CustomResourceFailed(
            f"Invalid service token: {token} is not in the stack's region, {target.region}"
        )
    raise CustomResourceFailed(
        f"Function not found: {token} (Service: Lambda, Status Code: 404,"
        " Error Code: ResourceNotFoundException)"
    )


def _timeout(properties: dict[str, Any]) -> int:
    given = properties.get("ServiceTimeout", MAX_SECONDS)
    try:
        seconds = int(str(given))
    except ValueError:
        seconds = 0
    if not 1 <= seconds <= MAX_SECONDS:
        raise CustomResourceFailed(
            f"ServiceTimeout must be a number of seconds from 1 to {MAX_SECONDS}, not {given}"
        )
    return seconds


class _Call:
    """The invocation, in a thread of its own: the answer may come before it ends, or long after."""

    def __init__(self, function: Any, event: dict[str, Any]):
        self._function = function
        self._event = event
        self.over = threading.Event()
        self.problem = ""

    def start(self) -> None:
        threading.Thread(target=self._run, name="custom-resource", daemon=True).start()

    def _run(self) -> None:
        from .functions.runner import run_and_log

        try:
            with WORLD.entered():
                answer, errored, _ = run_and_log(self._function, self._event)
            if errored:
                self.problem = _error_in(answer)
        except Exception as error:
            _LOG.exception("calling the function of a custom resource failed")
            self.problem = str(error)
        finally:
            self.over.set()


def _error_in(answer: str) -> str:
    try:
        error = json.loads(answer)
        return f"{error['errorType']}: {error['errorMessage']}"
    except (ValueError, KeyError, TypeError):
        return answer[:500] or "the function failed"


def _wait(target: Target, slot: Slot, call: _Call, seconds: int) -> bool:
    """Whether an answer came in time."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if slot.wait(min(left, _LOOK_SECONDS)):
            return True
        if operations.is_cancelled(target.stack_id):
            raise ProviderFailed("Resource creation cancelled")
        if call.over.is_set() and call.problem:
            return slot.wait(0)
    return False


def _silence(request: dict[str, Any], problem: str, seconds: int) -> str:
    text = (
        "CloudFormation did not receive a response from your Custom Resource. Please check your"
        f" logs for requestId [{request['RequestId']}]. If you are using the Python cfn-response"
        " module, you may need to update your Lambda function so that CloudFormation can attach"
        " the updated version."
    )
    if problem:
        return f"{text} (The function failed: {problem})"
    return f"{text} (The function did not answer within {seconds} s)"


def _read(slot: Slot, request: dict[str, Any], known: Made) -> _Answer:
    if slot.is_too_long:
        raise ProviderFailed("Response object is too long.")
    try:
        answer = json.loads(slot.content)
        status = answer["Status"]
    except (ValueError, KeyError, TypeError):
        raise ProviderFailed(
            "Invalid response object: it must be a JSON object with a Status"
        ) from None
    physical_id = answer.get("PhysicalResourceId")
    if isinstance(physical_id, str) and physical_id:
        known.physical_id = physical_id
    for name in ("StackId", "RequestId", "LogicalResourceId"):
        if answer.get(name) != request[name]:
            raise ProviderFailed(
                f"Invalid response object: Value of property {name} must be that of the request"
            )
    if status == "FAILED":
        reason = answer.get("Reason") or "no reason given"
        raise ProviderFailed(
            "Received response status [FAILED] from custom resource. Message returned:"
            f" {reason} (RequestId: {request['RequestId']})"
        )
    if status != "SUCCESS":
        raise ProviderFailed(
            "Invalid response object: Value of property Status must be SUCCESS or FAILED"
        )
    if not isinstance(physical_id, str) or not 0 < len(physical_id) <= _MAX_ID_CHARACTERS:
        raise ProviderFailed("Invalid PhysicalResourceId")
    data = answer.get("Data") or {}
    if not isinstance(data, dict):
        raise ProviderFailed(
            "Invalid response object: Value of property Data must be an object"
        )
    return _Answer(physical_id, {key: _datum(value) for key, value in data.items()})


def _datum(value: Any) -> Any:
    return value if isinstance(value, (dict, list)) else as_text(value)
