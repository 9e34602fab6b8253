"""Small helpers around CloudFormation for the tests."""

import json
from typing import Any

ALLOW_LAMBDA = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}


def template(resources: dict[str, Any], outputs: dict[str, Any] | None = None, **more) -> str:
    shown = {
        key: value if "Value" in value else {"Value": value}
        for key, value in (outputs or {}).items()
    }
    return json.dumps({"Resources": resources, "Outputs": shown, **more})


def resource(type_name: str, /, depends_on: Any = None, policy: str | None = None, **properties):
    made: dict[str, Any] = {"Type": type_name, "Properties": properties}
    if depends_on:
        made["DependsOn"] = depends_on
    if policy:
        made["DeletionPolicy"] = policy
    return made


def ref(name: str) -> dict[str, str]:
    return {"Ref": name}


def att(name: str, attribute: str) -> dict[str, list[str]]:
    return {"Fn::GetAtt": [name, attribute]}


def create(cfn, name: str, body: str, **more) -> None:
    capabilities = ["CAPABILITY_NAMED_IAM"]
    cfn.create_stack(StackName=name, TemplateBody=body, Capabilities=capabilities, **more)


def update(cfn, name: str, body: str, **more) -> None:
    capabilities = ["CAPABILITY_NAMED_IAM"]
    cfn.update_stack(StackName=name, TemplateBody=body, Capabilities=capabilities, **more)


def describe(cfn, name: str) -> dict[str, Any]:
    return cfn.describe_stacks(StackName=name)["Stacks"][0]


def status(cfn, name: str) -> str:
    return describe(cfn, name)["StackStatus"]


def outputs(cfn, name: str) -> dict[str, str]:
    found = describe(cfn, name).get("Outputs", [])
    return {o["OutputKey"]: o["OutputValue"] for o in found}


def events(cfn, name: str) -> list[tuple[str, str]]:
    """(logical id, status), oldest first."""
    found = cfn.describe_stack_events(StackName=name)["StackEvents"]
    return [(e["LogicalResourceId"], e["ResourceStatus"]) for e in reversed(found)]


def reasons(cfn, name: str, wanted: str) -> list[str]:
    found = cfn.describe_stack_events(StackName=name)["StackEvents"]
    return [
        e.get("ResourceStatusReason", "") for e in reversed(found) if e["ResourceStatus"] == wanted
    ]


def deploy(cfn, name: str, body: str) -> dict[str, str]:
    create(cfn, name, body)
    assert status(cfn, name) == "CREATE_COMPLETE", reasons(cfn, name, "CREATE_FAILED")
    return outputs(cfn, name)
