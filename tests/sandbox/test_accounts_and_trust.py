"""Accounts, keys and who may assume a role."""

import base64
import json
import time

import pytest
from botocore.exceptions import ClientError
from conftest import PIPELINE, TARGET

ROLE = f"arn:aws:iam::{TARGET}:role/deploy"


def make_role(sandbox, *statements, name="deploy"):
    policy = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    iam = sandbox.client("iam", TARGET)
    return iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy)["Role"]["Arn"]


def trusting(principal, action="sts:AssumeRole", effect="Allow", condition=None):
    statement = {"Effect": effect, "Principal": principal, "Action": action}
    return {**statement, "Condition": condition} if condition else statement


def assume(sandbox, arn=ROLE, account=PIPELINE, **more):
    sts = sandbox.client("sts", account)
    return sts.assume_role(RoleArn=arn, RoleSessionName="test", **more)


def refusal(call, *arguments, **more):
    with pytest.raises(ClientError) as caught:
        call(*arguments, **more)
    return caught.value.response["Error"]


def test_an_account_keeps_its_key_however_often_it_is_asked_for(sandbox):
    first = sandbox.key(TARGET)
    assert first == sandbox.key(TARGET)
    assert first["account"] == TARGET
    _, listed = sandbox.call("GET", "/_aphex/accounts")
    assert [a["account"] for a in listed["accounts"]] == [PIPELINE, TARGET]
    identity = sandbox.client("sts", TARGET).get_caller_identity()
    assert identity["Account"] == TARGET


@pytest.mark.parametrize("account", ["1234", 123456789012, "12345678901a", None])
def test_an_account_that_is_not_twelve_digits_is_refused(sandbox, account):
    status, answer = sandbox.call("POST", "/_aphex/accounts", {"account": account})
    assert status == 400
    assert "Invalid AWS account ID format: must be 12 digits" in answer["error"]


@pytest.mark.parametrize(
    ("service", "call", "code"),
    [
        ("sts", "get_caller_identity", "InvalidClientTokenId"),
        ("cloudformation", "describe_stacks", "InvalidClientTokenId"),
        ("ssm", "describe_parameters", "UnrecognizedClientException"),
        ("lambda", "list_functions", "UnrecognizedClientException"),
        ("s3", "list_buckets", "InvalidAccessKeyId"),
    ],
)
def test_a_key_that_nobody_made_is_refused_by_every_service(sandbox, service, call, code):
    keys = {"aws_access_key_id": "AKIAIOSFODNN7EXAMPLE", "aws_secret_access_key": "x"}
    client = sandbox.client(service, **keys)
    assert refusal(getattr(client, call))["Code"] == code


def test_a_role_that_trusts_the_callers_account_can_be_assumed(sandbox):
    make_role(sandbox, trusting({"AWS": f"arn:aws:iam::{PIPELINE}:root"}))
    keys = assume(sandbox)["Credentials"]
    session = sandbox.client(
        "sts",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )
    arn = session.get_caller_identity()["Arn"]
    assert arn == f"arn:aws:sts::{TARGET}:assumed-role/deploy/test"


def test_a_role_that_trusts_another_account_is_denied_in_the_words_of_aws(sandbox):
    make_role(sandbox, trusting({"AWS": "999999999999"}))
    error = refusal(assume, sandbox)
    assert error["Code"] == "AccessDenied"
    assert error["Message"] == (
        f"User: arn:aws:iam::{PIPELINE}:user/aphex-sandbox-admin is not authorized to perform:"
        f" sts:AssumeRole on resource: {ROLE}"
    )


def test_a_role_that_does_not_exist_is_denied_too(sandbox):
    assert refusal(assume, sandbox)["Code"] == "AccessDenied"


def test_a_chained_session_is_named_by_its_session_arn(sandbox):
    make_role(sandbox, trusting({"AWS": PIPELINE}))
    keys = assume(sandbox)["Credentials"]
    chained = sandbox.client(
        "sts",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )
    other = f"arn:aws:iam::{PIPELINE}:role/none"
    error = refusal(chained.assume_role, RoleArn=other, RoleSessionName="next")
    assert f"User: arn:aws:sts::{TARGET}:assumed-role/deploy/test is not" in error["Message"]


