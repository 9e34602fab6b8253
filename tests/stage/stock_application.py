"""An application for the stock CDK command line, that needs no library: `app.js` writes the cloud
assembly of what stacks.json says, as aws-cdk-lib does; `{environment}` in it is that's name."""

import json

from program import REPO

APP = """// Writes the cloud assembly that stacks.json describes.
const fs = require("fs"), path = require("path");
const {account, region, environment} = JSON.parse(process.env.CDK_CONTEXT_JSON);
const out = process.env.CDK_OUTDIR;
fs.mkdirSync(out, {recursive: true});
const role = (kind) => `arn:aws:iam::${account}:role/cdk-hnb659fds-${kind}-${account}-${region}`;
const artifacts = {};
const stacks = fs.readFileSync("stacks.json", "utf8").replaceAll("{environment}", environment);
for (const stack of JSON.parse(stacks)) {
  const templateFile = `${stack.name}.template.json`;
  fs.writeFileSync(path.join(out, templateFile), JSON.stringify(stack.template));
  artifacts[stack.name] = {
    type: "aws:cloudformation:stack", environment: `aws://${account}/${region}`,
    properties: {templateFile, stackName: stack.stackName, assumeRoleArn: role("deploy-role"),
                 cloudFormationExecutionRoleArn: role("cfn-exec-role")}};
}
fs.writeFileSync(path.join(out, "manifest.json"),
                 JSON.stringify({version: "36.0.0", artifacts}));
"""


def queue(name):
    return {"Resources": {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": name}}},
            "Outputs": {"Url": {"Value": {"Ref": "Queue"}}}}


def bucket(name):
    return {"Resources": {"Bucket": {"Type": "AWS::S3::Bucket",
                                     "Properties": {"BucketName": name}}}}


class StockApplication:
    """Makes an Application's stack `Api` the CloudFormation stack `stack`; others are named so."""

    def __init__(self, application, stack):
        self.application = application
        self.stack = stack
        application.write("cdk.json", '{"app": "node app.js"}\n')
        application.write("app.js", APP)
        program = application.directory / "node_modules/.bin/cdk"
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(f'#!/bin/sh\nexec {REPO}/node_modules/.bin/cdk "$@"\n')
        program.chmod(0o755)

    def has(self, template, **others):
        named = {"Api": (self.stack, template)} | {
            name: (f"{self.stack}-{name}", each) for name, each in others.items()}
        self.application.write("stacks.json", json.dumps(
            [{"name": name, "stackName": stack, "template": each}
             for name, (stack, each) in named.items()]))
