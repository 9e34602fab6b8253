"""What the tests of single resource types share: a stack with tags, made, changed, removed."""

import pytest
from botocore.exceptions import ClientError
from stacks import create, outputs, reasons, status, template, update

STACK_TAGS = [{"Key": "Project", "Value": "archon"}, {"Key": "ManagedBy", "Value": "aphex"}]
OWN_TAG = {"Key": "Environment", "Value": "dev"}
EVERYTHING = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}],
}


def make(cfn, resources, values=None):
    create(cfn, "s", template(resources, values), Tags=STACK_TAGS)
    assert status(cfn, "s") == "CREATE_COMPLETE", reasons(cfn, "s", "CREATE_FAILED")
    return outputs(cfn, "s")


def change(cfn, resources, values=None, tags=STACK_TAGS):
    update(cfn, "s", template(resources, values), Tags=tags)
    assert status(cfn, "s") == "UPDATE_COMPLETE", reasons(cfn, "s", "UPDATE_FAILED")
    return outputs(cfn, "s")


def remove(cfn):
    cfn.delete_stack(StackName="s")
    assert cfn.describe_stacks()["Stacks"] == []


def as_map(tags):
    """Of tags without those by which a resource names its stack."""
    names = ("Key", "Value") if tags and "Key" in tags[0] else ("TagKey", "TagValue")
    found = {tag[names[0]]: tag[names[1]] for tag in tags}
    return {key: value for key, value in found.items() if not key.startswith("aws:")}


ALL_TAGS = {"Project": "archon", "ManagedBy": "aphex", "Environment": "dev"}


def code_of(call, **more):
    with pytest.raises(ClientError) as caught:
        call(**more)
    return caught.value.response["Error"]["Code"]
