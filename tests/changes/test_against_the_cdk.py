"""What a deployment would change, held against the CDK's own comparison of templates.

Both read the same two templates; the CDK's is the npm package that `cdk diff` prints with.
"""

import json
import os
import pathlib
import subprocess

import pytest
from hypothesis import HealthCheck, example, given, note, settings
from hypothesis import strategies as st

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent
SETTINGS = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))


class Lines:
    """A program that answers a line with a line."""

    def __init__(self, *command, cwd):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, cwd=cwd)

    def __call__(self, before, after):
        self.process.stdin.write(json.dumps({"before": before, "after": after}) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=10)


@pytest.fixture(scope="module")
def ours():
    program = pathlib.Path(os.environ.get("APHEX_BIN", ROOT / "build/release/bin/aphex"))
    probe = program.parent / "changes_probe"
    assert probe.exists(), f"{probe} is not there: build it, or set APHEX_BIN"
    lines = Lines(probe, cwd="/")
    yield lines
    lines.close()


@pytest.fixture(scope="module")
def cdk():
    lines = Lines("node", "peer.cjs", cwd=HERE)
    yield lines
    lines.close()


def properties(**choices):
    """A mapping with some of the keys."""
    return st.fixed_dictionaries({}, optional={key: st.sampled_from(values)
                                               for key, values in choices.items()})


def resource(kind, values):
    return values.map(lambda chosen: {"Type": kind, "Properties": chosen})


# Of each: a property that replaces, where there is one, and such that do not.
PLAIN = st.one_of(
    resource("AWS::S3::Bucket", properties(BucketName=["a", "b"], AccessControl=["Private"])),
    resource("AWS::SQS::Queue", properties(QueueName=["a", "b"], DelaySeconds=[1, 2])),
    resource("AWS::SNS::Topic", properties(TopicName=["a", "b"], DisplayName=["x", "y"])),
    resource("AWS::Lambda::Function", properties(FunctionName=["a", "b"], Timeout=[1, 2])),
    resource("AWS::Logs::LogGroup", properties(LogGroupName=["a", "b"], RetentionInDays=[1, 3])),
)


def lists(items):
    return st.lists(st.sampled_from(items), min_size=1, max_size=3, unique=True)


CONDITIONS = st.sampled_from([None, {"Bool": {"aws:SecureTransport": "true"}}])


@st.composite
def statements(draw, principals=None):
    found = []
    for _ in range(draw(st.integers(1, 3))):
        one = {"Effect": draw(st.sampled_from(["Allow", "Allow", "Deny"])),
               draw(st.sampled_from(["Action", "Action", "NotAction"])): draw(
                   lists(["s3:GetObject", "s3:*", "*", "sqs:SendMessage"])),
               "Resource": draw(st.sampled_from([["*"], ["arn:aws:s3:::b", "arn:aws:s3:::b/*"],
                                                  ["arn:aws:s3:::b/*"]]))}
        if principals:
            one["Principal"] = draw(st.sampled_from(principals))
        if condition := draw(CONDITIONS):
            one["Condition"] = condition
        found.append(one)
    return {"Version": "2012-10-17", "Statement": found}


