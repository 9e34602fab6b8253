"""CloudTrail trails, with the checks of the bucket that AWS makes."""

import json
from typing import Any

from moto.cloudtrail.models import CloudTrailBackend, Trail, cloudtrail_backends
from moto.s3.models import s3_backends

from .. import trust
from . import tags
from .base import Made, Target, generated_name

_SERVICE = "cloudtrail.amazonaws.com"


def _backend(target: Target) -> CloudTrailBackend:
    return cloudtrail_backends[target.account][target.region]


class TrailType:
    def create(self, target: Target, properties: dict[str, Any]) -> Made:
        name = properties.get("TrailName") or generated_name(target)
        backend = _backend(target)
        if name in backend.trails:
            raise RuntimeError(
                f"Trail {name} already exists for customer: {target.account}"
                " (Service: CloudTrail, Status Code: 400, Error Code: TrailAlreadyExistsException)"
            )
        _check_bucket(target, properties)
        trail = backend.create_trail(
            name=name,
            bucket_name=properties["S3BucketName"],
            s3_key_prefix=properties.get("S3KeyPrefix"),
            sns_topic_name=_topic(properties),
            is_global=_truth(properties, "IncludeGlobalServiceEvents", "true"),
            is_multi_region=_truth(properties, "IsMultiRegionTrail"),
            log_validation=_truth(properties, "EnableLogFileValidation"),
            is_org_trail=_truth(properties, "IsOrganizationTrail"),
            cw_log_group_arn=properties.get("CloudWatchLogsLogGroupArn"),
            cw_role_arn=properties.get("CloudWatchLogsRoleArn"),
            kms_key_id=properties.get("KMSKeyId"),
            tags_list=[],
        )
        self._configure(target, trail, properties)
        return Made(name, {"Arn": trail.arn, "SnsTopicArn": trail.topic_arn or ""})

    def update(
        self, target: Target, made: Made, properties: dict[str, Any], old: dict[str, Any]
    ) -> Made:
        _check_bucket(target, properties)
        trail = _backend(target).get_trail(made.physical_id)
        trail.bucket_name = properties["S3BucketName"]
        trail.s3_key_prefix = properties.get("S3KeyPrefix")
        trail.sns_topic_name = _topic(properties)
        trail.include_global_service_events = _truth(
            properties, "IncludeGlobalServiceEvents", "true"
        )
        trail.is_multi_region = _truth(properties, "IsMultiRegionTrail")
        trail.log_validation = _truth(properties, "EnableLogFileValidation")
        trail.cw_log_group_arn = properties.get("CloudWatchLogsLogGroupArn")
        trail.cw_role_arn = properties.get("CloudWatchLogsRoleArn")
        trail.kms_key_id = properties.get("KMSKeyId")
        self._configure(target, trail, properties)
        return made

    def delete(self, target: Target, made: Made, properties: dict[str, Any]) -> None:
        _backend(target).trails.pop(made.physical_id, None)

    @staticmethod
    def _configure(target: Target, trail: Trail, properties: dict[str, Any]) -> None:
        trail.event_selectors = [_selector(s) for s in properties.get("EventSelectors", [])]
        trail.advanced_event_selectors = properties.get("AdvancedEventSelectors", [])
        trail.insight_selectors = properties.get("InsightSelectors", [])
        wanted = _truth(properties, "IsLogging")
        if wanted and not trail.status.is_logging:
            trail.start_logging()
        elif not wanted and trail.status.is_logging:
            trail.stop_logging()
        backend = _backend(target)
        backend.tagging_service.delete_all_tags_for_resource(trail.arn)
        backend.tagging_service.tag_resource(trail.arn, tags.as_list(properties.get("Tags")))


def _selector(given: dict[str, Any]) -> dict[str, Any]:
    return {
        "ReadWriteType": given.get("ReadWriteType", "All"),
        "IncludeManagementEvents": _truth(given, "IncludeManagementEvents", "true"),
        "DataResources": given.get("DataResources", []),
        "ExcludeManagementEventSources": given.get("ExcludeManagementEventSources", []),
    }


def _check_bucket(target: Target, properties: dict[str, Any]) -> None:
    """CloudTrail must be let to read the bucket's ACL and to write below its prefix."""
    name = properties["S3BucketName"]
    bucket = s3_backends[target.account][target.partition].buckets.get(name)
    if bucket is None:
        raise RuntimeError(
            f"S3 bucket {name} does not exist! (Service: CloudTrail, Status Code: 404,"
            " Error Code: S3BucketDoesNotExistException)"
        )
    prefix = properties.get("S3KeyPrefix")
    folder = f"{prefix}/AWSLogs" if prefix else "AWSLogs"
    place = f"arn:{target.partition}:s3:::{name}"
    log_file = f"{place}/{folder}/{target.account}/CloudTrail/log"
    policy = json.loads(bucket.policy) if bucket.policy else {}
    trail_name = properties.get("TrailName") or "*"
    context: trust.Context = {
        "s3:x-amz-acl": "bucket-owner-full-control",
        "aws:SecureTransport": "true",
        "aws:SourceAccount": target.account,
        "aws:SourceArn": target.arn("cloudtrail", f"trail/{trail_name}"),
    }
    for action, resource in (("s3:GetBucketAcl", place), ("s3:PutObject", log_file)):
        caller = trust.Principal("Service", "", (_SERVICE,), target.partition)
        if not trust.allows(policy, trust.Request(action, caller, context, resource)):
            raise RuntimeError(
                f"Incorrect S3 bucket policy is detected for bucket: {name} (Service: CloudTrail,"
                " Status Code: 400, Error Code: InsufficientS3BucketPolicyException)"
            )


def _topic(properties: dict[str, Any]) -> str | None:
    name = properties.get("SnsTopicName")
    return str(name).rpartition(":")[2] if name else None


def _truth(properties: dict[str, Any], name: str, default: str = "false") -> bool:
    return str(properties.get(name, default)).lower() == "true"
