"""The resource types that the sandbox adds to moto, or mends in it: the real thing is made."""

import json

import pytest
from conftest import PIPELINE
from stacks import (
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

POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}],
}


@pytest.fixture
def cfn(sandbox):
    return sandbox.client("cloudformation")


def test_a_bucket_has_all_that_its_template_says(cfn, sandbox):
    bucket = resource(
        "AWS::S3::Bucket",
        BucketName="complete",
        VersioningConfiguration={"Status": "Enabled"},
        LifecycleConfiguration={
            "Rules": [
                {"Id": "old", "Status": "Enabled", "ExpirationInDays": 30, "Prefix": "tmp/"},
                {
                    "Id": "parts",
                    "Status": "Enabled",
                    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
                    "NoncurrentVersionExpiration": {"NoncurrentDays": 3},
                    "Transitions": [{"TransitionInDays": 5, "StorageClass": "GLACIER"}],
                },
            ]
        },
        PublicAccessBlockConfiguration={"BlockPublicAcls": True, "BlockPublicPolicy": True},
        OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
    )
    policy = resource("AWS::S3::BucketPolicy", Bucket=ref("B"), PolicyDocument=POLICY)
    found = deploy(cfn, "s", template({"B": bucket, "P": policy}, {"Arn": att("B", "Arn")}))
    assert found["Arn"] == "arn:aws:s3:::complete"
    s3 = sandbox.client("s3")
    assert s3.get_bucket_versioning(Bucket="complete")["Status"] == "Enabled"
    rules = s3.get_bucket_lifecycle_configuration(Bucket="complete")["Rules"]
    assert [r["ID"] for r in rules] == ["old", "parts"]
    assert rules[0]["Expiration"] == {"Days": 30}
    assert rules[0]["Filter"] == {"Prefix": "tmp/"}
    assert rules[1]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
    block = s3.get_public_access_block(Bucket="complete")["PublicAccessBlockConfiguration"]
    assert block == {
        "BlockPublicAcls": True,
        "IgnorePublicAcls": False,
        "BlockPublicPolicy": True,
        "RestrictPublicBuckets": False,
    }
    controls = s3.get_bucket_ownership_controls(Bucket="complete")["OwnershipControls"]
    assert controls["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert json.loads(s3.get_bucket_policy(Bucket="complete")["Policy"]) == POLICY


def test_a_bucket_without_a_name_can_be_updated(cfn, sandbox):
    def body(state):
        versioning = {"Status": state}
        tags = [{"Key": "state", "Value": state}]
        bucket = resource("AWS::S3::Bucket", VersioningConfiguration=versioning, Tags=tags)
        return template({"B": bucket}, {"Name": ref("B")})

    name = deploy(cfn, "s", body("Enabled"))["Name"]
    update(cfn, "s", body("Suspended"))
    assert (status(cfn, "s"), outputs(cfn, "s")["Name"]) == ("UPDATE_COMPLETE", name)
    s3 = sandbox.client("s3")
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Suspended"


@pytest.mark.parametrize(
    ("statement", "allowed"),
    [
        ({"Effect": "Deny", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}, True),
        ({"Effect": "Deny"}, False),
        ({"Effect": "Deny", "Principal": {"AWS": "999999999999"}}, True),
    ],
)
def test_a_bucket_policy_denies_what_it_says(cfn, sandbox, statement, allowed):
    from botocore.exceptions import ClientError

    full = {"Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::guarded/*", **statement}
    document = {"Version": "2012-10-17", "Statement": [full]}
    bucket = resource("AWS::S3::Bucket", BucketName="guarded")
    policy = resource("AWS::S3::BucketPolicy", Bucket=ref("B"), PolicyDocument=document)
    deploy(cfn, "s", template({"B": bucket, "P": policy}))
    s3 = sandbox.client("s3")
    if allowed:
        s3.put_object(Bucket="guarded", Key="k", Body=b"v")
    else:
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.put_object(Bucket="guarded", Key="k", Body=b"v")


def test_alarms_and_dashboards(cfn, sandbox):
    def body(threshold):
        alarm = resource(
            "AWS::CloudWatch::Alarm",
            AlarmName="too-many",
            ComparisonOperator="GreaterThanThreshold",
            EvaluationPeriods=1,
            MetricName="Errors",
            Namespace="App",
            Period=60,
            Statistic="Sum",
            Threshold=threshold,
        )
        dashboard = resource(
            "AWS::CloudWatch::Dashboard", DashboardName="board", DashboardBody='{"widgets": []}'
        )
        values = {"Arn": att("A", "Arn"), "Name": ref("A"), "Board": ref("D")}
        return template({"A": alarm, "D": dashboard}, values)

    assert deploy(cfn, "s", body(5)) == {
        "Arn": f"arn:aws:cloudwatch:us-east-1:{PIPELINE}:alarm:too-many",
        "Name": "too-many",
        "Board": "board",
    }
    update(cfn, "s", body(7))
    cloudwatch = sandbox.client("cloudwatch")
    assert cloudwatch.describe_alarms()["MetricAlarms"][0]["Threshold"] == 7
    assert cloudwatch.get_dashboard(DashboardName="board")["DashboardBody"] == '{"widgets": []}'
    cfn.delete_stack(StackName="s")
    assert cloudwatch.describe_alarms()["MetricAlarms"] == []


def test_secrets_given_and_generated(cfn, sandbox):
    given = resource("AWS::SecretsManager::Secret", Name="given", SecretString="s3cret")
    recipe = {
        "SecretStringTemplate": '{"user": "admin"}',
        "GenerateStringKey": "password",
        "PasswordLength": 20,
        "ExcludePunctuation": True,
    }
    made = resource("AWS::SecretsManager::Secret", Name="made", GenerateSecretString=recipe)
    resources = {"G": given, "M": made}
    arn = deploy(cfn, "s", template(resources, {"Arn": ref("M")}))["Arn"]
    assert arn.startswith(f"arn:aws:secretsmanager:us-east-1:{PIPELINE}:secret:made-")
    manager = sandbox.client("secretsmanager")
    assert manager.get_secret_value(SecretId="given")["SecretString"] == "s3cret"
    first = json.loads(manager.get_secret_value(SecretId="made")["SecretString"])
    assert first["user"] == "admin"
    assert len(first["password"]) == 20
    assert first["password"].isalnum()
    # A generated value stays as it is when something else changes.
    update(cfn, "s", template({**resources, "T": resource("AWS::SNS::Topic")}))
    again = json.loads(manager.get_secret_value(SecretId="made")["SecretString"])
    assert again == first
    used = resource(
        "AWS::SSM::Parameter",
        Type="String",
        Name="/used",
        Value="{{resolve:secretsmanager:made:SecretString:user::}}",
    )
    deploy(cfn, "user", template({"P": used}))
    assert sandbox.client("ssm").get_parameter(Name="/used")["Parameter"]["Value"] == "admin"


def test_topics_reach_queues_that_let_them(cfn, sandbox):
    body = template(
        {
            "T": resource("AWS::SNS::Topic"),
            "Q": resource("AWS::SQS::Queue", QueueName="inbox"),
            "S": resource(
                "AWS::SNS::Subscription",
                TopicArn=ref("T"),
                Protocol="sqs",
                Endpoint=att("Q", "Arn"),
                RawMessageDelivery=True,
            ),
            "QP": resource("AWS::SQS::QueuePolicy", Queues=[ref("Q")], PolicyDocument=POLICY),
            "TP": resource("AWS::SNS::TopicPolicy", Topics=[ref("T")], PolicyDocument=POLICY),
        },
        {"Topic": ref("T"), "Queue": ref("Q"), "Subscription": ref("S")},
    )
    found = deploy(cfn, "s", body)
    assert found["Subscription"].startswith(found["Topic"])
    assert found["Queue"] == f"{sandbox.endpoint}/{PIPELINE}/inbox"
    sandbox.client("sns").publish(TopicArn=found["Topic"], Message="hello")
    sqs = sandbox.client("sqs")
    messages = sqs.receive_message(QueueUrl=found["Queue"])["Messages"]
    assert [m["Body"] for m in messages] == ["hello"]
    attributes = sqs.get_queue_attributes(QueueUrl=found["Queue"], AttributeNames=["Policy"])
    assert json.loads(attributes["Attributes"]["Policy"]) == POLICY
    topic = sandbox.client("sns").get_topic_attributes(TopicArn=found["Topic"])
    assert json.loads(topic["Attributes"]["Policy"]) == POLICY
    cfn.delete_stack(StackName="s")
    assert sandbox.client("sns").list_subscriptions()["Subscriptions"] == []


def test_a_parameter_with_tags_changes_in_place(cfn, sandbox):
    def body(value):
        tags = {"owner": "team"}
        return template(
            {"P": resource("AWS::SSM::Parameter", Type="String", Value=value, Tags=tags)},
            {"Name": ref("P"), "Value": att("P", "Value")},
        )

    name = deploy(cfn, "s", body("one"))["Name"]
    update(cfn, "s", body("two"))
    assert outputs(cfn, "s") == {"Name": name, "Value": "two"}
    ssm = sandbox.client("ssm")
    assert ssm.get_parameter(Name=name)["Parameter"]["Value"] == "two"
    tags = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=name)["TagList"]
    assert tags == [{"Key": "owner", "Value": "team"}]


