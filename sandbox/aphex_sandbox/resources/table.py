"""From a type's name to the code that makes it; ours first, then moto's."""

import logging
from typing import Any

from moto.cloudformation import parsing

from ..custom_resources import CustomResource
from ..settings import SETTINGS
from . import (
    apigateway,
    audit,
    dynamodb,
    functions,
    iam,
    kms,
    logs,
    messaging,
    monitoring,
    nested,
    s3,
    secrets,
    ssm,
)
from .base import Made, MotoType, ResourceType, Target

_LOG = logging.getLogger(__name__)


class Ignored:
    """Types that exist in templates only."""

    def create(self, target: Target, properties: dict[str, Any]) -> Made:
        return Made(target.logical_id)

    def update(
        self, target: Target, made: Made, properties: dict[str, Any], old: dict[str, Any]
    ) -> Made:
        return made

    def delete(self, target: Target, made: Made, properties: dict[str, Any]) -> None:
        return


class UnsupportedType(Exception):
    pass


_TYPES: dict[str, ResourceType] = {
    "AWS::ApiGateway::Account": Ignored(),
    "AWS::ApiGateway::Deployment": apigateway.Deployment(),
    "AWS::ApiGateway::Method": apigateway.Method(),
    "AWS::ApiGateway::Resource": apigateway.Resource(),
    "AWS::ApiGateway::RestApi": apigateway.RestApi(),
    "AWS::ApiGateway::Stage": apigateway.Stage(),
    "AWS::CDK::Metadata": Ignored(),
    "AWS::CloudFormation::CustomResource": CustomResource(),
    "AWS::CloudFormation::Stack": nested.NestedStack(),
    "AWS::CloudFormation::WaitCondition": Ignored(),
    "AWS::CloudFormation::WaitConditionHandle": Ignored(),
    "AWS::CloudTrail::Trail": audit.TrailType(),
    "AWS::CloudWatch::Alarm": monitoring.Alarm(),
    "AWS::CloudWatch::Dashboard": monitoring.Dashboard(),
    "AWS::DynamoDB::Table": dynamodb.Table(),
    "AWS::IAM::ManagedPolicy": iam.ManagedPolicy(),
    "AWS::IAM::OIDCProvider": iam.OidcProvider(),
    "AWS::IAM::Role": iam.Role(),
    "AWS::KMS::Alias": kms.Alias(),
    "AWS::KMS::Key": kms.Key(),
    "AWS::Lambda::Alias": functions.Alias(),
    "AWS::Lambda::EventInvokeConfig": Ignored(),
    "AWS::Lambda::Function": functions.Function(),
    "AWS::Lambda::Permission": functions.Permission(),
    "AWS::Lambda::Url": functions.Url(),
    "AWS::Logs::LogGroup": logs.LogGroup(),
    "AWS::S3::Bucket": s3.Bucket(),
    "AWS::S3::BucketPolicy": s3.BucketPolicy(),
    "AWS::SNS::Subscription": messaging.Subscription(),
    "AWS::SNS::Topic": messaging.Topic(),
    "AWS::SNS::TopicPolicy": messaging.TopicPolicy(),
    "AWS::SQS::QueuePolicy": messaging.QueuePolicy(),
    "AWS::SSM::Parameter": ssm.Parameter(),
    "AWS::SecretsManager::ResourcePolicy": secrets.ResourcePolicy(),
    "AWS::SecretsManager::Secret": secrets.Secret(),
}


def lookup(type_name: str) -> ResourceType:
    if type_name in _TYPES:
        return _TYPES[type_name]
    if type_name.startswith("Custom::"):
        return CustomResource()
    model = parsing.get_model_map().get(type_name)
    if model is not None:
        return MotoType(model)
    if SETTINGS.lenient:
        _LOG.warning("resource type %s is not supported by the sandbox: ignored", type_name)
        return Ignored()
    raise UnsupportedType(
        f"resource type {type_name} is not supported by the sandbox (APHEX_SANDBOX_LENIENT=1 when"
        " the sandbox starts leaves such resources out)"
    )
