"""Accounts and the keys that own them.

An account exists as soon as somebody asks for it; what makes it usable is its admin user with
one lasting access key, from which moto derives the account of a call.
"""

import json
import re
from dataclasses import dataclass

from moto.iam.models import AccessKey, iam_backends
from moto.utilities.utils import PARTITION_NAMES

ADMIN_USER = "aphex-sandbox-admin"
_ACCOUNT = re.compile(r"\d{12}")
_ALLOW_ALL = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
)


class InvalidAccount(ValueError):
    pass


@dataclass(frozen=True)
class Credentials:
    account: str
    access_key_id: str
    secret_access_key: str

    def to_json(self) -> dict[str, str]:
        return {
            "account": self.account,
            "accessKeyId": self.access_key_id,
            "secretAccessKey": self.secret_access_key,
        }


def ensure_account(account: str) -> Credentials:
    """The account's admin key, made on the first call and the same one ever after."""
    if not isinstance(account, str) or not _ACCOUNT.fullmatch(account):
        raise InvalidAccount(f"Invalid AWS account ID format: must be 12 digits, not {account!r}")
    home = iam_backends[account]["aws"]
    if ADMIN_USER not in home.users:
        home.create_user("us-east-1", ADMIN_USER, "/", None)
        home.put_user_policy(ADMIN_USER, "everything", _ALLOW_ALL)
        key = home.create_access_key(ADMIN_USER)
        for partition in PARTITION_NAMES:
            # One key for all partitions: real accounts belong to one, here the region decides.
            backend = iam_backends[account][partition]
            if partition != "aws":
                backend.users[ADMIN_USER] = home.users[ADMIN_USER]
                backend.access_keys[key.access_key_id] = key
    key = home.users[ADMIN_USER].access_keys[0]
    return Credentials(account, key.access_key_id, key.secret_access_key)


def all_accounts() -> list[Credentials]:
    return [ensure_account(a) for a in sorted(iam_backends) if ADMIN_USER in _users(a)]


def find_key(access_key_id: str) -> tuple[str, AccessKey] | None:
    """The account that owns the key, and the key; None for a key that nobody made."""
    for account, by_partition in list(iam_backends.items()):
        for backend in list(by_partition.values()):
            key = backend.access_keys.get(access_key_id)
            if key is not None:
                return account, key
    return None


def _users(account: str) -> dict[str, object]:
    return iam_backends[account]["aws"].users
