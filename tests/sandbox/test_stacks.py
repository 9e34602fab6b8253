"""Stacks: outputs, events, failures, rollbacks, imports, change sets."""

import json

import pytest
from botocore.exceptions import ClientError
from conftest import PIPELINE
from stacks import (
    ALLOW_LAMBDA,
    att,
    create,
    deploy,
    describe,
    events,
    outputs,
    reasons,
    ref,
    resource,
    status,
    template,
    update,
)

TOPIC = resource("AWS::SNS::Topic")
QUEUE = resource("AWS::SQS::Queue")


@pytest.fixture
def cfn(sandbox):
    return sandbox.client("cloudformation")


def refusal(call, *arguments, **more):
    with pytest.raises(ClientError) as caught:
        call(*arguments, **more)
    return caught.value.response["Error"]


def bucket(name, **more):
    return resource("AWS::S3::Bucket", BucketName=name, **more)


def test_a_stack_has_its_outputs_and_events_in_order(cfn):
    body = template(
        {"Topic": TOPIC, "Alarmed": resource("AWS::SQS::Queue", depends_on="Topic")},
        {"Arn": ref("Topic"), "QueueArn": att("Alarmed", "Arn")},
    )
    found = deploy(cfn, "one", body)
    assert found["Arn"].startswith(f"arn:aws:sns:us-east-1:{PIPELINE}:one-Topic-")
    assert found["QueueArn"].startswith(f"arn:aws:sqs:us-east-1:{PIPELINE}:one-Alarmed-")
    assert events(cfn, "one") == [
        ("one", "CREATE_IN_PROGRESS"),
        ("Topic", "CREATE_IN_PROGRESS"),
        ("Topic", "CREATE_COMPLETE"),
        ("Alarmed", "CREATE_IN_PROGRESS"),
        ("Alarmed", "CREATE_COMPLETE"),
        ("one", "CREATE_COMPLETE"),
    ]
    raw = cfn.describe_stack_events(StackName="one")["StackEvents"]
    times = [e["Timestamp"] for e in reversed(raw)]
    assert times == sorted(set(times))


def test_resources_are_listed_with_their_own_status(cfn):
    deploy(cfn, "one", template({"Topic": TOPIC}))
    found = cfn.describe_stack_resources(StackName="one")["StackResources"]
    assert [(r["LogicalResourceId"], r["ResourceStatus"]) for r in found] == [
        ("Topic", "CREATE_COMPLETE")
    ]
    listed = cfn.list_stack_resources(StackName="one")["StackResourceSummaries"]
    assert listed[0]["PhysicalResourceId"].startswith("arn:aws:sns:")


def test_a_failing_create_says_why_and_rolls_back_what_it_made(cfn, sandbox):
    deploy(cfn, "first", template({"B": bucket("taken-name")}))
    body = template({"Q": QUEUE, "B": {**bucket("taken-name"), "DependsOn": "Q"}})
    create(cfn, "second", body)
    assert status(cfn, "second") == "ROLLBACK_COMPLETE"
    assert events(cfn, "second")[-6:] == [
        ("B", "CREATE_IN_PROGRESS"),
        ("B", "CREATE_FAILED"),
        ("second", "ROLLBACK_IN_PROGRESS"),
        ("Q", "DELETE_IN_PROGRESS"),
        ("Q", "DELETE_COMPLETE"),
        ("second", "ROLLBACK_COMPLETE"),
    ]
    assert "bucket" in reasons(cfn, "second", "CREATE_FAILED")[0]
    assert reasons(cfn, "second", "ROLLBACK_IN_PROGRESS") == [
        "The following resource(s) failed to create: [B]. Rollback requested by user."
    ]
    assert sandbox.client("sqs").list_queues().get("QueueUrls", []) == []


