#!/usr/bin/env -S python3 -S -E
"""A stand-in for the CDK CLI: synthesizes what cdk-stacks.json says, and deploys nothing.

It lies in an application as node_modules/.bin/cdk. $FAKE_CDK names a directory:
  calls              gets a line for each invocation: "synth dev", "deploy Api dev"
  on-synth, on-deploy-<Stack>, on-deploy-<Stack>-<environment>
                     bash scripts that are run first; a failing one is the CLI's failure

cdk-stacks.json: [{"name", "needs"?: [...], "outputs"?: {...}, "resources"?: {...}, "branch"?: true}];
with "branch" the physical name is made of the branch's id, where there is one
"""

import json
import os
import pathlib
import subprocess
import sys

CONTROL = pathlib.Path(os.environ["FAKE_CDK"])


def value_of(option, arguments):
    return arguments[arguments.index(option) + 1]


def call(name, environment):
    with open(CONTROL / "calls", "a", encoding="utf-8") as calls:
        calls.write(f"{name} {environment}\n")
    what = name.replace(" ", "-")
    for script in (f"on-{what}", f"on-{what}-{environment}"):
        if (CONTROL / script).exists():
            code = subprocess.run(["bash", "-e", CONTROL / script], check=False).returncode
            if code != 0:
                sys.exit(code if code > 0 else 1)


def synthesize(arguments):
    context = dict(each.split("=", 1) for each in arguments if "=" in each)
    call("synth", context["environment"])
    output = pathlib.Path(value_of("--output", arguments))
    output.mkdir(parents=True)
    artifacts = {}
    for stack in json.loads(pathlib.Path("cdk-stacks.json").read_text(encoding="utf-8")):
        template = f"{stack['name']}.template.json"
        body = {"Outputs": stack.get("outputs", {})}
        if "resources" in stack:
            body["Resources"] = stack["resources"]
        (output / template).write_text(json.dumps(body))
        artifacts[stack["name"]] = {
            "type": "aws:cloudformation:stack",
            "environment": f"aws://{context['account']}/{context['region']}",
            "dependencies": stack.get("needs", []),
            "properties": {"templateFile": template},
        }
        if stack.get("branch") and "branch" in context:
            assert context["branch"] == os.environ["APHEX_BRANCH_ID"]
            artifacts[stack["name"]]["properties"]["stackName"] = (
                f"{stack['name']}-{context['branch']}")
    manifest = {"version": "36.0.0", "artifacts": artifacts}
    (output / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


def deploy(arguments):
    stack = arguments[1]
    call(f"deploy {stack}", os.environ["APHEX_ENVIRONMENT"])
    template = pathlib.Path(value_of("--app", arguments)) / f"{stack}.template.json"
    outputs = json.loads(template.read_text(encoding="utf-8"))["Outputs"]
    print(f" ✅  {stack}")
    pathlib.Path(value_of("--outputs-file", arguments)).write_text(json.dumps({stack: outputs}))


def main():
    arguments = sys.argv[1:]
    if arguments == ["--version"]:
        print("2.1148.0 (build fake)")
    elif arguments[0] == "synth":
        synthesize(arguments)
    elif arguments[0] == "deploy":
        deploy(arguments)
    else:
        sys.exit(f"the fake CDK knows no {arguments}")


main()