@pytest.mark.parametrize(
    ("statement", "more", "allowed"),
    [
        (trusting({"AWS": "*"}), {}, True),
        (trusting({"Service": "ec2.amazonaws.com"}), {}, False),
        (trusting({"AWS": f"arn:aws:iam::{PIPELINE}:user/somebody"}), {}, False),
        (trusting({"AWS": f"arn:aws:iam::{PIPELINE}:user/aphex-sandbox-admin"}), {}, True),
        (trusting({"AWS": PIPELINE}, "sts:*"), {}, True),
        (trusting({"AWS": PIPELINE}, "sts:TagSession"), {}, False),
        (
            trusting({"AWS": PIPELINE}, condition={"StringEquals": {"sts:ExternalId": "e-1"}}),
            {"ExternalId": "e-1"},
            True,
        ),
        (
            trusting({"AWS": PIPELINE}, condition={"StringEquals": {"sts:ExternalId": "e-1"}}),
            {},
            False,
        ),
        (
            trusting({"AWS": PIPELINE}, condition={"Null": {"sts:ExternalId": "true"}}),
            {"ExternalId": "e-1"},
            False,
        ),
        (trusting({"AWS": PIPELINE}), {"Tags": [{"Key": "a", "Value": "b"}]}, False),
        (
            trusting({"AWS": PIPELINE}, ["sts:AssumeRole", "sts:TagSession"]),
            {"Tags": [{"Key": "a", "Value": "b"}]},
            True,
        ),
    ],
)
def test_the_trust_policy_decides(sandbox, statement, more, allowed):
    make_role(sandbox, statement)
    if allowed:
        assert assume(sandbox, **more)["Credentials"]
    else:
        assert refusal(assume, sandbox, **more)["Code"] == "AccessDenied"


def test_a_denying_statement_wins(sandbox):
    everybody = trusting({"AWS": "*"})
    make_role(sandbox, everybody, trusting({"AWS": PIPELINE}, effect="Deny"))
    assert refusal(assume, sandbox)["Code"] == "AccessDenied"


@pytest.mark.parametrize("how", ["inline", "attached"])
@pytest.mark.parametrize(("denied", "allowed"), [(ROLE, False), (f"{ROLE}-other", True)])
def test_what_a_caller_is_denied_by_its_own_policies_it_may_not(sandbox, how, denied, allowed):
    make_role(sandbox, trusting({"AWS": PIPELINE}))
    iam = sandbox.client("iam")
    iam.create_user(UserName="restricted")
    policy = json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Effect": "Deny", "Action": "sts:Assume*", "Resource": denied}]})
    if how == "inline":
        iam.put_user_policy(UserName="restricted", PolicyName="p", PolicyDocument=policy)
    else:
        arn = iam.create_policy(PolicyName="p", PolicyDocument=policy)["Policy"]["Arn"]
        iam.attach_user_policy(UserName="restricted", PolicyArn=arn)
    key = iam.create_access_key(UserName="restricted")["AccessKey"]
    caller = sandbox.client("sts", aws_access_key_id=key["AccessKeyId"],
                            aws_secret_access_key=key["SecretAccessKey"])
    arguments = {"RoleArn": ROLE, "RoleSessionName": "test"}
    if allowed:
        assert caller.assume_role(**arguments)["Credentials"]
    else:
        error = refusal(caller.assume_role, **arguments)
        assert error["Code"] == "AccessDenied"
        assert error["Message"] == (
            f"User: arn:aws:iam::{PIPELINE}:user/restricted is not authorized to perform: "
            f"sts:AssumeRole on resource: {ROLE} with an explicit deny in an identity-based policy"
        )


# Web identities.

ISSUER = "oidc.eks.us-east-1.amazonaws.com/id/EXAMPLE"
SUBJECT = "system:serviceaccount:pipeline:runner"


def token(**claims):
    known = {"iss": f"https://{ISSUER}", "aud": ["sts.amazonaws.com"], "sub": SUBJECT}
    content = json.dumps({**known, "exp": time.time() + 60, **claims}).encode()
    return "e30." + base64.urlsafe_b64encode(content).decode().rstrip("=") + ".sig"


@pytest.fixture
def irsa(sandbox):
    iam = sandbox.client("iam", TARGET)
    iam.create_open_id_connect_provider(
        Url=f"https://{ISSUER}", ClientIDList=["sts.amazonaws.com"], ThumbprintList=["a" * 40]
    )
    pinned = {f"{ISSUER}:aud": "sts.amazonaws.com", f"{ISSUER}:sub": SUBJECT}
    provider = {"Federated": f"arn:aws:iam::{TARGET}:oidc-provider/{ISSUER}"}
    condition = {"StringEquals": pinned}
    make_role(sandbox, trusting(provider, "sts:AssumeRoleWithWebIdentity", condition=condition))
    keys = {"aws_access_key_id": "none", "aws_secret_access_key": "none"}
    sts = sandbox.client("sts", **keys)

    def call(given, arn=ROLE):
        return sts.assume_role_with_web_identity(
            RoleArn=arn, RoleSessionName="pod", WebIdentityToken=given
        )

    return call


def test_a_pod_assumes_its_role_with_its_token(irsa):
    assert irsa(token())["Credentials"]["SessionToken"]


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"sub": "system:serviceaccount:default:other"}, "AccessDenied"),
        ({"aud": ["somebody-else"]}, "InvalidIdentityToken"),
        ({"iss": "https://elsewhere.example"}, "InvalidIdentityToken"),
        ({"exp": 1}, "ExpiredTokenException"),
    ],
)
def test_another_identity_is_refused(irsa, claims, code):
    assert refusal(irsa, token(**claims))["Code"] == code


def test_a_token_that_is_no_token_is_refused(irsa):
    assert refusal(irsa, "nonsense")["Code"] == "InvalidIdentityToken"
