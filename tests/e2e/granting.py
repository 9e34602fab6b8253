"""A stack whose role may do more in the commit than where it is deployed."""

import contextlib
import json

import boto3

STACK = "Api"


def resources(action, resource):
    statement = {"Effect": "Allow", "Action": action, "Resource": resource}
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole",
             "Principal": {"Service": "lambda.amazonaws.com"}}
    return {"Worker": {"Type": "AWS::IAM::Role", "Properties": {
                "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]}}},
            "Grant": {"Type": "AWS::IAM::Policy", "Properties": {
                "PolicyName": "worker", "Roles": [{"Ref": "Worker"}],
                "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]}}}}


NARROW = resources("s3:GetObject", "arn:aws:s3:::transcripts/*")
BROAD = resources("s3:*", "*")


@contextlib.contextmanager
def deployed(variables, region="us-east-1"):
    """The stack with NARROW, in the sandbox that `variables` lead to."""
    cloudformation = boto3.client(
        "cloudformation", region_name=region, endpoint_url=variables["AWS_ENDPOINT_URL"],
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=variables.get("AWS_SESSION_TOKEN"))
    cloudformation.create_stack(
        StackName=STACK, Capabilities=["CAPABILITY_IAM"],
        TemplateBody=json.dumps({"Outputs": {}, "Resources": NARROW}))
    try:
        yield
    finally:
        cloudformation.delete_stack(StackName=STACK)