@st.composite
def roles(draw):
    service = draw(st.sampled_from(["lambda.amazonaws.com", "ec2.amazonaws.com"]))
    made = {"AssumeRolePolicyDocument": {"Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}]}}
    if draw(st.booleans()):
        made["ManagedPolicyArns"] = draw(lists(["arn:aws:iam::aws:policy/A", "arn:aws:iam::1:p/B"]))
    if draw(st.booleans()):
        made["Policies"] = [{"PolicyName": "p", "PolicyDocument": draw(statements())}]
    return {"Type": "AWS::IAM::Role", "Properties": made}


@st.composite
def templates(draw):
    resources = {f"Plain{i}": draw(PLAIN) for i in range(3) if draw(st.booleans())}
    if draw(st.booleans()):
        resources["Role"] = draw(roles())
    if draw(st.booleans()):
        resources["Policy"] = {"Type": "AWS::IAM::Policy", "Properties": {
            "PolicyName": "p", "Roles": [{"Ref": "Role"}], "PolicyDocument": draw(statements())}}
    if draw(st.booleans()):
        resources["BucketPolicy"] = {"Type": "AWS::S3::BucketPolicy", "Properties": {
            "Bucket": {"Ref": "Bucket"}, "PolicyDocument": draw(statements(
                ["*", {"AWS": "arn:aws:iam::1:root"}, {"Service": "cloudtrail.amazonaws.com"}]))}}
    if draw(st.booleans()):
        resources["Group"] = {"Type": "AWS::EC2::SecurityGroup", "Properties": {
            "SecurityGroupEgress": [{"CidrIp": "0.0.0.0/0", "IpProtocol": "-1"}],
            "SecurityGroupIngress": [
                {"CidrIp": cidr, "IpProtocol": "tcp", "FromPort": port, "ToPort": port}
                for cidr in draw(lists(["0.0.0.0/0", "10.0.0.0/8"]))
                for port in draw(lists([22, 443]))]}}
    return {"Resources": resources}


def resources_of(stack):
    found = {}
    for entry in stack["entries"]:
        assert entry["section"] == "Resources"
        kind = entry["change"]
        if kind == "modified":
            kind = {"will": "replaced", "may": "may", "never": kind}[entry["replacement"]]
        found[entry["id"]] = kind
    return found


def key_of(statement):
    return (statement["effect"], *(tuple(sorted(statement[key])) for key in
                                   ("principals", "actions", "resources")),
            bool(statement["condition"]))


def statements_of(stack, change):
    return {key_of(each) for each in stack["permissions"]
            if each["kind"] == "statement" and each["change"] == change}


def count(stack, kind, change):
    return len([each for each in stack["permissions"]
                if each["kind"] == kind and each["change"] == change])


GRANT = {"Version": "2012-10-17",
         "Statement": [{"Effect": "Allow", "Action": ["s3:*"], "Resource": ["*"]}]}
POLICY = {"Type": "AWS::IAM::Policy", "Properties": {
    "PolicyName": "p", "Roles": [{"Ref": "Role"}], "PolicyDocument": GRANT}}
ROLE = {"Type": "AWS::IAM::Role", "Properties": {
    "AssumeRolePolicyDocument": {"Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "a.b"}}]},
    "Policies": [{"PolicyName": "p", "PolicyDocument": GRANT}]}}


@SETTINGS
@example(before={"Resources": {"Policy": POLICY}},
         after={"Resources": {"Role": ROLE, "Policy": POLICY}})
@given(before=templates(), after=templates())
def test_both_see_the_same_changes(ours, cdk, before, after):
    note(json.dumps({"before": before, "after": after}))
    mine, theirs = ours(before, after)["stack"], cdk(before, after)
    assert resources_of(mine) == theirs["resources"]
    for change, other in (("added", before), ("removed", after)):
        # The CDK counts: it tells of a statement that a second resource says, too. Ours asks what
        # somebody may do: nothing has changed where the other template says the same.
        stands = {key_of(each) for each in cdk({"Resources": {}}, other)["statements"]["added"]}
        assert statements_of(mine, change) == {
            key_of(each) for each in theirs["statements"][change]} - stands, change
        assert count(mine, "network", change) == theirs["rules"][change]
        assert count(mine, "attached", change) == theirs["attachments"][change]


@SETTINGS
@given(before=templates(), after=templates())
def test_whoever_says_that_something_broadens_has_what_the_cdk_calls_an_addition(
        ours, cdk, before, after):
    mine, theirs = ours(before, after)["stack"], cdk(before, after)
    broader = [each for each in mine["permissions"] if each["broadens"]]
    asks = (theirs["statements"]["added"] or theirs["attachments"]["added"]
            or theirs["rules"]["added"]
            or [each for each in theirs["statements"]["removed"] if each["effect"] == "Deny"])
    assert not broader or asks
