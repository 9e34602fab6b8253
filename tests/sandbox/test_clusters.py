"""Kubernetes clusters that EKS shows, and the tokens by which their API servers know a caller."""

import base64
import datetime
import json
import urllib.error
import urllib.parse
import urllib.request

import eks_tokens
import pytest
from botocore.exceptions import ClientError
from conftest import PIPELINE, REGION, TARGET
from stacks import create, deploy, resource, status, template

SHARED = "shared-cluster"


def attach(sandbox, cluster, **more):
    given = {
        "account": PIPELINE,
        "region": REGION,
        "name": SHARED,
        "endpoint": cluster.endpoint,
        "certificateAuthority": cluster.ca_data,
        **more,
    }
    return sandbox.call("POST", "/_aphex/clusters", given)


def test_eks_shows_an_attached_cluster(sandbox, cluster):
    status_, answer = attach(sandbox, cluster, oidcIssuer="https://oidc.example.com/id/A")
    assert status_ == 200, answer
    assert answer["endpoint"] == cluster.endpoint
    eks = sandbox.client("eks")
    assert eks.list_clusters()["clusters"] == [SHARED]
    shown = eks.describe_cluster(name=SHARED)["cluster"]
    assert shown["arn"] == f"arn:aws:eks:{REGION}:{PIPELINE}:cluster/{SHARED}"
    assert shown["endpoint"] == cluster.endpoint
    assert shown["certificateAuthority"] == {"data": cluster.ca_data}
    assert shown["identity"] == {"oidc": {"issuer": "https://oidc.example.com/id/A"}}
    assert (shown["status"], shown["version"]) == ("ACTIVE", "1.34")
    listed = sandbox.call("GET", "/_aphex/clusters")[1]["clusters"]
    assert [c["name"] for c in listed] == [SHARED]
    # Not in another account or region.
    with pytest.raises(ClientError, match="No cluster found for name: shared-cluster"):
        sandbox.client("eks", TARGET).describe_cluster(name=SHARED)
    with pytest.raises(ClientError, match="No cluster found"):
        sandbox.client("eks", region="eu-west-1").describe_cluster(name=SHARED)


def test_attaching_again_changes_and_detaching_forgets(sandbox, cluster):
    first = attach(sandbox, cluster)[1]
    assert first["oidcIssuer"].startswith(f"https://oidc.eks.{REGION}.amazonaws.com/id/")
    second = attach(sandbox, cluster, version="1.30", endpoint="https://other.example.com/")[1]
    assert second["oidcIssuer"] == first["oidcIssuer"]
    shown = sandbox.client("eks").describe_cluster(name=SHARED)["cluster"]
    assert (shown["endpoint"], shown["version"]) == ("https://other.example.com", "1.30")
    place = {"account": PIPELINE, "region": REGION, "name": SHARED}
    assert sandbox.call("DELETE", "/_aphex/clusters", place)[0] == 200
    code, answer = sandbox.call("DELETE", "/_aphex/clusters", place)
    assert (code, answer["error"]) == (
        404,
        f"no cluster {SHARED} is attached in {PIPELINE} {REGION}",
    )
    assert sandbox.client("eks").list_clusters()["clusters"] == []


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"account": "1"}, "account must be 12 digits"),
        ({"region": "nowhere-1"}, "region must be a region of AWS, not 'nowhere-1'"),
        ({"name": "-x"}, "name must be up to 100 letters"),
        ({"endpoint": "http://x"}, "endpoint must be an https address"),
        ({"endpoint": None}, "endpoint must be an https address"),
        ({"certificateAuthority": "bm9uZQ=="}, "certificateAuthority must be base64 of a PEM"),
        ({"oidcIssuer": "http://x"}, "oidcIssuer must be an https address"),
        ({"version": "new"}, "version must be like 1.34"),
    ],
)
def test_a_wrong_cluster_is_refused_by_name(sandbox, cluster, wrong, message):
    code, answer = attach(sandbox, cluster, **wrong)
    assert code == 400
    assert message in answer["error"]
    assert sandbox.call("POST", "/_aphex/clusters")[0] == 400


def test_clusters_outlive_a_restart(own, cluster):
    first = own()
    attach(first, cluster)
    before = first.client("eks").describe_cluster(name=SHARED)["cluster"]
    first.stop()
    second = own(state_dir=first.state_dir)
    assert second.client("eks").describe_cluster(name=SHARED)["cluster"] == before
    second.call("POST", "/_aphex/reset")
    assert second.call("GET", "/_aphex/clusters")[1] == {"clusters": []}


def role(sandbox, name="deployer"):
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{PIPELINE}:root"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    iam = sandbox.client("iam")
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
    return made["Role"]["Arn"]


def as_role(sandbox, arn, session="one"):
    assumed = sandbox.client("sts").assume_role(RoleArn=arn, RoleSessionName=session)
    keys = assumed["Credentials"]
    return sandbox.client(
        "sts",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )


