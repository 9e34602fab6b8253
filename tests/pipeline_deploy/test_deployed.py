"""What stands in AWS and on the cluster after a deployment, read back from both."""

import json

import pytest
from world import ACCOUNT, CLUSTER, GITHUB_TOKEN_SECRET, KUBECTL_ROLE, REGION, Pipeline, key_of

NAME = "read-back"
BUCKET = f"{NAME}-artifacts-{ACCOUNT}-{REGION}"
TRAIL_BUCKET_ENDS = f"-{ACCOUNT}-{REGION}"


@pytest.fixture(scope="module")
def app(world, tmp_path_factory):
    """Deployed with everything that can be switched on."""
    made = Pipeline(world, tmp_path_factory.mktemp("repository") / NAME, NAME,
                    auditTrail=True, artifactRetentionDays=45, logRetentionDays=30,
                    environmentTag="tools", webhook={
                        "type": "ingress", "host": "hooks.example.com",
                        "certificateArn": f"arn:aws:acm:{REGION}:{ACCOUNT}:certificate/1"})
    made.allow().deploy()
    return made


def test_the_bucket_is_the_designs(app):
    s3 = app.client("s3")
    rules = s3.get_bucket_encryption(Bucket=BUCKET)["ServerSideEncryptionConfiguration"]["Rules"]
    assert [rule["ApplyServerSideEncryptionByDefault"] for rule in rules] == [
        {"SSEAlgorithm": "AES256"}]
    assert s3.get_bucket_versioning(Bucket=BUCKET)["Status"] == "Enabled"
    assert s3.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"] == {
        "BlockPublicAcls": True, "BlockPublicPolicy": True, "IgnorePublicAcls": True,
        "RestrictPublicBuckets": True}
    assert s3.get_bucket_ownership_controls(Bucket=BUCKET)["OwnershipControls"]["Rules"] == [
        {"ObjectOwnership": "BucketOwnerEnforced"}]
    (rule,) = s3.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"]
    assert rule["Status"] == "Enabled"
    assert rule["Transitions"] == [{"Days": 30, "StorageClass": "INTELLIGENT_TIERING"}]
    assert rule["Expiration"]["Days"] == 45
    assert rule["NoncurrentVersionExpiration"]["NoncurrentDays"] == 45
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
    (statement,) = json.loads(s3.get_bucket_policy(Bucket=BUCKET)["Policy"])["Statement"]
    assert (statement["Effect"], statement["Action"]) == ("Deny", "s3:*")
    assert statement["Principal"] in ("*", {"AWS": "*"})
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert sorted(statement["Resource"]) == [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"]


def as_list(value):
    return value if isinstance(value, list) else [value]


def statements(app, role):
    iam = app.client("iam")
    found = {}
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        found |= {statement["Sid"]: statement for statement in document["Statement"]}
    return found


def test_the_role_is_trusted_for_one_service_account_and_may_do_little(app):
    role = app.outputs()["WorkflowExecutionRoleArn"].rpartition("/")[2]
    assert role == "ReadBackWorkflowExecutionRole"
    shown = app.client("iam").get_role(RoleName=role)["Role"]
    (trust,) = shown["AssumeRolePolicyDocument"]["Statement"]
    issuer = app.world.issuer
    assert trust["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert trust["Principal"] == {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{issuer}"}
    account = f"system:serviceaccount:{app.namespace}:{NAME}-workflow-executor"
    assert trust["Condition"] == {"StringEquals": {f"{issuer}:aud": "sts.amazonaws.com",
                                                   f"{issuer}:sub": account}}
    found = statements(app, role)
    assert found["FindArtifacts"]["Resource"] == f"arn:aws:s3:::{BUCKET}"
    assert found["TransferArtifacts"]["Resource"] == f"arn:aws:s3:::{BUCKET}/*"
    assert set(found["AssumeBootstrapRoles"]["Resource"]) == {
        f"arn:aws:iam::{ACCOUNT}:role/cdk-hnb659fds-{kind}-{ACCOUNT}-{REGION}"
        for kind in ("deploy-role", "file-publishing-role", "image-publishing-role",
                     "lookup-role")}
    assert found["PassExecutionRole"]["Condition"] == {
        "StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}}
    assert found["ReadGitHubToken"]["Resource"].endswith(f"secret:{GITHUB_TOKEN_SECRET}-??????")
    for sid, statement in found.items():
        everything = "*" in as_list(statement["Resource"])
        assert statement["Effect"] == "Allow"
        assert not any("*" in action for action in as_list(statement["Action"]))
        # What knows no resource, and then says what bounds it.
        assert not everything or sid in ("PublishMetrics", "LogInToRegistry",
                                         "LogInToPublicRegistry", "LogInToPublicRegistryBearer")
    assert app.client("iam").list_attached_role_policies(RoleName=role)["AttachedPolicies"] == []


def test_the_function_may_apply_and_nothing_else(app):
    (function,) = app.resources()["AWS::Lambda::Function"]
    shown = app.client("lambda").get_function(FunctionName=function)["Configuration"]
    assert (shown["Runtime"], shown["Handler"], shown["Timeout"]) == (
        "provided.al2023", "bootstrap", 600)
    role = shown["Role"].rpartition("/")[2]
    found = statements(app, role)
    assert set(found) == {"ReadManifests", "ReadSecrets", "FindCluster", "BeKubectl", "WriteLogs"}
    assert found["BeKubectl"]["Resource"] == f"arn:aws:iam::{ACCOUNT}:role/{KUBECTL_ROLE}"
    assert found["FindCluster"]["Resource"] == (
        f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/{CLUSTER}")
    secret = app.outputs()["WebhookSecretArn"]
    assert secret in found["ReadSecrets"]["Resource"]


def test_the_webhooks_secret_is_generated_and_only_there(app):
    secret = app.client("secretsmanager").describe_secret(SecretId=f"aphex/{NAME}/webhook")
    assert secret["ARN"] == app.outputs()["WebhookSecretArn"]
    value = app.webhook_secret()
    assert len(value) == 40 and value.isalnum()
    template = app.client("cloudformation").get_template(StackName=app.stack_name)
    assert value not in str(template) and value not in str(app.described())
    assert app.outputs().keys() == {"WebhookUrl", "ArtifactBucketName", "WorkflowExecutionRoleArn",
                                    "WorkflowTemplateName", "WebhookSecretArn", "AlarmTopicArn"}


def test_alarms_dashboard_topic_and_logs_are_there(app):
    cloudwatch = app.client("cloudwatch")
    alarms = cloudwatch.describe_alarms(AlarmNamePrefix=f"{NAME}-")["MetricAlarms"]
    topic = app.outputs()["AlarmTopicArn"]
    assert {alarm["AlarmName"] for alarm in alarms} == {
        f"{NAME}-workflow-failures", f"{NAME}-deployment-failures",
        f"{NAME}-long-running-workflows"}
    for alarm in alarms:
        assert alarm["AlarmActions"] == [topic]
        assert alarm["Namespace"] == "Aphex/Pipelines"
        assert alarm["Dimensions"] == [{"Name": "Pipeline", "Value": NAME}]
        assert alarm["TreatMissingData"] == "notBreaching"
    body = json.loads(cloudwatch.get_dashboard(DashboardName=f"{NAME}-{REGION}")["DashboardBody"])
    titles = [widget["properties"].get("title", "") for widget in body["widgets"]]
    assert "Recent runs" in titles
    for words in ("succeeded and failed", "Deployments", "Average duration", "Artifacts"):
        assert any(words in title for title in titles), titles
    assert app.client("sns").get_topic_attributes(TopicArn=topic)
    groups = app.client("logs").describe_log_groups(logGroupNamePrefix=f"/aphex/{NAME}")
    assert {group["logGroupName"]: group["retentionInDays"] for group in groups["logGroups"]} == {
        f"/aphex/{NAME}": 30, f"/aphex/{NAME}/provider": 30}


def test_the_trail_records_the_buckets_objects(app):
    cloudtrail = app.client("cloudtrail")
    (trail,) = [each for each in cloudtrail.describe_trails()["trailList"]
                if each["Name"].startswith(NAME)]
    assert cloudtrail.get_trail_status(Name=trail["TrailARN"])["IsLogging"]
    assert trail["LogFileValidationEnabled"]
    assert trail["S3BucketName"].endswith(TRAIL_BUCKET_ENDS)
    selectors = cloudtrail.get_event_selectors(TrailName=trail["TrailARN"])
    assert f"arn:aws:s3:::{BUCKET}/" in str(selectors)


def test_everything_that_can_carry_tags_carries_them(app):
    wanted = {"Project": NAME, "ManagedBy": "aphex", "Environment": "tools"}

    def pairs(tags):
        found = {tag.get("Key", tag.get("TagKey")): tag.get("Value", tag.get("TagValue"))
                 for tag in tags}
        return {key: found.get(key) for key in wanted}

    (function,) = app.resources()["AWS::Lambda::Function"]
    described = app.client("lambda").get_function(FunctionName=function)
    assert {key: described["Tags"].get(key) for key in wanted} == wanted
    assert pairs(app.client("s3").get_bucket_tagging(Bucket=BUCKET)["TagSet"]) == wanted
    iam = app.client("iam")
    for role in app.resources()["AWS::IAM::Role"]:
        assert pairs(iam.list_role_tags(RoleName=role)["Tags"]) == wanted
    topic = app.outputs()["AlarmTopicArn"]
    assert pairs(app.client("sns").list_tags_for_resource(ResourceArn=topic)["Tags"]) == wanted
    secret = app.client("secretsmanager").describe_secret(SecretId=f"aphex/{NAME}/webhook")
    assert pairs(secret["Tags"]) == wanted
    for alarm in app.client("cloudwatch").describe_alarms(AlarmNamePrefix=NAME)["MetricAlarms"]:
        tags = app.client("cloudwatch").list_tags_for_resource(ResourceARN=alarm["AlarmArn"])
        assert pairs(tags["Tags"]) == wanted


def test_the_cluster_has_every_object_as_manifests_prints_it(app):
    live = app.live()
    manifests = app.manifests()
    assert list(live) == [key_of(manifest) for manifest in manifests]
    for manifest in manifests:
        stored = live[key_of(manifest)]
        for section in ("spec", "rules", "subjects", "roleRef", "imagePullSecrets"):
            if section in manifest:
                within(manifest[section], stored[section], section)
        annotations = stored["metadata"]["annotations"]
        assert annotations["aphex.dev/cluster"] == CLUSTER
        assert app.stack_name in annotations["aphex.dev/owner"]
        assert annotations["aphex.dev/resource"]
        assert stored["metadata"]["labels"]["aphex.dev/pipeline"] == NAME
        managers = {field["manager"] for field in stored["metadata"]["managedFields"]}
        assert len(managers) == 1, managers
    account = live["ServiceAccount", f"{NAME}-workflow-executor"]
    assert account["metadata"]["annotations"]["eks.amazonaws.com/role-arn"] == (
        app.outputs()["WorkflowExecutionRoleArn"])
    assert ("WorkflowTemplate", app.outputs()["WorkflowTemplateName"]) in live
    assert app.outputs()["WebhookUrl"] == f"https://hooks.example.com/{NAME}"


def within(sent, stored, path):
    """The server may add defaults; it drops and changes nothing."""
    if isinstance(sent, dict):
        for key, value in sent.items():
            assert key in stored, f"{path}.{key} was dropped"
            within(value, stored[key], f"{path}.{key}")
    elif isinstance(sent, list):
        assert len(sent) == len(stored), path
        for i, (one, other) in enumerate(zip(sent, stored, strict=True)):
            within(one, other, f"{path}[{i}]")
    else:
        assert sent == stored, path
