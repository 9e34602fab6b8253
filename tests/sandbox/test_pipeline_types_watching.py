"""The types by which a pipeline is watched, and those that its stack is made of."""

import json

import pytest
from conftest import PIPELINE, REGION
from stacks import att, create, reasons, ref, resource, status, template
from tagged_stacks import ALL_TAGS, OWN_TAG, STACK_TAGS, as_map, change, code_of, make, remove


@pytest.fixture
def cfn(sandbox):
    return sandbox.client("cloudformation")


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


def alarms(threshold):
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


def test_alarms_of_one_metric_and_of_metric_math(cfn, sandbox):
    found = make(cfn, alarms(5), {"Arn": att("M", "Arn"), "Topic": ref("T")})
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
    change(cfn, alarms(7), tags=STACK_TAGS[:1])
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