def test_log_groups_keep_what_they_are_told(cfn, sandbox):
    def body(days):
        group = resource("AWS::Logs::LogGroup", LogGroupName="/app", RetentionInDays=days)
        return template({"G": group}, {"Arn": att("G", "Arn")})

    assert deploy(cfn, "s", body(7))["Arn"].endswith("log-group:/app:*")
    update(cfn, "s", body(14))
    groups = sandbox.client("logs").describe_log_groups()["logGroups"]
    assert [g["retentionInDays"] for g in groups] == [14]


def test_a_role_takes_its_updates(cfn, sandbox):
    def body(service, inline):
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": service},
                    "Action": "sts:AssumeRole",
                }
            ],
        }
        role = resource(
            "AWS::IAM::Role",
            RoleName="r",
            AssumeRolePolicyDocument=trust,
            Policies=[{"PolicyName": inline, "PolicyDocument": POLICY}],
        )
        return template({"R": role}, {"Arn": att("R", "Arn")})

    found = deploy(cfn, "s", body("lambda.amazonaws.com", "one"))
    update(cfn, "s", body("ecs-tasks.amazonaws.com", "two"))
    assert outputs(cfn, "s") == found
    iam = sandbox.client("iam")
    document = iam.get_role(RoleName="r")["Role"]["AssumeRolePolicyDocument"]
    assert document["Statement"][0]["Principal"] == {"Service": "ecs-tasks.amazonaws.com"}
    assert iam.list_role_policies(RoleName="r")["PolicyNames"] == ["two"]