def role(name, **more):
    return resource("AWS::IAM::Role", RoleName=name, AssumeRolePolicyDocument=ALLOW_LAMBDA, **more)


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (bucket("Bad_Name"), "#/BucketName: failed validation constraint for keyword [pattern]"),
        (bucket("xn--reserved"), "bucket is not valid"),
        (resource("AWS::SQS::Queue", QueueName="bad name"), "alphanumeric"),
        (
            resource(
                "AWS::SSM::Parameter", Name={"Fn::ImportValue": "nobody"}, Type="String", Value="1"
            ),
            "No export named nobody found.",
        ),
        (
            resource("AWS::Nothing::Known"),
            "resource type AWS::Nothing::Known is not supported by the sandbox"
            " (APHEX_SANDBOX_LENIENT=1 when the sandbox starts leaves such resources out)",
        ),
        (resource("AWS::SNS::Subscription", Protocol="sqs"), "required key [TopicArn] not found"),
        (
            resource(
                "AWS::Lambda::Function",
                Runtime="nodejs20.x",
                Handler="i.h",
                Role="nonsense",
                Code={"ZipFile": "x"},
            ),
            "role",
        ),
        (
            resource("AWS::S3::BucketPolicy", Bucket="missing-bucket", PolicyDocument={}),
            "does not exist",
        ),
        (
            resource("AWS::SQS::QueuePolicy", Queues=["http://x/none"], PolicyDocument={}),
            "does not exist",
        ),
    ],
)
def test_each_real_mistake_fails_with_its_own_reason(cfn, broken, reason):
    create(cfn, "broken", template({"X": broken}))
    assert status(cfn, "broken") == "ROLLBACK_COMPLETE"
    assert reason.lower() in reasons(cfn, "broken", "CREATE_FAILED")[0].lower()


def test_a_role_that_exists_fails_by_name_and_leaves_the_old_one(cfn, sandbox):
    deploy(cfn, "first", template({"R": role("worker")}))
    create(cfn, "second", template({"R": role("worker")}))
    assert "worker already exists" in reasons(cfn, "second", "CREATE_FAILED")[0]
    assert sandbox.client("iam").get_role(RoleName="worker")


def test_an_unsupported_attribute_is_named(cfn):
    resources = {"T": TOPIC, "Q": resource("AWS::SQS::Queue", QueueName=att("T", "Colour"))}
    create(cfn, "broken", template(resources))
    assert "attribute Colour of resource T" in reasons(cfn, "broken", "CREATE_FAILED")[0]


def test_after_a_rollback_only_deletion_helps(cfn):
    create(cfn, "s", template({"B": bucket("Bad_Name")}))
    error = refusal(update, cfn, "s", template({"T": TOPIC}))
    assert "is in ROLLBACK_COMPLETE state and can not be updated" in error["Message"]
    cfn.delete_stack(StackName="s")
    deploy(cfn, "s", template({"T": TOPIC}))


def test_without_rollback_a_failed_create_stays(cfn):
    create(cfn, "s", template({"T": TOPIC, "B": bucket("Bad_Name")}), DisableRollback=True)
    assert status(cfn, "s") == "CREATE_FAILED"


def test_an_update_that_changes_nothing_is_refused(cfn):
    deploy(cfn, "s", template({"T": TOPIC}))
    error = refusal(update, cfn, "s", template({"T": TOPIC}))
    assert error["Message"] == "No updates are to be performed."


def test_an_update_adds_changes_and_removes(cfn, sandbox):
    old = {"Q": resource("AWS::SQS::Queue", VisibilityTimeout=10), "Gone": TOPIC}
    deploy(cfn, "s", template(old))
    new = {
        "Q": resource("AWS::SQS::Queue", VisibilityTimeout=20),
        "P": resource("AWS::SSM::Parameter", Type="String", Name="/p", Value=att("Q", "QueueName")),
    }
    update(cfn, "s", template(new, {"Name": ref("P")}))
    assert status(cfn, "s") == "UPDATE_COMPLETE"
    assert outputs(cfn, "s") == {"Name": "/p"}
    names = [e for e in events(cfn, "s") if e[0] in ("Q", "P", "Gone")][4:]
    assert names == [
        ("Q", "UPDATE_IN_PROGRESS"),
        ("Q", "UPDATE_COMPLETE"),
        ("P", "CREATE_IN_PROGRESS"),
        ("P", "CREATE_COMPLETE"),
        ("Gone", "DELETE_IN_PROGRESS"),
        ("Gone", "DELETE_COMPLETE"),
    ]
    assert sandbox.client("sns").list_topics()["Topics"] == []


