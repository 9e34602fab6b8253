"""Lambda functions' relatives that moto skips, and what it leaves out of a function."""

import json
from typing import Any

from moto.awslambda.models import LambdaBackend, LambdaFunction, lambda_backends
from moto.s3.exceptions import S3ClientError
from moto.s3.models import s3_backends

from . import tags
from .base import Made, MotoType, Replaced, Target, generated_name


def _backend(target: Target) -> LambdaBackend:
    return lambda_backends[target.account][target.region]


class Function(MotoType):
    def __init__(self) -> None:
        super().__init__(LambdaFunction)

    def create(self, target: Target, properties: dict[str, Any]) -> Made:
        code = properties.get("Code", {})
        _check_code(target, code)
        spec = {**properties, "Code": dict(code)}  # moto writes its own keys into the code
        made = super().create(target, spec)
        self._configure(target, made, properties)
        return made

    def update(
        self, target: Target, made: Made, properties: dict[str, Any], old: dict[str, Any]
    ) -> Made:
        if any(properties.get(n) != old.get(n) for n in ("FunctionName", "PackageType")):
            raise Replaced
        _check_code(target, properties["Code"])
        spec = {**properties, "Code": _update_code(properties["Code"])}
        spec.setdefault("Environment", {"Variables": {}})
        made.model.update_configuration({k: v for k, v in spec.items() if k != "Code"})
        made.model.update_function_code(spec["Code"])
        self._configure(target, made, properties)
        return made

    @staticmethod
    def _configure(target: Target, made: Made, properties: dict[str, Any]) -> None:
        function: LambdaFunction = made.model
        function.architectures = properties.get("Architectures", ["x86_64"])
        function.timeout = int(properties.get("Timeout", 3))
        function.memory_size = int(properties.get("MemorySize", 128))
        if "ZipFile" in properties["Code"]:
            function.inline_code = properties["Code"]["ZipFile"]
        else:
            function.__dict__.pop("inline_code", None)
        function.tags = {**tags.as_map(properties.get("Tags")), **_origin(target)}
        function.description = properties.get("Description", "")
        logging = properties.get("LoggingConfig", {})
        function.logging_config = logging
        function.logs_group_name = logging.get("LogGroup") or f"/aws/lambda/{made.physical_id}"
        function.ephemeral_storage = int(properties.get("EphemeralStorage", {}).get("Size", 512))
        function.tracing_config = properties.get("TracingConfig") or {"Mode": "PassThrough"}
        function.kms_key_arn = properties.get("KmsKeyArn")
        made.attributes["Arn"] = function.function_arn


def _check_code(target: Target, code: dict[str, Any]) -> None:
    """moto makes a function without code when there is no such object."""
    if "S3Bucket" not in code:
        return
    backend = s3_backends[target.account][target.partition]
    bucket, what, missing = code["S3Bucket"], "bucket", "NoSuchBucket"
    try:
        backend.get_bucket(bucket)
        what, missing = "key", "NoSuchKey"
        found = backend.get_object(bucket, code["S3Key"], code.get("S3ObjectVersion"))
    except S3ClientError:
        found = None
    if found is None:
        raise RuntimeError(
            f"Error occurred while GetObject. S3 Error Code: {missing}. S3 Error Message: The"
            f" specified {what} does not exist. (s3://{bucket}/{code['S3Key']})"
        )


def _origin(target: Target) -> dict[str, str]:
    """The tags by which a function tells the stack that made it."""
    return {
        "aws:cloudformation:stack-name": target.stack_name,
        "aws:cloudformation:logical-id": target.logical_id,
        "aws:cloudformation:stack-id": target.stack_id,
    }


def _update_code(code: dict[str, Any]) -> dict[str, Any]:
    if "ZipFile" not in code:
        return dict(code)
    import base64

    packed = LambdaFunction._create_zipfile_from_plaintext_code(code["ZipFile"])
    return {"ZipFile": base64.b64encode(packed)}


class Alias:
    def create(self, target: Target, properties: dict[str, Any]) -> Made:
        alias = _backend(target).create_alias(
            name=properties["Name"],
            function_name=properties["FunctionName"],
            function_version=properties["FunctionVersion"],
            description=properties.get("Description", ""),
            routing_config="",
        )
        return Made(alias.arn, {"AliasArn": alias.arn})

    def update(
        self, target: Target, made: Made, properties: dict[str, Any], old: dict[str, Any]
    ) -> Made:
        if any(properties.get(n) != old.get(n) for n in ("Name", "FunctionName")):
            raise Replaced
        _backend(target).update_alias(
            name=properties["Name"],
            function_name=properties["FunctionName"],
            function_version=properties["FunctionVersion"],
            description=properties.get("Description", ""),
            routing_config="",
        )
        return made

    def delete(self, target: Target, made: Made, properties: dict[str, Any]) -> None:
        _backend(target).delete_alias(properties["Name"], properties["FunctionName"])


class Permission:
    def create(self, target: Target, properties: dict[str, Any]) -> Made:
        function = _backend(target).get_function(properties["FunctionName"])
        statement_id = generated_name(target)
        statement = {"StatementId": statement_id, **properties}
        function.policy.add_statement(raw=json.dumps(statement))
        return Made(statement_id, {"Id": statement_id})

    def update(
        self, target: Target, made: Made, properties: dict[str, Any], old: dict[str, Any]
    ) -> Made:
        self.delete(target, made, old)
        return self.create(target, properties)

    def delete(self, target: Target, made: Made, properties: dict[str, Any]) -> None:
        function = _backend(target).get_function(properties["FunctionName"])
        statements = function.policy.statements
        statements[:] = [s for s in statements if s.get("Sid") != made.physical_id]


class Url:
    def create(self, target: Target, properties: dict[str, Any]) -> Made:
        config = {"AuthType": properties.get("AuthType"), "Cors": properties.get("Cors")}
        url = _backend(target).create_function_url_config(properties["TargetFunctionArn"], config)
        arn = url.function.function_arn
        return Made(arn, {"FunctionArn": arn, "FunctionUrl": url.url.rstrip("/") + "/"})

    def update(
        self, target: Target, made: Made, properties: dict[str, Any], old: dict[str, Any]
    ) -> Made:
        if properties["TargetFunctionArn"] != old["TargetFunctionArn"]:
            raise Replaced
        changed = {"AuthType": properties.get("AuthType"), "Cors": properties.get("Cors")}
        _backend(target).update_function_url_config(made.physical_id, changed)
        return made

    def delete(self, target: Target, made: Made, properties: dict[str, Any]) -> None:
        _backend(target).delete_function_url_config(made.physical_id)