def test_identity_providers(cfn, sandbox):
    provider = resource(
        "AWS::IAM::OIDCProvider",
        Url="https://token.example.com",
        ClientIdList=["sts.amazonaws.com"],
        ThumbprintList=["a" * 40],
    )
    arn = f"arn:aws:iam::{PIPELINE}:oidc-provider/token.example.com"
    assert deploy(cfn, "s", template({"P": provider}, {"Arn": ref("P")})) == {"Arn": arn}
    listed = sandbox.client("iam").list_open_id_connect_providers()
    assert listed["OpenIDConnectProviderList"] == [{"Arn": arn}]


def test_metadata_is_ignored(cfn):
    deploy(cfn, "s", template({"M": resource("AWS::CDK::Metadata", Analytics="v2")}))


def test_common_types_of_moto_deploy_update_and_vanish(cfn, sandbox):
    def body(note):
        table = resource(
            "AWS::DynamoDB::Table",
            TableName="t",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            StreamSpecification={"StreamViewType": "NEW_IMAGE"},
        )
        resources = {
            "Table": table,
            "Key": resource("AWS::KMS::Key", KeyPolicy=POLICY, Description=note),
            "Alias": resource("AWS::KMS::Alias", AliasName="alias/k", TargetKeyId=ref("Key")),
            "Rule": resource(
                "AWS::Events::Rule", Name="r", ScheduleExpression="rate(1 hour)", Description=note
            ),
            "Repository": resource("AWS::ECR::Repository", RepositoryName="images"),
        }
        return template(resources, {"Table": att("Table", "Arn"), "Key": att("Key", "Arn")})

    found = deploy(cfn, "s", body("one"))
    assert found["Table"] == f"arn:aws:dynamodb:us-east-1:{PIPELINE}:table/t"
    update(cfn, "s", body("two"))
    assert status(cfn, "s") == "UPDATE_COMPLETE", reasons(cfn, "s", "UPDATE_FAILED")
    cfn.delete_stack(StackName="s")
    assert sandbox.client("dynamodb").list_tables()["TableNames"] == []
    assert cfn.describe_stacks()["Stacks"] == []