def test_a_failing_update_goes_back_to_what_was(cfn, sandbox):
    value = {"P": resource("AWS::SSM::Parameter", Type="String", Name="/p", Value="old")}
    deploy(cfn, "s", template(value, {"V": att("P", "Value")}))
    broken = {
        "P": resource("AWS::SSM::Parameter", Type="String", Name="/p", Value="new"),
        "B": {**bucket("Bad_Name"), "DependsOn": "P"},
    }
    update(cfn, "s", template(broken, {"V": att("P", "Value")}))
    assert status(cfn, "s") == "UPDATE_ROLLBACK_COMPLETE"
    assert outputs(cfn, "s") == {"V": "old"}
    ssm = sandbox.client("ssm")
    assert ssm.get_parameter(Name="/p")["Parameter"]["Value"] == "old"
    order = [s for name, s in events(cfn, "s") if name == "s"]
    assert order[2:] == [
        "UPDATE_IN_PROGRESS",
        "UPDATE_ROLLBACK_IN_PROGRESS",
        "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
        "UPDATE_ROLLBACK_COMPLETE",
    ]
    update(cfn, "s", template(value, {"V": att("P", "Value")}, Description="again"))
    assert status(cfn, "s") == "UPDATE_COMPLETE"


def test_a_change_of_name_replaces_and_what_refers_to_it_follows(cfn, sandbox):
    def body(name):
        policy = {"Version": "2012-10-17", "Statement": []}
        return template(
            {
                "B": bucket(name),
                "P": resource("AWS::S3::BucketPolicy", Bucket=ref("B"), PolicyDocument=policy),
            },
            {"Name": ref("B")},
        )

    deploy(cfn, "s", body("first-name"))
    update(cfn, "s", body("second-name"))
    assert status(cfn, "s") == "UPDATE_COMPLETE"
    assert outputs(cfn, "s") == {"Name": "second-name"}
    s3 = sandbox.client("s3")
    assert [b["Name"] for b in s3.list_buckets()["Buckets"]] == ["second-name"]
    assert json.loads(s3.get_bucket_policy(Bucket="second-name")["Policy"])


def exporter(value="1"):
    parameter = resource("AWS::SSM::Parameter", Type="String", Name="/x", Value=value)
    return template(
        {"P": parameter}, {"X": {"Value": att("P", "Value"), "Export": {"Name": "shared"}}}
    )


IMPORTER = template(
    {
        "P": resource(
            "AWS::SSM::Parameter", Type="String", Name="/y", Value={"Fn::ImportValue": "shared"}
        )
    }
)


def test_an_export_in_use_can_be_neither_deleted_nor_changed(cfn):
    deploy(cfn, "giver", exporter())
    deploy(cfn, "taker", IMPORTER)
    assert cfn.list_imports(ExportName="shared")["Imports"] == ["taker"]
    cfn.delete_stack(StackName="giver")
    assert status(cfn, "giver") == "DELETE_FAILED"
    assert describe(cfn, "giver")["StackStatusReason"] == (
        "Delete canceled. Cannot delete export shared as it is in use by taker."
    )
    cfn.delete_stack(StackName="taker")
    cfn.delete_stack(StackName="giver")
    assert cfn.list_exports()["Exports"] == []


def test_an_export_in_use_survives_an_update_that_would_change_it(cfn):
    deploy(cfn, "giver", exporter())
    deploy(cfn, "taker", IMPORTER)
    update(cfn, "giver", exporter("2"))
    assert status(cfn, "giver") == "UPDATE_ROLLBACK_COMPLETE"
    assert reasons(cfn, "giver", "UPDATE_ROLLBACK_IN_PROGRESS") == [
        "Cannot update export shared as it is in use by taker."
    ]
    assert cfn.list_exports()["Exports"][0]["Value"] == "1"


def test_two_stacks_cannot_export_one_name(cfn):
    deploy(cfn, "giver", exporter())
    other = template({"T": TOPIC}, {"X": {"Value": "v", "Export": {"Name": "shared"}}})
    create(cfn, "rival", other)
    assert status(cfn, "rival") == "ROLLBACK_COMPLETE"
    assert "already exported by stack giver" in describe_rollback(cfn, "rival")


def describe_rollback(cfn, name):
    return reasons(cfn, name, "ROLLBACK_IN_PROGRESS")[0]


def test_a_bucket_with_objects_keeps_its_stack(cfn, sandbox):
    deploy(cfn, "s", template({"B": bucket("full")}))
    s3 = sandbox.client("s3")
    s3.put_object(Bucket="full", Key="k", Body=b"v")
    cfn.delete_stack(StackName="s")
    assert status(cfn, "s") == "DELETE_FAILED"
    assert "not empty" in reasons(cfn, "s", "DELETE_FAILED")[0]
    s3.delete_object(Bucket="full", Key="k")
    cfn.delete_stack(StackName="s")
    assert "does not exist" in refusal(describe, cfn, "s")["Message"]


