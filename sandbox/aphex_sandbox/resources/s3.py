"""S3: what moto leaves out of a bucket, and bucket policies."""

import json
import re
from typing import Any

from moto.s3.models import FakeBucket, S3Backend, s3_backends
from moto.s3.cloud_formation import cfn_to_api_encryption

from . import tags
from .base import Made, MotoType, Replaced, Target, physical_name


def _backend(target: Target) -> S3Backend:
    return s3_backends[target.account][target.partition]


class Bucket(MotoType):
    def __init__(self) -> None:
        super().__init__(FakeBucket)

    def create(self, target: Target, properties: dict[str, Any]) -> Made:
        if not is_bucket_name(physical_name(target, properties)):
            raise RuntimeError(
                "The specified bucket is not valid. (Service: S3, Status Code: 400,"
                " Error Code: InvalidBucketName)"
            )
        made = super().create(target, {k: v for k, v in properties.items() if k not in _LATER})
        try:
            _configure(_backend(target), made.physical_id, properties)
        except Exception:
            _backend(target).delete_bucket(made.physical_id)
            raise
        return made

    def update(
        self, target: Target, made: Made, properties: dict[str, Any], old: dict[str, Any]
    ) -> Made:
        if properties.get("BucketName") != old.get("BucketName"):
            raise Replaced
        backend, name = _backend(target), made.physical_id
        if "VersioningConfiguration" in old and "VersioningConfiguration" not in properties:
            backend.put_bucket_versioning(name, "Suspended")  # what was on can only be suspended
        _configure(backend, name, properties)
        return made

    def delete(self, target: Target, made: Made, properties: dict[str, Any]) -> None:
        backend = _backend(target)
        if made.physical_id not in backend.buckets:
            return
        if backend.delete_bucket(made.physical_id) is None:
            raise RuntimeError(
                "The bucket you tried to delete is not empty (Service: S3, Status Code: 409)"
            )


