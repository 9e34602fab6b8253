"""Whole applications come out as aws-cdk-lib makes them: templates, manifest, tree."""

import pytest
from applications import Maker
from conftest import lines, peer, read, tool

SEEDS = range(120)
ENV = {"account": "111122223333", "region": "us-east-1"}


def build_both(applications, directory):
    text = lines(applications)
    tool("app", directory / "ours", text=text)
    peer("app", directory / "theirs", text=text)
    for number in range(len(applications)):
        yield directory / "ours" / str(number), directory / "theirs" / str(number)


def templates(directory):
    found = {}
    for file in directory.rglob("*.template.json"):
        template = read(file)
        for section in template.values():
            for element in section.values() if isinstance(section, dict) else []:
                if isinstance(element, dict) and isinstance(element.get("DependsOn"), list):
                    element["DependsOn"] = sorted(element["DependsOn"])
        found[str(file.relative_to(directory))] = template
    return found


def stack_artifacts(directory):
    """What the cdk command line reads of each stack, without what is named by a hash."""
    found = {}
    for file in directory.rglob("manifest.json"):
        for name, artifact in read(file)["artifacts"].items():
            if artifact["type"] != "aws:cloudformation:stack":
                continue
            properties = {
                key: value for key, value in artifact["properties"].items()
                if key != "stackTemplateAssetObjectUrl"
            }
            # Ours have the partition where it is known.
            text = repr(properties).replace("${AWS::Partition}", "aws") \
                if "unknown" not in artifact["environment"] else repr(properties)
            found[name] = (artifact["environment"], text, sorted(artifact["dependencies"]),
                           artifact["displayName"])
    return {name: (env, sorted(text), needs, shown)
            for name, (env, text, needs, shown) in found.items()}


def constructs(directory):
    """Paths of the tree, without what aws-cdk-lib adds for itself."""
    paths = set()
    waiting = [read(directory / "tree.json")["tree"]]
    while waiting:
        node = waiting.pop()
        if node["id"] not in ("BootstrapVersion", "CheckBootstrapVersion", "Tree"):
            paths.add(node["path"])
        waiting.extend(node.get("children", {}).values())
    return paths


def assert_same(ours, theirs):
    assert templates(ours) == templates(theirs)
    assert stack_artifacts(ours) == stack_artifacts(theirs)
    assert constructs(ours) == constructs(theirs)


def test_random_applications_are_those_of_the_cdk(tmp_path):
    applications = [Maker(seed).application() for seed in SEEDS]
    for seed, (ours, theirs) in zip(SEEDS, build_both(applications, tmp_path)):
        try:
            assert_same(ours, theirs)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {applications[seed]}\n{error}") from error


def resource(name, kind="AWS::SNS::Topic", **more):
    return {"kind": "resource", "id": name, "type": kind, **more}


CASES = {
    "tags": {
        "tags": {"Project": "p", "Environment": "dev"},
        "stacks": [{
            "id": "S", **ENV, "stackTags": {"Owner": "o", "Project": "of the stack"},
            "tags": {"Environment": "prod"},
            "tree": [
                resource("Topic", typed={"tags": [{"key": "Own", "value": "1"},
                                                  {"key": "Project", "value": "own"}]},
                         properties={"Tags": [{"Key": "Own", "Value": "1"},
                                              {"Key": "Project", "Value": "own"}]}),
                resource("Parameter", "AWS::SSM::Parameter", typed={"type": "String", "value": "v"},
                         properties={"Type": "String", "Value": "v"}, tags={"Near": "yes"}),
                resource("Group", "AWS::AutoScaling::AutoScalingGroup",
                         typed={"maxSize": "1", "minSize": "0"},
                         properties={"MaxSize": "1", "MinSize": "0"}),
                resource("Untaggable", "AWS::IAM::Policy"),
            ],
        }],
    },
    "conditions and parameters": {
        "stacks": [{
            "id": "S", **ENV,
            "tree": [
                {"kind": "parameter", "id": "Name", "default": "x"},
                {"kind": "condition", "id": "IsX",
                 "expression": {"$equals": [{"$ref": "S/Name"}, "x"]}},
                resource("T", condition="S/IsX", properties={
                    "TopicName": {"$if": ["S/IsX", "a", {"$pseudo": "AWS::NoValue"}]},
                    "First": {"$select": [0, {"$split": [",", {"$ref": "S/Name"}]}]},
                }),
            ],
        }],
    },
    "overrides": {
        "stacks": [{
            "id": "S", **ENV,
            "tree": [resource(
                "T", logicalId="Chosen",
                properties={"Rules": [{"Id": "a", "Keep": 1}, {"Id": "b"}], "Gone": "x"},
                overrides={"Properties.Rules.0.Id": "changed", "Properties.Gone": None,
                           "Properties.With\\.Dot": True, "UpdatePolicy.X": {"Y": 1},
                           "Properties.Map": {"A": {"B": 1}}, "Properties.Map.A.C": 2})],
        }],
    },
    "stages": {
        "stages": [
            {"id": "Prod", **ENV,
             "stacks": [{"id": "Net", "tree": [resource("T")]},
                        {"id": "App", "tree": [resource("T", properties={
                            "DisplayName": {"$ref": "Prod/Net/T"}})]}]},
            {"id": "Dev", "account": "444455556666", "region": "eu-central-1",
             "stacks": [{"id": "Net", "tree": [resource("T")]}]},
        ],
    },
    "dependencies": {
        "stacks": [
            {"id": "A", **ENV, "tree": [
                {"kind": "plain", "id": "First", "children": [resource("X"), resource("Y")]},
                {"kind": "plain", "id": "Second", "dependsOn": ["A/First"],
                 "children": [resource("X"), resource("Z", dependsOn=["A/Second/X"])]}]},
            {"id": "B", **ENV, "dependsOn": ["A"], "tree": [resource("X")]},
            {"id": "C", **ENV, "tree": [resource("X", dependsOn=["B/X"])]},
        ],
    },
    "permissions boundary": {
        "stacks": [
            {"id": "Known", **ENV, "boundary": "cdk-${Qualifier}-boundary", "tree": [
                resource("Role", "AWS::IAM::Role", typed={"assumeRolePolicyDocument": {}},
                         properties={"AssumeRolePolicyDocument": {}}), resource("T")]},
        ],
    },
    "protected, named, elsewhere": {
        "context": {"@aws-cdk/core:bootstrapQualifier": "own123"},
        "stacks": [{"id": "S", "account": "111122223333", "region": "cn-north-1",
                    "stackName": "other-name", "terminationProtection": True,
                    "tree": [resource("T")]},
                   {"id": "Gov", "account": "111122223333", "region": "us-gov-west-1",
                    "tree": [resource("T")]},
                   {"id": "Anywhere", "tree": [resource("T")]}],
    },
}


@pytest.mark.parametrize("name", CASES)
def test_what_an_application_can_say_comes_out_as_with_the_cdk(name, tmp_path):
    for ours, theirs in build_both([CASES[name]], tmp_path):
        assert templates(ours) == templates(theirs)
        assert constructs(ours) == constructs(theirs)
        if "elsewhere" not in name:
            assert stack_artifacts(ours) == stack_artifacts(theirs)
