"""AWS's own schemas: what they refuse, what they replace, which types carry the stack's tags."""

import pytest
from stacks import ALLOW_LAMBDA, create, deploy, reasons, ref, resource, status, template
from tagged_stacks import as_map, change, code_of, make


@pytest.fixture
def cfn(sandbox):
    return sandbox.client("cloudformation")


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
