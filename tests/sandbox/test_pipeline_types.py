"""The types of a pipeline's own stack: all that a template says of them is there, and changes."""

import json

import pytest
from botocore.exceptions import ClientError
from conftest import PIPELINE, REGION
from stacks import (
    ALLOW_LAMBDA,
    att,
    create,
    deploy,
    outputs,
    reasons,
    ref,
    resource,
    status,
    template,
    update,
)

STACK_TAGS = [{"Key": "Project", "Value": "archon"}, {"Key": "ManagedBy", "Value": "aphex"}]
OWN_TAG = {"Key": "Environment", "Value": "dev"}
EVERYTHING = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}],
}


@pytest.fixture
def cfn(sandbox):
    return sandbox.client("cloudformation")


def make(cfn, resources, values=None):
    create(cfn, "s", template(resources, values), Tags=STACK_TAGS)
    assert status(cfn, "s") == "CREATE_COMPLETE", reasons(cfn, "s", "CREATE_FAILED")
    return outputs(cfn, "s")


def change(cfn, resources, values=None, tags=STACK_TAGS):
    update(cfn, "s", template(resources, values), Tags=tags)
    assert status(cfn, "s") == "UPDATE_COMPLETE", reasons(cfn, "s", "UPDATE_FAILED")
    return outputs(cfn, "s")


def remove(cfn):
    cfn.delete_stack(StackName="s")
    assert cfn.describe_stacks()["Stacks"] == []


def as_map(tags):
    """Of tags without those by which a resource names its stack."""
    names = ("Key", "Value") if tags and "Key" in tags[0] else ("TagKey", "TagValue")
    found = {tag[names[0]]: tag[names[1]] for tag in tags}
    return {key: value for key, value in found.items() if not key.startswith("aws:")}


ALL_TAGS = {"Project": "archon", "ManagedBy": "aphex", "Environment": "dev"}


def code_of(call, **more):
    with pytest.raises(ClientError) as caught:
        call(**more)
    return caught.value.response["Error"]["Code"]


# Buckets.

RULES = [
    {
        "Id": "artifacts",
        "Status": "Enabled",
        "Transitions": [{"TransitionInDays": 30, "StorageClass": "INTELLIGENT_TIERING"}],
        "ExpirationInDays": 90,
        "NoncurrentVersionTransitions": [
            {"TransitionInDays": 10, "StorageClass": "GLACIER", "NewerNoncurrentVersions": 2}
        ],
        "NoncurrentVersionExpiration": {"NoncurrentDays": 90},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
    },
    {"Id": "markers", "Status": "Disabled", "ExpiredObjectDeleteMarker": True},
    {
        "Id": "filtered",
        "Status": "Enabled",
        "Prefix": "runs/",
        "TagFilters": [{"Key": "keep", "Value": "no"}],
        "ExpirationInDays": 1,
    },
]


def bucket(**more):
    return resource(
        "AWS::S3::Bucket",
        BucketName="artifacts-of-the-pipeline",
        BucketEncryption={
            "ServerSideEncryptionConfiguration": [
                {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
            ]
        },
        VersioningConfiguration={"Status": "Enabled"},
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": True,
            "BlockPublicPolicy": True,
            "IgnorePublicAcls": True,
            "RestrictPublicBuckets": True,
        },
        OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
        LifecycleConfiguration={"Rules": RULES},
        Tags=[OWN_TAG],
        **more,
    )


