"""Logical ids, stack names, artifact names and addresses are those of aws-cdk-lib."""

import itertools
import json

from conftest import lines, peer, tool

ODD = ["Bucket", "Resource", "Default", "a-b", "a_b.c", "with space", "Bücher", "日本語", "🙂", "-",
       "0", "007Agent", "{\"Ref\":\"X\"}", "aws:thing", "é", "tab\there", "X" * 60, "${Token}"]

PATHS = (
    # One id alone has no hash, unless it is long.
    [[name] for name in ODD] + [["A" * 240], ["A" * 255], ["A" * 256], ["b" * 300], ["z" * 128],
                                ["z" * 129]]
    # Any two of them.
    + [list(pair) for pair in itertools.product(ODD[:9], ODD[:9])]
    # Hidden, repeated, and both.
    + [["Stack", "Default", "Bucket", "Resource"], ["Default", "Bucket"], ["Bucket", "Default"],
       ["Default", "Default", "X"], ["Resource"], ["Resource", "Resource"],
       ["Bucket", "Bucket", "Bucket"], ["MyBucket", "Bucket"], ["MyBucket", "Bucket", "Bucket"],
       ["Bucket", "MyBucket"], ["Resource", "Resource", "Bucket"], ["A", "AA", "A"],
       ["AA", "A", "AA"], ["MyResource", "Resource", "Thing"], ["x", "Default", "x"]]
    # Long ones are cut.
    + [["A" * 100, "B" * 100, "C" * 100], ["A" * 239, "B"], ["A" * 240, "B"], ["A" * 241, "B"],
       ["Stack", "x" * 200, "y" * 60], ["é" * 300, "b"]]
    # Deep ones.
    + [[str(level) for level in range(depth)] for depth in (3, 10, 60)]
    + [["Level"] * depth for depth in (2, 5, 40)]
    # What the CDK makes for exports.
    + [["Exports", 'Output{"Ref":"Bucket83908E77"}'],
       ["Exports", 'Output{"Fn::GetAtt":["Bucket83908E77","Arn"]}']]
)


def test_names_are_those_of_the_cdk():
    assert len(PATHS) > 100
    text = lines(PATHS)
    ours = [json.loads(line) for line in tool("names", text=text).stdout.splitlines()]
    theirs = [json.loads(line) for line in peer("names", text=text).stdout.splitlines()]
    assert len(ours) == len(theirs) == len(PATHS)
    for path, our, their in zip(PATHS, ours, theirs):
        if their["stackName"] is None:  # refused by the CDK: no name for a stack
            our = {**our, "stackName": None, "artifact": None}
        if all(name == "Default" for name in path):
            our = {**our, "stackName": None, "artifact": None}
            their = {**their, "stackName": None, "artifact": None}
        assert our == their, path