# What S3 does without being told.
_ENCRYPTION = {
    "ServerSideEncryptionConfiguration": [
        {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    ]
}
# Made by _configure, with what moto leaves out.
_LATER = ("BucketEncryption", "Tags")
_BUCKET_NAME = re.compile(r"(?!\d+\.\d+\.\d+\.\d+$)[a-z0-9](?!.*\.\.)[a-z0-9.-]{1,61}[a-z0-9]")
_RESERVED_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
_RESERVED_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")


def is_bucket_name(name: str) -> bool:
    """By S3's naming rules; moto accepts more."""
    return (
        _BUCKET_NAME.fullmatch(name) is not None
        and not name.startswith(_RESERVED_PREFIXES)
        and not name.endswith(_RESERVED_SUFFIXES)
    )


def _configure(backend: S3Backend, name: str, properties: dict[str, Any]) -> None:
    bucket = backend.get_bucket(name)
    status = properties.get("VersioningConfiguration", {}).get("Status")
    if status:
        backend.put_bucket_versioning(name, status)
    rules = properties.get("LifecycleConfiguration", {}).get("Rules", [])
    if rules:
        backend.put_bucket_lifecycle(name, [_lifecycle_rule(r) for r in rules])
    else:
        bucket.delete_lifecycle()
    wanted = properties.get("BucketEncryption", _ENCRYPTION)
    rule = wanted["ServerSideEncryptionConfiguration"][0]
    encryption = cfn_to_api_encryption(wanted)
    encryption["Rule"]["BucketKeyEnabled"] = str(rule.get("BucketKeyEnabled", False)).lower()
    backend.put_bucket_encryption(name, encryption)
    if "PublicAccessBlockConfiguration" in properties:
        block = properties["PublicAccessBlockConfiguration"]
        names = (
            "BlockPublicAcls",
            "IgnorePublicAcls",
            "BlockPublicPolicy",
            "RestrictPublicBuckets",
        )
        backend.put_public_access_block(
            name, {n: str(_truth(block.get(n, False))).lower() for n in names}
        )
    else:
        backend.delete_public_access_block(name)
    ownership = properties.get("OwnershipControls", {}).get("Rules", [])
    bucket.ownership_rule = ownership[0]["ObjectOwnership"] if ownership else None
    backend.put_bucket_tagging(name, tags.as_map(properties.get("Tags")))
    if "CorsConfiguration" in properties:
        rules = properties["CorsConfiguration"].get("CorsRules", [])
        backend.put_bucket_cors(name, [_cors_rule(r) for r in rules])
    else:
        bucket.delete_cors()
    if "WebsiteConfiguration" in properties:
        backend.put_bucket_website(name, _website(properties["WebsiteConfiguration"]))
    else:
        backend.delete_bucket_website(name)


def _lifecycle_rule(rule: dict[str, Any]) -> dict[str, Any]:
    """From CloudFormation's names to those of the S3 API, which moto expects."""
    made: dict[str, Any] = {"ID": rule.get("Id", "rule"), "Status": rule.get("Status", "Enabled")}
    made["Filter"] = _filter(rule)
    expiration = {
        api: str(rule[cfn]).lower() if cfn.startswith("Expired") else rule[cfn]
        for cfn, api in (
            ("ExpirationInDays", "Days"),
            ("ExpirationDate", "Date"),
            ("ExpiredObjectDeleteMarker", "ExpiredObjectDeleteMarker"),
        )
        if cfn in rule
    }
    if expiration:
        made["Expiration"] = expiration
    days = rule.get("NoncurrentVersionExpirationInDays") or rule.get(
        "NoncurrentVersionExpiration", {}
    ).get("NoncurrentDays")
    if days:
        made["NoncurrentVersionExpiration"] = {"NoncurrentDays": days}
    if "AbortIncompleteMultipartUpload" in rule:
        made["AbortIncompleteMultipartUpload"] = rule["AbortIncompleteMultipartUpload"]
    transitions = [*rule.get("Transitions", []), *_listed(rule.get("Transition"))]
    made["Transition"] = [
        {
            "Days": t.get("TransitionInDays"),
            "Date": t.get("TransitionDate"),
            "StorageClass": t["StorageClass"],
        }
        for t in transitions
    ]
    noncurrent = [
        *rule.get("NoncurrentVersionTransitions", []),
        *_listed(rule.get("NoncurrentVersionTransition")),
    ]
    made["NoncurrentVersionTransition"] = [
        {
            "NoncurrentDays": t["TransitionInDays"],
            "StorageClass": t["StorageClass"],
            "NewerNoncurrentVersions": t.get("NewerNoncurrentVersions"),
        }
        for t in noncurrent
    ]
    return made


def _filter(rule: dict[str, Any]) -> dict[str, Any]:
    prefix, tags_ = rule.get("Prefix"), rule.get("TagFilters", [])
    if not tags_:
        return {"Prefix": prefix or ""}
    if len(tags_) == 1 and not prefix:
        return {"Tag": tags_[0]}
    return {"And": {"Tag": tags_, **({"Prefix": prefix} if prefix else {})}}


def _listed(value: Any) -> list[Any]:
    return [] if value is None else [value]


def _cors_rule(rule: dict[str, Any]) -> dict[str, Any]:
    names = {
        "AllowedHeaders": "AllowedHeader",
        "AllowedMethods": "AllowedMethod",
        "AllowedOrigins": "AllowedOrigin",
        "ExposedHeaders": "ExposeHeader",
        "MaxAge": "MaxAgeSeconds",
    }
    return {api: rule[cfn] for cfn, api in names.items() if cfn in rule}


def _website(configuration: dict[str, Any]) -> bytes:
    from xml.sax.saxutils import escape

    index = configuration.get("IndexDocument")
    error = configuration.get("ErrorDocument")
    parts = []
    if index:
        parts.append(f"<IndexDocument><Suffix>{escape(index)}</Suffix></IndexDocument>")
    if error:
        parts.append(f"<ErrorDocument><Key>{escape(error)}</Key></ErrorDocument>")
    body = "".join(parts)
    return f"<WebsiteConfiguration>{body}</WebsiteConfiguration>".encode()


def _truth(value: Any) -> bool:
    return str(value).lower() == "true"


class BucketPolicy:
    def create(self, target: Target, properties: dict[str, Any]) -> Made:
        document = json.dumps(properties["PolicyDocument"]).encode()
        _backend(target).put_bucket_policy(properties["Bucket"], document)
        return Made(properties["Bucket"])

    def update(
        self, target: Target, made: Made, properties: dict[str, Any], old: dict[str, Any]
    ) -> Made:
        return self.create(target, properties)

    def delete(self, target: Target, made: Made, properties: dict[str, Any]) -> None:
        backend = _backend(target)
        if made.physical_id in backend.buckets:
            backend.delete_bucket_policy(made.physical_id)
