"""Pipeline deployment: the stack in a test account, and what it has made works as it must.

What each resource is in every property, tests/pipeline_deploy/test_deployed.py reads back.
"""

import json

import boto3
import pytest
from botocore.exceptions import ClientError
from rights import statements_of
from service_account import write_token
from world import ACCOUNT, CLUSTER, GITHUB_TOKEN, REGION, decoded, key_of


def test_a_deployed_pipeline_is_whole_and_goes_without_a_trace(delivery):
    made = delivery("deployed", artifactRetentionDays=45)
    made.commit()
    made.deploy()
    app = made.pipeline
    assert app.status() == "CREATE_COMPLETE"
    every_kubernetes_object_is_there(app)
    the_bucket_protects_and_forgets(made)
    the_role_is_its_service_accounts_alone(made)
    accounts_may_do_their_own_on_the_cluster(made)

    bucket = made.bucket
    made.destroy()
    assert app.live() == {}
    stacks = app.client("cloudformation").describe_stacks()["Stacks"]
    assert app.stack_name not in [each["StackName"] for each in stacks]
    # Artifacts outlive their pipeline; who wants them gone removes the bucket, as `clean` does.
    assert app.client("s3").head_bucket(Bucket=bucket)


def test_what_a_role_may_do_is_said_by_policies_that_are_attached_too(clean_world):
    iam = clean_world.client("iam")
    trust = {"Version": "2012-10-17", "Statement": []}

    def document(action):
        return json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": [action], "Resource": "*"}]})

    iam.create_role(RoleName="of-both", AssumeRolePolicyDocument=json.dumps(trust))
    iam.put_role_policy(RoleName="of-both", PolicyName="own", PolicyDocument=document("sqs:List"))
    policy = iam.create_policy(PolicyName="attached", PolicyDocument=document("s3:*"))["Policy"]
    iam.attach_role_policy(RoleName="of-both", PolicyArn=policy["Arn"])
    try:
        assert [each["Action"] for each in statements_of(iam, "of-both")] == [["sqs:List"],
                                                                             ["s3:*"]]
    finally:
        iam.detach_role_policy(RoleName="of-both", PolicyArn=policy["Arn"])
        iam.delete_policy(PolicyArn=policy["Arn"])
        iam.delete_role_policy(RoleName="of-both", PolicyName="own")
        iam.delete_role(RoleName="of-both")


def every_kubernetes_object_is_there(app):
    live = app.live()
    assert list(live) == [key_of(manifest) for manifest in app.manifests()]
    kinds = {kind for kind, _ in live}
    assert kinds >= {"WorkflowTemplate", "EventSource", "Sensor", "ServiceAccount", "Role",
                     "RoleBinding", "Secret"}
    assert decoded(live["Secret", f"{app.name}-github-token"]) == {"token": GITHUB_TOKEN}
    assert decoded(live["Secret", f"{app.name}-webhook-secret"]) == {
        "secret": app.webhook_secret()}
    assert {each["metadata"]["annotations"]["aphex.dev/cluster"] for each in live.values()} == {
        CLUSTER}


def the_bucket_protects_and_forgets(made):
    s3 = made.pipeline.client("s3")
    assert made.bucket == f"deployed-artifacts-{ACCOUNT}-{REGION}"
    for text in (b"first", b"second"):
        s3.put_object(Bucket=made.bucket, Key="commit/file", Body=text)
    stored = s3.get_object(Bucket=made.bucket, Key="commit/file")
    assert (stored["Body"].read(), stored["ServerSideEncryption"]) == (b"second", "AES256")
    versions = s3.list_object_versions(Bucket=made.bucket)["Versions"]
    assert [each["IsLatest"] for each in versions].count(False) == 1
    assert all(s3.get_public_access_block(Bucket=made.bucket)[
        "PublicAccessBlockConfiguration"].values())
    (rule,) = s3.get_bucket_lifecycle_configuration(Bucket=made.bucket)["Rules"]
    assert (rule["Status"], rule["Expiration"]["Days"]) == ("Enabled", 45)
    (statement,) = json.loads(s3.get_bucket_policy(Bucket=made.bucket)["Policy"])["Statement"]
    assert (statement["Effect"], statement["Condition"]) == (
        "Deny", {"Bool": {"aws:SecureTransport": "false"}})


def the_role_is_its_service_accounts_alone(made):
    """STS gives its session for the token of one account of one namespace, and for no other."""
    role = made.pipeline.outputs()["WorkflowExecutionRoleArn"]
    sts = boto3.client("sts", region_name=REGION, endpoint_url=made.world.sandbox.endpoint,
                       aws_access_key_id="none", aws_secret_access_key="none")
    token = made.directory / "web-identity"

    def assume(subject):
        write_token(token, subject, 600, made.world.issuer)
        return sts.assume_role_with_web_identity(
            RoleArn=role, RoleSessionName="test", WebIdentityToken=token.read_text())

    executor = made.template["spec"]["serviceAccountName"]
    user = assume(f"{made.namespace}:{executor}")["AssumedRoleUser"]["Arn"]
    assert user == f"arn:aws:sts::{ACCOUNT}:assumed-role/{role.rpartition('/')[2]}/test"
    for subject in (f"{made.namespace}:{made.name}-sensor", f"default:{executor}"):
        with pytest.raises(ClientError, match="AccessDenied"):
            assume(subject)
    # And what it may do names the pipeline's own: everything is for nothing but what has no name.
    found = statements_of(made.pipeline.client("iam"), role.rpartition("/")[2])
    statements = {each["Sid"]: each for each in found}
    assert len(statements) == len(found)
    assert statements["TransferArtifacts"]["Resource"] == f"arn:aws:s3:::{made.bucket}/*"
    assert all(f":{ACCOUNT}:" in each or f"::{ACCOUNT}:" in each
               for each in statements["AssumeBootstrapRoles"]["Resource"])
    assert not any("*" in action for each in statements.values() for action in each["Action"])


def accounts_may_do_their_own_on_the_cluster(made):
    """As the API server decides by the Roles that the stack has made."""
    executor = made.template["spec"]["serviceAccountName"]
    template = made.template["metadata"]["name"]
    secret = f"{made.name}-github-token"
    for account, verb, thing, allowed in (
            (executor, "patch", f"workflowtemplates/{template}", True),
            (executor, "patch", "workflowtemplates/of-others", False),
            (executor, "get", f"secrets/{secret}", False),
            (f"{made.name}-sensor", "create", "workflows", True),
            (f"{made.name}-sensor", "patch", f"workflowtemplates/{template}", False),
            (f"{made.name}-sensor", "get", f"secrets/{secret}", False)):
        resource, _, name = thing.partition("/")
        group = "" if resource == "secrets" else "argoproj.io"
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
                  "spec": {"user": f"system:serviceaccount:{made.namespace}:{account}",
                           "resourceAttributes": {
                               "namespace": made.namespace, "verb": verb, "group": group,
                               "resource": resource, "name": name}}}
        answer = made.world.cluster.admin.create(
            "/apis/authorization.k8s.io/v1/subjectaccessreviews", review)
        assert answer["status"]["allowed"] == allowed, (account, verb, thing, answer["status"])