def ask(url, accept="application/json"):
    headers = {"x-k8s-aws-id": SHARED, "Accept": accept}
    request = urllib.request.Request(url, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_sts_answers_a_signed_address_as_an_authenticator_asks_it(sandbox):
    arn = role(sandbox)
    url = eks_tokens.presign(as_role(sandbox, arn), SHARED)
    code, text = ask(url)
    assert code == 200, text
    result = json.loads(text)["GetCallerIdentityResponse"]["GetCallerIdentityResult"]
    assert result["Arn"] == f"arn:aws:sts::{PIPELINE}:assumed-role/deployer/one"
    assert result["Account"] == PIPELINE
    assert result["UserId"].endswith(":one")
    # The caller himself, too, and in XML for who wants that.
    code, text = ask(eks_tokens.presign(sandbox.client("sts"), SHARED), "*/*")
    assert code == 200
    assert f"<Arn>arn:aws:iam::{PIPELINE}:user/aphex-sandbox-admin</Arn>" in text


def test_sts_refuses_an_old_signature_and_an_unknown_key(sandbox):
    url = eks_tokens.presign(sandbox.client("sts"), SHARED)
    old = datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=16)
    code, text = ask(eks_tokens.with_parameter(url, "X-Amz-Date", f"{old:%Y%m%dT%H%M%SZ}"))
    assert code == 403
    assert "Signature expired" in text
    known = urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)["X-Amz-Credential"][0]
    key = known.split("/")[0]
    code, text = ask(url.replace(key, "AKIAIOSFODNN7EXAMPLE"))
    assert code == 403
    assert "InvalidClientTokenId" in text


def test_a_role_reaches_the_real_api_server_by_its_token(sandbox, cluster):
    """DescribeCluster, a token signed with the role's keys, the cluster's own authorization."""
    arn = role(sandbox)
    attach(sandbox, cluster, name=cluster.eks.cluster_name)
    shown = sandbox.client("eks").describe_cluster(name=cluster.eks.cluster_name)["cluster"]
    ca = base64.b64decode(shown["certificateAuthority"]["data"]).decode()
    sts = as_role(sandbox, arn)
    cluster.eks.allow(sandbox.endpoint)
    cluster.eks.grant(arn, groups=["sandbox:deployers"])
    namespace = cluster.namespace()
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "patch", "create"]}]
    cluster.bind("sandbox:deployers", rules, namespace, group=True)
    from kube_api import Api, ApiError

    api = Api(shown["endpoint"], ca, eks_tokens.token(sts, cluster.eks.cluster_name), "test")
    made = api.apply(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "c", "namespace": namespace},
            "data": {"a": "b"},
        }
    )
    assert made["data"] == {"a": "b"}
    users = {r["user"] for r in cluster.requests() if f"/{namespace}/configmaps" in r["uri"]}
    assert users == {f"arn:aws:sts::{PIPELINE}:assumed-role/deployer/one"}
    with pytest.raises(ApiError) as refused:
        api.get(f"/api/v1/namespaces/{namespace}/secrets")
    assert refused.value.code == 403


def test_what_a_shared_cluster_exports_can_be_imported(sandbox):
    exports = {
        "ClusterName": SHARED,
        "OIDCProviderArn": f"arn:aws:iam::{PIPELINE}:oidc-provider/oidc.example.com/id/A",
        "KubectlRoleArn": {"Fn::GetAtt": ["Kubectl", "Arn"]},
    }
    trust = {"Version": "2012-10-17", "Statement": []}
    shared = template(
        {"Kubectl": resource("AWS::IAM::Role", AssumeRolePolicyDocument=trust)},
        {
            name: {"Value": value, "Export": {"Name": f"AphexCluster-{SHARED}-{name}"}}
            for name, value in exports.items()
        },
    )
    cfn = sandbox.client("cloudformation")
    found = deploy(cfn, "cluster", shared)
    parameters = {
        name: resource(
            "AWS::SSM::Parameter",
            Type="String",
            Value={"Fn::ImportValue": {"Fn::Sub": f"AphexCluster-${{Cluster}}-{name}"}},
        )
        for name in exports
    }
    pipeline = template(
        parameters,
        {f"{name}Out": {"Fn::GetAtt": [name, "Value"]} for name in exports},
        Parameters={"Cluster": {"Type": "String", "Default": SHARED}},
    )
    assert deploy(cfn, "pipeline", pipeline) == {f"{k}Out": v for k, v in found.items()}
    cfn.delete_stack(StackName="cluster")
    assert status(cfn, "cluster") == "DELETE_FAILED"
    other = pipeline.replace(f'"Default": "{SHARED}"', '"Default": "other"')
    create(cfn, "wrong", other)
    reasons = [e.get("ResourceStatusReason") for e in stack_events(cfn, "wrong")]
    assert "No export named AphexCluster-other-ClusterName found." in reasons


def stack_events(cfn, name):
    return cfn.describe_stack_events(StackName=name)["StackEvents"]
