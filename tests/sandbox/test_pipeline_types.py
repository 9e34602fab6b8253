"""The types of a pipeline's own stack: all that a template says of them is there, and changes."""

import json

import pytest
from conftest import PIPELINE
from stacks import ALLOW_LAMBDA, att, ref, resource, status, template, update
from tagged_stacks import (
    ALL_TAGS,
    EVERYTHING,
    OWN_TAG,
    STACK_TAGS,
    as_map,
    change,
    code_of,
    make,
    remove,
)


@pytest.fixture
def cfn(sandbox):
    return sandbox.client("cloudformation")


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
