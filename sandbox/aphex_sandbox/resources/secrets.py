"""Secrets Manager secrets, generated ones included."""

import json
from typing import Any

from moto.secretsmanager.models import SecretsManagerBackend, secretsmanager_backends

from . import tags
from .base import Made, Replaced, Target, generated_name

_DEFAULT_LENGTH = 32


def _backend(target: Target) -> SecretsManagerBackend:
    return secretsmanager_backends[target.account][target.region]


class Secret:
    def create(self, target: Target, properties: dict[str, Any]) -> Made:
        name = properties.get("Name") or generated_name(target)
        created = _backend(target).create_secret(
            name=name,
            secret_string=_value(target, properties),
            secret_binary=None,
            description=properties.get("Description"),
            tags=properties.get("Tags", []),
            kms_key_id=properties.get("KmsKeyId"),
            client_request_token=None,
            replica_regions=[],
            force_overwrite=False,
        )
        arn = (json.loads(created) if isinstance(created, str) else created)["ARN"]
        return Made(arn, {"Id": arn})

    def update(
        self, target: Target, made: Made, properties: dict[str, Any], old: dict[str, Any]
    ) -> Made:
        if properties.get("Name") != old.get("Name"):
            raise Replaced
        # A generated value is made once: CloudFormation keeps it unless its recipe changes.
        recipes = ("SecretString", "GenerateSecretString")
        if any(properties.get(r) != old.get(r) for r in recipes):
            _backend(target).put_secret_value(
                secret_id=made.physical_id,
                secret_string=_value(target, properties),
                secret_binary="",
                client_request_token=None,
                version_stages=["AWSCURRENT"],
            )
        secret = _backend(target).secrets[made.physical_id]
        secret.description = properties.get("Description", "")
        secret.kms_key_id = properties.get("KmsKeyId")
        secret.tags = tags.as_list(properties.get("Tags"))
        return made

    def delete(self, target: Target, made: Made, properties: dict[str, Any]) -> None:
        _backend(target).delete_secret(
            secret_id=made.physical_id,
            recovery_window_in_days=None,
            force_delete_without_recovery=True,
        )


class ResourcePolicy:
    def create(self, target: Target, properties: dict[str, Any]) -> Made:
        document = properties["ResourcePolicy"]
        text = document if isinstance(document, str) else json.dumps(document)
        secret = properties["SecretId"]
        _backend(target).put_resource_policy(secret, text)
        return Made(secret, {"Id": secret})

    def update(
        self, target: Target, made: Made, properties: dict[str, Any], old: dict[str, Any]
    ) -> Made:
        return self.create(target, properties)

    def delete(self, target: Target, made: Made, properties: dict[str, Any]) -> None:
        _backend(target).delete_resource_policy(made.physical_id)


def _value(target: Target, properties: dict[str, Any]) -> str:
    if "SecretString" in properties:
        return str(properties["SecretString"])
    recipe = properties.get("GenerateSecretString", {})
    generated = _backend(target).get_random_password(
        password_length=int(recipe.get("PasswordLength", _DEFAULT_LENGTH)),
        exclude_characters=recipe.get("ExcludeCharacters", ""),
        exclude_numbers=_truth(recipe, "ExcludeNumbers"),
        exclude_punctuation=_truth(recipe, "ExcludePunctuation"),
        exclude_uppercase=_truth(recipe, "ExcludeUppercase"),
        exclude_lowercase=_truth(recipe, "ExcludeLowercase"),
        include_space=_truth(recipe, "IncludeSpace"),
        require_each_included_type=_truth(recipe, "RequireEachIncludedType", "true"),
    )
    password = json.loads(generated)["RandomPassword"]
    if "GenerateStringKey" not in recipe:
        return password
    document = json.loads(recipe.get("SecretStringTemplate", "{}"))
    return json.dumps({**document, recipe["GenerateStringKey"]: password})


def _truth(recipe: dict[str, Any], name: str, default: str = "false") -> bool:
    return str(recipe.get(name, default)).lower() == "true"