def test_a_table_changes_in_place_and_keeps_its_items(cfn, sandbox):
    def body(mode, **more):
        table = resource(
            "AWS::DynamoDB::Table",
            TableName="t",
            BillingMode=mode,
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            **more,
        )
        return template({"T": table})

    deploy(cfn, "s", body("PAY_PER_REQUEST"))
    client = sandbox.client("dynamodb")
    client.put_item(TableName="t", Item={"id": {"S": "1"}})
    index = {
        "IndexName": "by-id",
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "ALL"},
    }
    more = {
        "GlobalSecondaryIndexes": [index],
        "TimeToLiveSpecification": {"AttributeName": "until", "Enabled": True},
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
    }
    update(cfn, "s", body("PAY_PER_REQUEST", **more))
    assert status(cfn, "s") == "UPDATE_COMPLETE", reasons(cfn, "s", "UPDATE_FAILED")
    described = client.describe_table(TableName="t")["Table"]
    assert [i["IndexName"] for i in described["GlobalSecondaryIndexes"]] == ["by-id"]
    lifetime = client.describe_time_to_live(TableName="t")["TimeToLiveDescription"]
    assert lifetime == {"TimeToLiveStatus": "ENABLED", "AttributeName": "until"}
    assert client.scan(TableName="t")["Count"] == 1


def test_a_key_keeps_its_id_and_a_policy_leaves_with_its_stack(cfn, sandbox):
    def body(note):
        key = resource("AWS::KMS::Key", KeyPolicy=POLICY, Description=note)
        policy = resource("AWS::IAM::ManagedPolicy", PolicyDocument=POLICY, Description=note)
        return template({"K": key, "P": policy}, {"Key": ref("K"), "Policy": ref("P")})

    before = deploy(cfn, "s", body("one"))
    update(cfn, "s", body("two"))
    after = outputs(cfn, "s")
    assert after["Key"] == before["Key"]
    iam = sandbox.client("iam")
    assert [p["Arn"] for p in iam.list_policies(Scope="Local")["Policies"]] == [after["Policy"]]
    cfn.delete_stack(StackName="s")
    assert iam.list_policies(Scope="Local")["Policies"] == []


def test_generated_names_keep_to_the_limits_of_their_type(cfn, sandbox):
    long = "AVeryLongLogicalIdOfAResourceInAnApplicationWithLongNames"
    resources = {
        long: resource(
            "AWS::IAM::Role",
            AssumeRolePolicyDocument={"Version": "2012-10-17", "Statement": []},
        ),
        "Repository": resource("AWS::ECR::Repository"),
        "Queue": resource("AWS::SQS::Queue", FifoQueue=True),
    }
    values = {
        "Role": ref(long),
        "Repository": ref("Repository"),
        "Queue": att("Queue", "QueueName"),
    }
    found = deploy(cfn, "ALongStackName", template(resources, values))
    assert len(found["Role"]) <= 64
    assert found["Role"].startswith("ALongStackName-AVeryLong")
    assert found["Repository"].startswith("alongstackname-repository-")
    assert found["Queue"].endswith(".fifo")


def test_unknown_types_pass_when_the_sandbox_is_lenient(own, monkeypatch):
    monkeypatch.setenv("APHEX_SANDBOX_LENIENT", "1")
    cfn = own().client("cloudformation")
    create(cfn, "s", template({"X": resource("AWS::Nothing::Known")}))
    assert status(cfn, "s") == "CREATE_COMPLETE"
