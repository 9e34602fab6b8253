"""Whom the API server takes a caller with an EKS token for, and which tokens it refuses."""

import datetime

import pytest

import eks_tokens
from kube_api import ApiError

WHO = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
REVIEW = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}


def identity(cluster, token):
    return cluster.api(token).create(WHO, REVIEW)["status"]["userInfo"]


def refusal(cluster, token):
    """Why: the server only says 401."""
    with pytest.raises(ApiError) as refused:
        identity(cluster, token)
    assert (refused.value.code, refused.value.message) == (401, "Unauthorized")
    return cluster.eks.refusals[-1]


@pytest.fixture
def role(cluster, sts, request):
    """A role with an access entry, of this test alone."""
    arn = sts.role(f"deployer-{request.node.name[:40].replace('[', '-').replace(']', '')}")
    cluster.eks.grant(arn, groups=["aphex:deployers"])
    yield arn
    cluster.eks.revoke(arn)


@pytest.fixture
def caller(sts, role):
    return sts.assume(role, "run-17")


def test_a_role_with_an_access_entry_is_a_user_in_its_groups(cluster, caller, role):
    user = identity(cluster, eks_tokens.token(caller, "aphex-test"))
    name = role.rpartition("/")[2]
    session = f"arn:aws:sts::123456789012:assumed-role/{name}/run-17"
    assert user["username"] == session
    assert user["groups"] == ["aphex:deployers", "system:authenticated"]
    assert user["extra"]["arn"] == [session]
    assert user["extra"]["canonicalArn"] == [role]
    assert user["extra"]["sessionName"] == ["run-17"]


def test_an_entry_may_name_the_user(cluster, caller, role):
    cluster.eks.grant(role, username="pipeline")
    assert identity(cluster, eks_tokens.token(caller, "aphex-test"))["username"] == "pipeline"


def test_rights_of_a_group_count_for_the_role(cluster, caller):
    namespace = cluster.namespace()
    api = cluster.api(eks_tokens.token(caller, "aphex-test"))
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    with pytest.raises(ApiError, match="cannot list resource \"configmaps\""):
        api.list(path)
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"]}]
    cluster.bind("aphex:deployers", rules, namespace, group=True)
    assert api.list(path) == []


def test_a_revoked_entry_ends_access_for_new_tokens(cluster, caller, role):
    identity(cluster, eks_tokens.token(caller, "aphex-test"))
    cluster.eks.revoke(role)
    # Another life time, or it would be the same token, which the server remembers for 10 s.
    token = eks_tokens.token(caller, "aphex-test", expires_seconds=61)
    assert refusal(cluster, token) == f"{role} has no access entry"


def test_a_role_without_an_entry_is_refused(cluster, sts):
    stranger = sts.role("stranger")
    token = eks_tokens.token(sts.assume(stranger), "aphex-test")
    assert refusal(cluster, token) == f"{stranger} has no access entry"


def test_an_entry_of_a_role_with_a_path_is_found(cluster, sts):
    arn = sts.role("delivery")
    cluster.eks.grant(arn.replace("role/", "role/teams/platform/"), username="platform")
    assert identity(cluster, eks_tokens.token(sts.assume(arn), "aphex-test"))[
        "username"] == "platform"


def test_the_cluster_takes_another_name(cluster, caller):
    before = cluster.eks.cluster_name
    cluster.eks.cluster_name = "production"
    try:
        identity(cluster, eks_tokens.token(caller, "production"))
    finally:
        cluster.eks.cluster_name = before


def test_a_token_for_another_sts_may_be_answered_here(cluster, caller, moto_endpoint):
    sts_of_aws = "https://sts.us-east-1.amazonaws.com"
    url = eks_tokens.presign(caller, "aphex-test").replace(moto_endpoint, sts_of_aws)
    assert refusal(cluster, eks_tokens.encode(url)) == (
        f"{sts_of_aws} is not an STS endpoint that this cluster knows")
    cluster.eks.allow(sts_of_aws, forward_to=moto_endpoint)
    # Signed for moto's host name: it comes as far as the signature.
    assert refusal(cluster, eks_tokens.encode(url)) == (
        "the signature does not match this cluster's request")


@pytest.mark.parametrize("make, reason", [
    (lambda caller: eks_tokens.token(caller, "another-cluster"),
     "the signature does not match this cluster's request"),
    (lambda caller: eks_tokens.token(caller, "aphex-test", expires_seconds=901),
     "X-Amz-Expires is '901', at most 900 is allowed"),
    (lambda caller: eks_tokens.token(caller, "aphex-test", sign_header=False),
     "the header x-k8s-aws-id is not signed"),
    (lambda caller: eks_tokens.token(caller, "aphex-test", action="AssumeRole"),
     "the action is 'AssumeRole', not GetCallerIdentity"),
    (lambda caller: eks_tokens.encode("http://127.0.0.1:9/?Action=GetCallerIdentity"),
     "http://127.0.0.1:9 is not an STS endpoint that this cluster knows"),
    (lambda caller: eks_tokens.encode("no address"), "the token holds no address"),
    (lambda caller: eks_tokens.token(caller, "aphex-test") + "=",
     "the token is not base64url without padding"),
    (lambda caller: "k8s-aws-v2.abc", "the token does not begin with k8s-aws-v1."),
    (lambda caller: eks_tokens.token(caller, "aphex-test") + "A" * 4096, "the token is too long"),
    (lambda caller: eks_tokens.encode(
        eks_tokens.presign(caller, "aphex-test") + "&X-Amz-Debug=1"),
     "the parameter x-amz-debug does not belong there"),
    (lambda caller: eks_tokens.encode(
        eks_tokens.presign(caller, "aphex-test") + "&action=GetCallerIdentity"),
     "the parameter action is there twice"),
], ids=["another cluster", "too long a life", "cluster not signed", "another action",
        "another host", "no address", "padding", "another version", "too long", "unknown parameter",
        "parameter twice"])
def test_is_refused(cluster, caller, make, reason):
    assert refusal(cluster, make(caller)) == reason


def test_a_forged_signature_is_refused(cluster, caller):
    url = eks_tokens.presign(caller, "aphex-test")
    forged = eks_tokens.encode(eks_tokens.with_parameter(url, "X-Amz-Signature", "0" * 64))
    assert refusal(cluster, forged) == "the signature does not match this cluster's request"


@pytest.mark.parametrize("minutes, accepted", [(14, True), (16, False)])
def test_a_token_lives_for_15_minutes(cluster, sts, caller, minutes, accepted):
    made = datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=minutes)
    url = eks_tokens.presign(caller, "aphex-test")
    old = eks_tokens.encode(eks_tokens.with_parameter(
        url, "X-Amz-Date", made.strftime("%Y%m%dT%H%M%SZ")))
    # Its signature is of another time; here only the age counts.
    cluster.eks.secret_of = lambda access_key_id: None
    if accepted:
        identity(cluster, old)
    else:
        assert refusal(cluster, old) == "the token has expired"


def test_an_sts_that_cannot_be_reached_means_refusal(cluster, caller, moto_endpoint):
    cluster.eks.allow(moto_endpoint, forward_to="http://127.0.0.1:9")
    try:
        assert refusal(cluster, eks_tokens.token(caller, "aphex-test")).startswith(
            "STS at http://127.0.0.1:9 cannot be reached: ")
    finally:
        cluster.eks.allow(moto_endpoint)