def test_what_is_retained_outlives_its_stack(cfn, sandbox):
    deploy(cfn, "s", template({"B": {**bucket("kept"), "DeletionPolicy": "Retain"}}))
    cfn.delete_stack(StackName="s")
    assert sandbox.client("s3").head_bucket(Bucket="kept")
    create(cfn, "s", template({"B": bucket("kept")}))
    assert status(cfn, "s") == "ROLLBACK_COMPLETE"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("{", "Template format error"),
        ("{}", "At least one Resources member must be defined."),
        (
            template({"T": resource("AWS::SNS::Topic", TopicName=ref("Nobody"))}),
            "Unresolved resource dependencies [Nobody] in the Resources block",
        ),
        (
            template({"T": TOPIC}, {"O": ref("Nobody")}),
            "Unresolved resource dependencies [Nobody] in the Outputs block",
        ),
        (
            template(
                {
                    "A": resource("AWS::SNS::Topic", depends_on="B"),
                    "B": resource("AWS::SNS::Topic", depends_on="A"),
                }
            ),
            "Circular dependency between resources: [A, B]",
        ),
        (
            template({"T": TOPIC}, Parameters={"P": {"Type": "String"}}),
            "Parameters: [P] must have values",
        ),
        (
            template({"T": resource("AWS::SNS::Topic", DisplayName="x" * 52_000)}),
            "less than or equal to 51200",
        ),
    ],
)
def test_a_bad_template_is_refused_before_anything_exists(cfn, body, message):
    assert message in refusal(create, cfn, "s", body)["Message"]
    assert cfn.describe_stacks()["Stacks"] == []


def test_iam_needs_its_capability(cfn):
    error = refusal(cfn.create_stack, StackName="s", TemplateBody=template({"R": role("r")}))
    assert error["Code"] == "InsufficientCapabilitiesException"
    assert error["Message"] == "Requires capabilities : [CAPABILITY_NAMED_IAM]"


def test_a_service_role_must_trust_cloudformation(cfn):
    arn = f"arn:aws:iam::{PIPELINE}:role/nobody"
    error = refusal(create, cfn, "s", template({"T": TOPIC}), RoleARN=arn)
    assert error["Message"] == f"Role {arn} is invalid or cannot be assumed"


def test_intrinsic_functions_and_conditions(cfn):
    outputs_ = {
        "Joined": {"Fn::Join": ["-", ["a", ref("AWS::Region"), {"Fn::Select": [1, ["x", "y"]]}]]},
        "Subbed": {"Fn::Sub": ["${P}/${Own}/${!Literal}/${T.TopicName}", {"Own": "o"}]},
        "Mapped": {"Fn::FindInMap": ["M", "top", "second"]},
        "Chosen": {"Fn::If": ["IsProd", "prod", "other"]},
        "Zones": {"Fn::Join": [",", {"Fn::GetAZs": ""}]},
        "Secret": "{{resolve:ssm:/known}}",
        "Absent": {"Value": "x", "Condition": "IsProd"},
    }
    parameter = resource("AWS::SSM::Parameter", Type="String", Name="/known", Value="v")
    deploy(cfn, "before", template({"P": parameter}))
    body = template(
        {
            "T": resource("AWS::SNS::Topic", TopicName="topic"),
            "Never": {**TOPIC, "Condition": "IsProd"},
        },
        outputs_,
        Parameters={"P": {"Type": "String", "Default": "p"}},
        Mappings={"M": {"top": {"second": "found"}}},
        Conditions={"IsProd": {"Fn::Equals": [ref("P"), "prod"]}},
    )
    assert deploy(cfn, "s", body) == {
        "Joined": "a-us-east-1-y",
        "Subbed": "p/o/${Literal}/topic",
        "Mapped": "found",
        "Chosen": "other",
        "Zones": "us-east-1a,us-east-1b,us-east-1c",
        "Secret": "v",
    }