def test_a_bucket_is_configured_in_full(cfn, sandbox):
    make(cfn, {"B": bucket()})
    s3, name = sandbox.client("s3"), {"Bucket": "artifacts-of-the-pipeline"}
    encryption = s3.get_bucket_encryption(**name)["ServerSideEncryptionConfiguration"]["Rules"]
    assert encryption[0]["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    rules = s3.get_bucket_lifecycle_configuration(**name)["Rules"]
    assert rules[0] == {
        "ID": "artifacts",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "Transitions": [{"Days": 30, "StorageClass": "INTELLIGENT_TIERING"}],
        "Expiration": {"Days": 90},
        "NoncurrentVersionTransitions": [
            {"NoncurrentDays": 10, "StorageClass": "GLACIER", "NewerNoncurrentVersions": 2}
        ],
        "NoncurrentVersionExpiration": {"NoncurrentDays": 90},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
    }
    assert (rules[1]["Status"], rules[1]["Expiration"]) == (
        "Disabled",
        {"ExpiredObjectDeleteMarker": True},
    )
    assert rules[2]["Filter"]["And"] == {
        "Prefix": "runs/",
        "Tags": [{"Key": "keep", "Value": "no"}],
    }
    assert as_map(s3.get_bucket_tagging(**name)["TagSet"]) == ALL_TAGS


def test_a_bucket_loses_what_its_template_drops(cfn, sandbox):
    key = resource("AWS::KMS::Key", KeyPolicy={"Version": "2012-10-17", "Statement": []})
    make(cfn, {"K": key, "B": bucket()})
    bare = {
        "BucketName": "artifacts-of-the-pipeline",
        "BucketEncryption": {
            "ServerSideEncryptionConfiguration": [
                {
                    "ServerSideEncryptionByDefault": {
                        "SSEAlgorithm": "aws:kms",
                        "KMSMasterKeyID": att("K", "Arn"),
                    },
                    "BucketKeyEnabled": True,
                }
            ]
        },
    }
    change(cfn, {"K": key, "B": resource("AWS::S3::Bucket", **bare)}, tags=STACK_TAGS[:1])
    s3, name = sandbox.client("s3"), {"Bucket": "artifacts-of-the-pipeline"}
    (rule,) = s3.get_bucket_encryption(**name)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    assert rule["BucketKeyEnabled"] is True
    assert s3.get_bucket_versioning(**name)["Status"] == "Suspended"
    assert code_of(s3.get_bucket_lifecycle_configuration, **name) == (
        "NoSuchLifecycleConfiguration"
    )
    assert code_of(s3.get_public_access_block, **name) == "NoSuchPublicAccessBlockConfiguration"
    assert code_of(s3.get_bucket_ownership_controls, **name) == "OwnershipControlsNotFoundError"
    assert as_map(s3.get_bucket_tagging(**name)["TagSet"]) == {"Project": "archon"}
    change(cfn, {"K": key, "B": resource("AWS::S3::Bucket", BucketName=name["Bucket"])}, tags=[])
    (rule,) = s3.get_bucket_encryption(**name)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    assert code_of(s3.get_bucket_tagging, **name) == "NoSuchTagSet"


def test_a_failed_update_gives_a_bucket_back_what_it_had(cfn, sandbox):
    make(cfn, {"B": bucket()})
    broken = {"Q": resource("AWS::SQS::Queue", depends_on="B", QueueName="bad name")}
    bare = resource("AWS::S3::Bucket", BucketName="artifacts-of-the-pipeline")
    update(cfn, "s", template({"B": bare, **broken}), Tags=STACK_TAGS)
    assert status(cfn, "s") == "UPDATE_ROLLBACK_COMPLETE"
    s3, name = sandbox.client("s3"), {"Bucket": "artifacts-of-the-pipeline"}
    assert len(s3.get_bucket_lifecycle_configuration(**name)["Rules"]) == 3
    assert s3.get_bucket_versioning(**name)["Status"] == "Enabled"


def test_a_bucket_policy_changes_and_leaves(cfn, sandbox):
    def policy(sid):
        statement = {
            "Sid": sid,
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": "arn:aws:s3:::artifacts-of-the-pipeline/*",
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
        document = {"Version": "2012-10-17", "Statement": [statement]}
        return resource("AWS::S3::BucketPolicy", Bucket=ref("B"), PolicyDocument=document)

    def sid():
        text = s3.get_bucket_policy(Bucket="artifacts-of-the-pipeline")["Policy"]
        return json.loads(text)["Statement"][0]["Sid"]

    make(cfn, {"B": bucket(), "P": policy("One")})
    s3 = sandbox.client("s3")
    assert sid() == "One"
    change(cfn, {"B": bucket(), "P": policy("Two")})
    assert sid() == "Two"
    change(cfn, {"B": bucket()})
    assert code_of(s3.get_bucket_policy, Bucket="artifacts-of-the-pipeline") == (
        "NoSuchBucketPolicy"
    )


# Secrets.


def test_a_generated_secret_with_its_key_policy_and_tags(cfn, sandbox):
    key = resource("AWS::KMS::Key", KeyPolicy={"Version": "2012-10-17", "Statement": []})

    def secret(description):
        return resource(
            "AWS::SecretsManager::Secret",
            Name="webhook",
            Description=description,
            GenerateSecretString={"PasswordLength": 40, "ExcludePunctuation": True},
            KmsKeyId=ref("K"),
            Tags=[OWN_TAG],
        )

    def policy(action):
        statement = {
            "Effect": "Deny",
            "Principal": "*",
            "Action": action,
            "Resource": "*",
        }
        document = {"Version": "2012-10-17", "Statement": [statement]}
        return resource(
            "AWS::SecretsManager::ResourcePolicy",
            SecretId=ref("S"),
            ResourcePolicy=document,
            BlockPublicPolicy=True,
        )

    parts = {"K": key, "S": secret("one"), "P": policy("secretsmanager:DeleteSecret")}
    found = make(cfn, parts, {"Arn": ref("S"), "Id": att("S", "Id"), "Key": ref("K")})
    assert found["Id"] == found["Arn"]
    manager = sandbox.client("secretsmanager")
    shown = manager.describe_secret(SecretId="webhook")
    assert (shown["KmsKeyId"], shown["Description"]) == (found["Key"], "one")
    assert as_map(shown["Tags"]) == ALL_TAGS
    value = manager.get_secret_value(SecretId="webhook")["SecretString"]
    assert len(value) == 40
    assert value.isalnum()
    document = json.loads(manager.get_resource_policy(SecretId="webhook")["ResourcePolicy"])
    assert document["Statement"][0]["Action"] == "secretsmanager:DeleteSecret"

    changed = {**parts, "S": secret("two"), "P": policy("secretsmanager:PutSecretValue")}
    again = change(cfn, changed, {"Arn": ref("S")}, tags=STACK_TAGS[:1])
    assert again["Arn"] == found["Arn"]
    shown = manager.describe_secret(SecretId="webhook")
    assert shown["Description"] == "two"
    assert as_map(shown["Tags"]) == {"Project": "archon", "Environment": "dev"}
    assert manager.get_secret_value(SecretId="webhook")["SecretString"] == value
    document = json.loads(manager.get_resource_policy(SecretId="webhook")["ResourcePolicy"])
    assert document["Statement"][0]["Action"] == "secretsmanager:PutSecretValue"
    change(cfn, {"K": key, "S": secret("two")})
    assert "ResourcePolicy" not in manager.get_resource_policy(SecretId="webhook")
    remove(cfn)
    assert code_of(manager.describe_secret, SecretId="webhook") == "ResourceNotFoundException"


# Identities.


def test_a_role_with_everything_that_it_can_have(cfn, sandbox):
    boundary = resource("AWS::IAM::ManagedPolicy", PolicyDocument=EVERYTHING)
    own = resource("AWS::IAM::ManagedPolicy", PolicyDocument=EVERYTHING)

    def role(description, seconds, policies):
        return resource(
            "AWS::IAM::Role",
            RoleName="executor",
            Path="/pipelines/",
            Description=description,
            AssumeRolePolicyDocument=ALLOW_LAMBDA,
            MaxSessionDuration=seconds,
            ManagedPolicyArns=[
                "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole",
                ref("Own"),
            ],
            PermissionsBoundary=ref("Boundary"),
            Policies=[{"PolicyName": n, "PolicyDocument": EVERYTHING} for n in policies],
            Tags=[OWN_TAG],
        )

    parts = {"Boundary": boundary, "Own": own, "R": role("one", 7200, ["a", "b"])}
    values = {
        "Arn": att("R", "Arn"),
        "Id": att("R", "RoleId"),
        "Boundary": ref("Boundary"),
        "Own": ref("Own"),
    }
    found = make(cfn, parts, values)
    assert found["Arn"] == f"arn:aws:iam::{PIPELINE}:role/pipelines/executor"
    iam = sandbox.client("iam")
    shown = iam.get_role(RoleName="executor")["Role"]
    assert (shown["Description"], shown["MaxSessionDuration"]) == ("one", 7200)
    assert shown["PermissionsBoundary"]["PermissionsBoundaryArn"] == found["Boundary"]
    assert as_map(shown["Tags"]) == ALL_TAGS
    attached = iam.list_attached_role_policies(RoleName="executor")["AttachedPolicies"]
    assert {p["PolicyArn"] for p in attached} == {
        found["Own"],
        "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole",
    }
    change(cfn, {**parts, "R": role("two", 3600, ["b", "c"])}, values, STACK_TAGS[:1])
    shown = iam.get_role(RoleName="executor")["Role"]
    assert (shown["Description"], shown["MaxSessionDuration"]) == ("two", 3600)
    assert as_map(shown["Tags"]) == {"Project": "archon", "Environment": "dev"}
    assert sorted(iam.list_role_policies(RoleName="executor")["PolicyNames"]) == ["b", "c"]
    document = iam.get_role_policy(RoleName="executor", PolicyName="c")["PolicyDocument"]
    assert document == EVERYTHING
    remove(cfn)
    assert code_of(iam.get_role, RoleName="executor") == "NoSuchEntity"


def test_policies_of_roles_change_in_place(cfn, sandbox):
    roles = {
        name: resource("AWS::IAM::Role", RoleName=name, AssumeRolePolicyDocument=ALLOW_LAMBDA)
        for name in ("one", "two")
    }

    def parts(action, holder):
        document = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}],
        }
        inline = resource(
            "AWS::IAM::Policy", PolicyName="inline", PolicyDocument=document, Roles=[ref(holder)]
        )
        managed = resource(
            "AWS::IAM::ManagedPolicy",
            ManagedPolicyName="managed",
            PolicyDocument=document,
            Roles=[ref(holder)],
        )
        return {**roles, "I": inline, "M": managed}

    found = make(cfn, parts("s3:GetObject", "one"), {"Arn": ref("M")})
    iam = sandbox.client("iam")

    def held_by(name):
        inline = iam.list_role_policies(RoleName=name)["PolicyNames"]
        attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
        return inline, [p["PolicyName"] for p in attached]

    def action_of(name):
        return iam.get_role_policy(RoleName=name, PolicyName="inline")["PolicyDocument"][
            "Statement"
        ][0]["Action"]

    assert held_by("one") == (["inline"], ["managed"])
    again = change(cfn, parts("s3:PutObject", "two"), {"Arn": ref("M")})
    assert again == found
    assert held_by("one") == ([], [])
    assert held_by("two") == (["inline"], ["managed"])
    assert action_of("two") == "s3:PutObject"
    version = iam.get_policy(PolicyArn=found["Arn"])["Policy"]["DefaultVersionId"]
    shown = iam.get_policy_version(PolicyArn=found["Arn"], VersionId=version)["PolicyVersion"]
    assert shown["Document"]["Statement"][0]["Action"] == "s3:PutObject"
    change(cfn, roles)
    assert held_by("two") == ([], [])
    assert iam.list_policies(Scope="Local")["Policies"] == []


def test_an_identity_provider_changes_in_place(cfn, sandbox):
    def provider(audience):
        return resource(
            "AWS::IAM::OIDCProvider",
            Url="https://oidc.example.com/id/A",
            ClientIdList=[audience],
            ThumbprintList=["b" * 40],
            Tags=[OWN_TAG],
        )

    arn = make(cfn, {"P": provider("one")}, {"Arn": att("P", "Arn")})["Arn"]
    change(cfn, {"P": provider("two")}, tags=STACK_TAGS[:1])
    iam = sandbox.client("iam")
    shown = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert shown["ClientIDList"] == ["two"]
    assert as_map(shown["Tags"]) == {"Project": "archon", "Environment": "dev"}
    remove(cfn)
    assert iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == []


# Logs, alarms, dashboards.


def test_a_log_group_with_its_retention_key_and_tags(cfn, sandbox):
    key = resource("AWS::KMS::Key", KeyPolicy={"Version": "2012-10-17", "Statement": []})

    def group(days, **more):
        retention = {"RetentionInDays": days} if days else {}
        return resource(
            "AWS::Logs::LogGroup", LogGroupName="/pipeline", Tags=[OWN_TAG], **retention, **more
        )

    encrypted = {"K": key, "G": group(30, KmsKeyId=att("K", "Arn"))}
    found = make(cfn, encrypted, {"Arn": att("G", "Arn"), "Name": ref("G"), "Key": att("K", "Arn")})
    assert found["Name"] == "/pipeline"
    logs = sandbox.client("logs")

    def shown():
        (only,) = logs.describe_log_groups(logGroupNamePrefix="/pipeline")["logGroups"]
        return only

    assert (shown()["retentionInDays"], shown()["kmsKeyId"]) == (30, found["Key"])
    arn = found["Arn"].removesuffix(":*")
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == ALL_TAGS
    change(cfn, {"K": key, "G": group(None)}, tags=STACK_TAGS[:1])
    assert "retentionInDays" not in shown()
    assert "kmsKeyId" not in shown()
    tags = logs.list_tags_for_resource(resourceArn=arn)["tags"]
    assert tags == {"Project": "archon", "Environment": "dev"}
    remove(cfn)
    assert logs.describe_log_groups()["logGroups"] == []


def metric(name, stat="Sum"):
    return {
        "Metric": {
            "Namespace": "Aphex",
            "MetricName": name,
            "Dimensions": [{"Name": "Pipeline", "Value": "archon"}],
        },
        "Period": 300,
        "Stat": stat,
    }


def test_alarms_of_one_metric_and_of_metric_math(cfn, sandbox):
    def parts(threshold):
        simple = resource(
            "AWS::CloudWatch::Alarm",
            AlarmName="simple",
            AlarmDescription="failures",
            ActionsEnabled=True,
            AlarmActions=[ref("T")],
            OKActions=[ref("T")],
            InsufficientDataActions=[ref("T")],
            ComparisonOperator="GreaterThanOrEqualToThreshold",
            DatapointsToAlarm=1,
            EvaluationPeriods=2,
            MetricName="WorkflowFailed",
            Namespace="Aphex",
            Dimensions=[{"Name": "Pipeline", "Value": "archon"}],
            Period=300,
            Statistic="Sum",
            Threshold=threshold,
            TreatMissingData="notBreaching",
            Unit="Count",
            Tags=[OWN_TAG],
        )
        expression = {
            "Id": "rate",
            "Expression": "100 * failed / runs",
            "Label": "failure rate",
            "ReturnData": True,
        }
        math = resource(
            "AWS::CloudWatch::Alarm",
            AlarmName="math",
            ComparisonOperator="GreaterThanThreshold",
            EvaluationPeriods=1,
            Threshold=threshold,
            Metrics=[
                expression,
                {"Id": "failed", "MetricStat": metric("Failed"), "ReturnData": False},
                {"Id": "runs", "MetricStat": metric("Runs"), "ReturnData": False},
            ],
        )
        return {"T": resource("AWS::SNS::Topic"), "S": simple, "M": math}

    found = make(cfn, parts(5), {"Arn": att("M", "Arn"), "Topic": ref("T")})
    cloudwatch = sandbox.client("cloudwatch")

    def alarm(name):
        (only,) = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
        return only

    simple, math = alarm("simple"), alarm("math")
    assert found["Arn"] == math["AlarmArn"]
    for name in ("AlarmActions", "OKActions", "InsufficientDataActions"):
        assert simple[name] == [found["Topic"]]
    wanted = {
        "AlarmDescription": "failures",
        "ActionsEnabled": True,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "DatapointsToAlarm": 1,
        "EvaluationPeriods": 2,
        "MetricName": "WorkflowFailed",
        "Namespace": "Aphex",
        "Dimensions": [{"Name": "Pipeline", "Value": "archon"}],
        "Period": 300,
        "Statistic": "Sum",
        "Threshold": 5.0,
        "TreatMissingData": "notBreaching",
        "Unit": "Count",
    }
    assert {name: simple.get(name) for name in wanted} == wanted
    tags = cloudwatch.list_tags_for_resource(ResourceARN=simple["AlarmArn"])["Tags"]
    assert as_map(tags) == ALL_TAGS
    by_id = {m["Id"]: m for m in math["Metrics"]}
    assert by_id["rate"]["Expression"] == "100 * failed / runs"
    assert by_id["rate"]["ReturnData"] is True
    assert by_id["failed"]["MetricStat"] == metric("Failed")
    assert by_id["failed"]["ReturnData"] is False
    change(cfn, parts(7), tags=STACK_TAGS[:1])
    assert (alarm("simple")["Threshold"], alarm("math")["Threshold"]) == (7.0, 7.0)
    tags = cloudwatch.list_tags_for_resource(ResourceARN=simple["AlarmArn"])["Tags"]
    assert as_map(tags) == {"Project": "archon", "Environment": "dev"}
    remove(cfn)
    assert cloudwatch.describe_alarms()["MetricAlarms"] == []


def test_a_dashboard_changes_and_goes(cfn, sandbox):
    def board(title):
        widget = {"type": "text", "properties": {"markdown": title}}
        body = {"Fn::Sub": json.dumps({"widgets": [widget]})}
        return {
            "D": resource("AWS::CloudWatch::Dashboard", DashboardName="board", DashboardBody=body)
        }

    make(cfn, board("one in ${AWS::Region}"))
    change(cfn, board("two in ${AWS::Region}"))
    cloudwatch = sandbox.client("cloudwatch")
    body = json.loads(cloudwatch.get_dashboard(DashboardName="board")["DashboardBody"])
    assert body["widgets"][0]["properties"]["markdown"] == f"two in {REGION}"
    remove(cfn)
    assert cloudwatch.list_dashboards()["DashboardEntries"] == []


# Topics.


def test_a_topic_with_policy_and_subscriptions(cfn, sandbox):
    def parts(name, address):
        allow = {
            "Effect": "Allow",
            "Principal": {"Service": "cloudwatch.amazonaws.com"},
            "Action": "sns:Publish",
            "Resource": ref("T"),
        }
        policy = {"Version": "2012-10-17", "Statement": [allow]}
        return {
            "T": resource(
                "AWS::SNS::Topic",
                TopicName="alarms",
                DisplayName=name,
                KmsMasterKeyId="alias/aws/sns",
                Tags=[OWN_TAG],
            ),
            "P": resource("AWS::SNS::TopicPolicy", Topics=[ref("T")], PolicyDocument=policy),
            "S": resource(
                "AWS::SNS::Subscription", TopicArn=ref("T"), Protocol="email", Endpoint=address
            ),
        }

    values = {"Arn": ref("T"), "Name": att("T", "TopicName")}
    found = make(cfn, parts("one", "a@example.com"), values)
    assert found["Name"] == "alarms"
    sns = sandbox.client("sns")
    shown = sns.get_topic_attributes(TopicArn=found["Arn"])["Attributes"]
    assert (shown["DisplayName"], shown["KmsMasterKeyId"]) == ("one", "alias/aws/sns")
    statement = json.loads(shown["Policy"])["Statement"][0]
    assert statement["Resource"] == found["Arn"]
    assert as_map(sns.list_tags_for_resource(ResourceArn=found["Arn"])["Tags"]) == ALL_TAGS
    changed = parts("two", "b@example.com")
    assert change(cfn, changed, values, STACK_TAGS[:1]) == found
    shown = sns.get_topic_attributes(TopicArn=found["Arn"])["Attributes"]
    assert shown["DisplayName"] == "two"
    tags = as_map(sns.list_tags_for_resource(ResourceArn=found["Arn"])["Tags"])
    assert tags == {"Project": "archon", "Environment": "dev"}
    addresses = [s["Endpoint"] for s in sns.list_subscriptions()["Subscriptions"]]
    assert addresses == ["b@example.com"]
    change(cfn, {"T": changed["T"]}, values)
    shown = sns.get_topic_attributes(TopicArn=found["Arn"])["Attributes"]
    assert "cloudwatch.amazonaws.com" not in shown["Policy"]
    remove(cfn)
    assert sns.list_topics()["Topics"] == []


# The audit trail.


def trail_parts(allowed=True, logging=True, selectors=None):
    statements = [
        {
            "Effect": "Allow",
            "Principal": {"Service": "cloudtrail.amazonaws.com"},
            "Action": "s3:GetBucketAcl",
            "Resource": att("B", "Arn"),
        },
        {
            "Effect": "Allow",
            "Principal": {"Service": "cloudtrail.amazonaws.com"},
            "Action": "s3:PutObject",
            "Resource": {"Fn::Sub": "${B.Arn}/audit/AWSLogs/${AWS::AccountId}/*"},
            "Condition": {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}},
        },
    ]
    document = {"Version": "2012-10-17", "Statement": statements if allowed else statements[:1]}
    policy = resource("AWS::S3::BucketPolicy", Bucket=ref("B"), PolicyDocument=document)
    trail = resource(
        "AWS::CloudTrail::Trail",
        depends_on="P",
        TrailName="audit",
        IsLogging=logging,
        S3BucketName=ref("B"),
        S3KeyPrefix="audit",
        EnableLogFileValidation=True,
        IncludeGlobalServiceEvents=False,
        IsMultiRegionTrail=False,
        EventSelectors=selectors
        or [
            {
                "ReadWriteType": "WriteOnly",
                "IncludeManagementEvents": False,
                "DataResources": [
                    {"Type": "AWS::S3::Object", "Values": [{"Fn::Sub": "${B.Arn}/"}]}
                ],
            }
        ],
        Tags=[OWN_TAG],
    )
    bucket_ = resource("AWS::S3::Bucket", BucketName="audit-of-the-pipeline")
    return {"B": bucket_, "P": policy, "T": trail}


def test_a_trail_with_data_events_of_a_bucket(cfn, sandbox):
    values = {"Arn": att("T", "Arn"), "Name": ref("T")}
    found = make(cfn, trail_parts(), values)
    arn = f"arn:aws:cloudtrail:{REGION}:{PIPELINE}:trail/audit"
    assert found == {"Arn": arn, "Name": "audit"}
    trails = sandbox.client("cloudtrail")
    shown = trails.get_trail(Name="audit")["Trail"]
    assert (shown["S3BucketName"], shown["S3KeyPrefix"]) == ("audit-of-the-pipeline", "audit")
    assert shown["LogFileValidationEnabled"] is True
    assert shown["IncludeGlobalServiceEvents"] is False
    assert trails.get_trail_status(Name="audit")["IsLogging"] is True
    (selector,) = trails.get_event_selectors(TrailName="audit")["EventSelectors"]
    assert selector["ReadWriteType"] == "WriteOnly"
    assert selector["DataResources"] == [
        {"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::audit-of-the-pipeline/"]}
    ]
    (listed,) = trails.list_tags(ResourceIdList=[arn])["ResourceTagList"]
    assert as_map(listed["TagsList"]) == ALL_TAGS

    selectors = [{"ReadWriteType": "All", "IncludeManagementEvents": True}]
    assert change(cfn, trail_parts(logging=False, selectors=selectors), values) == found
    assert trails.get_trail_status(Name="audit")["IsLogging"] is False
    (selector,) = trails.get_event_selectors(TrailName="audit")["EventSelectors"]
    assert selector["ReadWriteType"] == "All"
    remove(cfn)
    assert trails.list_trails()["Trails"] == []


def test_a_trail_needs_a_bucket_that_lets_it_write(cfn):
    create(cfn, "s", template(trail_parts(allowed=False)))
    assert status(cfn, "s") == "ROLLBACK_COMPLETE"
    (reason,) = reasons(cfn, "s", "CREATE_FAILED")
    assert reason == (
        "Incorrect S3 bucket policy is detected for bucket: audit-of-the-pipeline"
        " (Service: CloudTrail, Status Code: 400,"
        " Error Code: InsufficientS3BucketPolicyException)"
    )
    cfn.delete_stack(StackName="s")
    parts = trail_parts()
    parts["T"]["Properties"]["S3BucketName"] = "no-such-bucket"
    create(cfn, "s", template(parts))
    (reason,) = reasons(cfn, "s", "CREATE_FAILED")
    assert reason.startswith("S3 bucket no-such-bucket does not exist!")


# Functions and keys.


def test_a_function_has_all_that_its_template_says(cfn, sandbox):
    from bootstraps import ROLE, python_function

    def parts(memory, **more):
        made = python_function(
            sandbox,
            "def handle(e, h):\n    return 1\n",
            Description="provider",
            MemorySize=memory,
            Timeout=60,
            Environment={"Variables": {"STAGE": "b"}},
            Architectures=["x86_64"],
            EphemeralStorage={"Size": 1024},
            Tags=[OWN_TAG],
            **more,
        )
        return {"R": ROLE, "F": made}

    arn = make(cfn, parts(256), {"Arn": att("F", "Arn")})["Arn"]
    functions = sandbox.client("lambda")
    shown = functions.get_function(FunctionName="f")
    wanted = {
        "Runtime": "provided.al2023",
        "Handler": "handler",
        "Description": "provider",
        "MemorySize": 256,
        "Timeout": 60,
        "Environment": {"Variables": {"STAGE": "b"}},
        "Architectures": ["x86_64"],
        "EphemeralStorage": {"Size": 1024},
    }
    configuration = shown["Configuration"]
    assert {name: configuration.get(name) for name in wanted} == wanted
    assert {k: v for k, v in shown["Tags"].items() if not k.startswith("aws:")} == ALL_TAGS
    role = sandbox.client("iam").list_roles()["Roles"][0]["Arn"]
    assert configuration["Role"] == role
    assert change(cfn, parts(512), {"Arn": att("F", "Arn")}, STACK_TAGS[:1]) == {"Arn": arn}
    assert functions.get_function_configuration(FunctionName="f")["MemorySize"] == 512
    tags = functions.list_tags(Resource=arn)["Tags"]
    assert {k: v for k, v in tags.items() if not k.startswith("aws:")} == {
        "Project": "archon",
        "Environment": "dev",
    }
    remove(cfn)
    assert functions.list_functions()["Functions"] == []


def test_a_permission_is_in_the_functions_policy(cfn, sandbox):
    from bootstraps import ROLE, python_function

    function = python_function(sandbox, "def handle(e, h):\n    return 1\n")

    def parts(principal):
        permission = resource(
            "AWS::Lambda::Permission",
            FunctionName=att("F", "Arn"),
            Action="lambda:InvokeFunction",
            Principal=principal,
            SourceAccount=ref("AWS::AccountId"),
            SourceArn="arn:aws:s3:::some-bucket",
        )
        return {"R": ROLE, "F": function, "P": permission}

    make(cfn, parts("s3.amazonaws.com"))
    functions = sandbox.client("lambda")

    def statements():
        return json.loads(functions.get_policy(FunctionName="f")["Policy"])["Statement"]

    (statement,) = statements()
    assert statement["Principal"] == {"Service": "s3.amazonaws.com"}
    assert statement["Resource"] == f"arn:aws:lambda:{REGION}:{PIPELINE}:function:f"
    assert statement["Condition"] == {
        "StringEquals": {"AWS:SourceAccount": PIPELINE},
        "ArnLike": {"AWS:SourceArn": "arn:aws:s3:::some-bucket"},
    }
    change(cfn, parts("sns.amazonaws.com"))
    assert [s["Principal"] for s in statements()] == [{"Service": "sns.amazonaws.com"}]
    change(cfn, {"R": ROLE, "F": function})
    assert code_of(functions.get_policy, FunctionName="f") == "ResourceNotFoundException"


def test_a_key_and_its_alias(cfn, sandbox):
    def parts(description, alias="alias/pipeline"):
        key = resource(
            "AWS::KMS::Key",
            Description=description,
            EnableKeyRotation=True,
            KeyPolicy={
                "Version": "2012-10-17",
                "Statement": [
                    {"Sid": description, "Effect": "Allow", "Principal": "*", "Action": "kms:*"}
                ],
            },
            Tags=[OWN_TAG],
        )
        return {
            "K": key,
            "A": resource("AWS::KMS::Alias", AliasName=alias, TargetKeyId=ref("K")),
        }

    found = make(cfn, parts("one"), {"Id": ref("K"), "Arn": att("K", "Arn"), "Alias": ref("A")})
    assert found["Alias"] == "alias/pipeline"
    kms = sandbox.client("kms")
    assert kms.describe_key(KeyId="alias/pipeline")["KeyMetadata"]["Arn"] == found["Arn"]
    assert kms.get_key_rotation_status(KeyId=found["Id"])["KeyRotationEnabled"] is True
    assert as_map(kms.list_resource_tags(KeyId=found["Id"])["Tags"]) == ALL_TAGS
    change(cfn, parts("two", "alias/renamed"), {"Id": ref("K")}, STACK_TAGS[:1])
    assert kms.describe_key(KeyId=found["Id"])["KeyMetadata"]["Description"] == "two"
    policy = json.loads(kms.get_key_policy(KeyId=found["Id"], PolicyName="default")["Policy"])
    assert policy["Statement"][0]["Sid"] == "two"
    tags = as_map(kms.list_resource_tags(KeyId=found["Id"])["Tags"])
    assert tags == {"Project": "archon", "Environment": "dev"}
    names = {a["AliasName"] for a in kms.list_aliases(KeyId=found["Id"])["Aliases"]}
    assert names == {"alias/renamed"}
    remove(cfn)
    state = kms.describe_key(KeyId=found["Id"])["KeyMetadata"]["KeyState"]
    assert state == "PendingDeletion"


def test_a_parameter_with_everything_that_it_can_have(cfn, sandbox):
    def parameter(value, type_="String"):
        return resource(
            "AWS::SSM::Parameter",
            Name="/pipeline/value",
            Type=type_,
            Value=value,
            Description=f"of {value}",
            AllowedPattern="[a-z,]+",
            Tier="Standard",
            Tags={"Environment": "dev"},
        )

    make(cfn, {"P": parameter("one")})
    ssm = sandbox.client("ssm")
    change(cfn, {"P": parameter("one,two", "StringList")}, tags=STACK_TAGS[:1])
    shown = ssm.get_parameter(Name="/pipeline/value")["Parameter"]
    assert (shown["Type"], shown["Value"], shown["Version"]) == ("StringList", "one,two", 2)
    (described,) = ssm.describe_parameters()["Parameters"]
    assert described["Description"] == "of one,two"
    tags = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId="/pipeline/value")
    assert as_map(tags["TagList"]) == {"Project": "archon", "Environment": "dev"}
    remove(cfn)
    assert ssm.describe_parameters()["Parameters"] == []


def test_every_stack_tag_reaches_what_can_carry_it_and_nothing_else(cfn, sandbox):
    """A stack that only its tags change updates its resources."""
    parts = {
        "B": resource("AWS::S3::Bucket", BucketName="tagged-by-the-stack"),
        "D": resource("AWS::CloudWatch::Dashboard", DashboardName="d", DashboardBody="{}"),
    }
    deploy(cfn, "s", template(parts))
    s3 = sandbox.client("s3")
    assert code_of(s3.get_bucket_tagging, Bucket="tagged-by-the-stack") == "NoSuchTagSet"
    change(cfn, parts)
    tags = as_map(s3.get_bucket_tagging(Bucket="tagged-by-the-stack")["TagSet"])
    assert tags == {"Project": "archon", "ManagedBy": "aphex"}


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (
            resource("AWS::S3::Bucket", Bucketname="x"),
            "#: extraneous key [Bucketname] is not permitted",
        ),
        (
            resource("AWS::Logs::LogGroup", RetentionInDays=8),
            "#/RetentionInDays: 8 is not a valid enum value",
        ),
        (
            resource("AWS::S3::Bucket", VersioningConfiguration={"Status": "On"}),
            "#/VersioningConfiguration/Status: On is not a valid enum value",
        ),
        (
            resource("AWS::CloudTrail::Trail", IsLogging=True, S3BucketName=7.5, Tags="x"),
            "#/Tags: expected type: Array, found: String",
        ),
        (
            resource("AWS::IAM::Role", AssumeRolePolicyDocument=ALLOW_LAMBDA, Arn="x"),
            "#/Arn: is read-only",
        ),
        (
            resource("AWS::Lambda::Permission", Action="lambda:InvokeFunction"),
            "#: required key [FunctionName] not found",
        ),
    ],
)
def test_what_a_type_does_not_know_fails_in_cloudformations_words(cfn, broken, reason):
    create(cfn, "s", template({"X": broken}))
    assert status(cfn, "s") == "ROLLBACK_COMPLETE"
    assert reason in reasons(cfn, "s", "CREATE_FAILED")[0]
    assert "Properties validation failed for resource X" in reasons(cfn, "s", "CREATE_FAILED")[0]


def test_what_only_creation_sets_replaces_and_the_old_one_may_stay(cfn, sandbox):
    def group(name, **more):
        return {"G": {**resource("AWS::Logs::LogGroup", LogGroupName=name), **more}}

    make(cfn, group("/one", UpdateReplacePolicy="Retain"), {"Name": ref("G")})
    found = change(cfn, group("/two", UpdateReplacePolicy="Retain"), {"Name": ref("G")})
    assert found == {"Name": "/two"}
    logs = sandbox.client("logs")
    assert [g["logGroupName"] for g in logs.describe_log_groups()["logGroups"]] == ["/one", "/two"]
