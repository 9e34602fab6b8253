"""What can go wrong, split by who hears of it: the caller at once, or the stack's events."""

from moto.core.exceptions import ServiceException


class CloudFormationError(ServiceException):
    """Answered to the API call itself."""


class ResourceFailure(Exception):
    """One resource could not be made, changed or deleted; the stack decides what follows."""

    def __init__(self, logical_id: str, reason: str):
        super().__init__(reason)
        self.logical_id = logical_id
        self.reason = reason


class UnresolvedValue(Exception):
    """An intrinsic function has no value (missing export, unknown attribute, …)."""


def validation(message: str) -> CloudFormationError:
    return CloudFormationError("ValidationError", message)


def no_such_stack(name: str) -> CloudFormationError:
    return validation(f"Stack with id {name} does not exist")


def no_updates() -> CloudFormationError:
    return validation("No updates are to be performed.")