def test_yaml_with_short_tags_deploys(cfn):
    body = """
Resources:
  T: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Sub "${AWS::StackName}-t"}}
Outputs:
  Name: {Value: !GetAtt T.TopicName}
  Both: {Value: !Join ["/", [!Ref "AWS::AccountId", !Select [0, [a, b]]]]}
"""
    found = deploy(cfn, "s", body)
    assert found["Both"] == f"{PIPELINE}/a"


def test_the_partition_follows_the_region(sandbox):
    china = sandbox.client("cloudformation", region="cn-north-1")
    body = template({"T": TOPIC}, {"P": ref("AWS::Partition"), "S": ref("AWS::URLSuffix")})
    assert deploy(china, "s", body) == {"P": "aws-cn", "S": "amazonaws.com.cn"}


# Change sets.


def change_set(cfn, body, kind, name="cs"):
    cfn.create_change_set(
        StackName="s",
        ChangeSetName=name,
        TemplateBody=body,
        ChangeSetType=kind,
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    return cfn.describe_change_set(StackName="s", ChangeSetName=name)


def test_outputs_and_exports_are_there_right_after_a_change_set(cfn):
    made = change_set(cfn, exporter(), "CREATE")
    assert made["Status"] == "CREATE_COMPLETE"
    assert status(cfn, "s") == "REVIEW_IN_PROGRESS"
    cfn.execute_change_set(StackName="s", ChangeSetName="cs")
    assert (status(cfn, "s"), outputs(cfn, "s")) == ("CREATE_COMPLETE", {"X": "1"})
    assert cfn.list_exports()["Exports"][0]["Name"] == "shared"


def test_a_change_set_without_changes_says_so(cfn):
    deploy(cfn, "s", exporter())
    made = change_set(cfn, exporter(), "UPDATE")
    assert made["Status"] == "FAILED"
    assert "didn't contain changes" in made["StatusReason"]


def test_a_failing_change_set_rolls_back(cfn):
    change_set(cfn, template({"B": bucket("Bad_Name")}), "CREATE")
    cfn.execute_change_set(StackName="s", ChangeSetName="cs")
    assert status(cfn, "s") == "ROLLBACK_COMPLETE"


def test_a_change_set_that_is_missing_is_named_and_deleted_without_fuss(cfn):
    deploy(cfn, "s", exporter())
    cfn.delete_change_set(StackName="s", ChangeSetName="nobody")
    error = refusal(cfn.describe_change_set, StackName="s", ChangeSetName="nobody")
    assert error["Code"] == "ChangeSetNotFound"
    assert error["Message"] == "ChangeSet [nobody] does not exist"


def test_a_stack_that_does_not_exist_is_named(cfn):
    assert refusal(describe, cfn, "nobody")["Message"] == ("Stack with id nobody does not exist")


def test_nested_stacks_pass_their_outputs_up(cfn, sandbox):
    s3 = sandbox.client("s3")
    s3.create_bucket(Bucket="templates")
    inner = template({"T": TOPIC}, {"Greeting": ref("P")}, Parameters={"P": {"Type": "String"}})
    s3.put_object(Bucket="templates", Key="inner.json", Body=inner.encode())
    url = f"{sandbox.endpoint}/templates/inner.json"
    nested = resource("AWS::CloudFormation::Stack", TemplateURL=url, Parameters={"P": "hello"})
    body = template({"N": nested}, {"G": att("N", "Outputs.Greeting")})
    assert deploy(cfn, "outer", body) == {"G": "hello"}
    cfn.delete_stack(StackName="outer")
    assert cfn.describe_stacks()["Stacks"] == []


def test_a_nested_stack_that_fails_says_why_and_leaves_nothing(cfn, sandbox):
    s3 = sandbox.client("s3")
    s3.create_bucket(Bucket="templates")
    s3.put_object(
        Bucket="templates", Key="inner.json", Body=template({"B": bucket("Bad_Name")}).encode()
    )
    url = f"{sandbox.endpoint}/templates/inner.json"
    create(cfn, "outer", template({"N": resource("AWS::CloudFormation::Stack", TemplateURL=url)}))
    assert status(cfn, "outer") == "ROLLBACK_COMPLETE"
    (reason,) = reasons(cfn, "outer", "CREATE_FAILED")
    assert "was not successfully deployed" in reason
    assert "#/BucketName: failed validation constraint" in reason
    assert [s["StackName"] for s in cfn.describe_stacks()["Stacks"]] == ["outer"]
