// A CDK application without the CDK's library, which pods of a test cluster cannot download: it
// writes the cloud assembly of stacks.json, with what the bootstrap's roles are called.
const { createHash } = require("node:crypto");
const { mkdirSync, readFileSync, writeFileSync } = require("node:fs");
const { join } = require("node:path");

const { environment, account, region } = JSON.parse(process.env.CDK_CONTEXT_JSON);
const output = process.env.CDK_OUTDIR;
const version = "36.0.0";
const role = (kind) =>
  `arn:\${AWS::Partition}:iam::${account}:role/cdk-hnb659fds-${kind}-role-${account}-${region}`;
const bucketName = `cdk-hnb659fds-assets-${account}-${region}`;

const templateOf = (stack) => ({
  Resources: {
    Parameter: {
      Type: "AWS::SSM::Parameter",
      Properties: {
        Type: "String",
        Name: stack.parameter ?? `/${stack.physicalName}-${environment}`,
        Value: stack.value,
      },
    },
  },
  Outputs: { Value: { Value: stack.value }, Parameter: { Value: { Ref: "Parameter" } } },
});

const artifacts = {};
mkdirSync(output, { recursive: true });
for (const stack of JSON.parse(readFileSync("stacks.json", "utf8"))) {
  const text = JSON.stringify(templateOf(stack));
  const hash = createHash("sha256").update(text).digest("hex");
  const file = `${stack.name}.template.json`;
  writeFileSync(join(output, file), text);
  const destination = { bucketName, objectKey: `${hash}.json`, region,
    assumeRoleArn: role("file-publishing") };
  const assets = `${stack.name}.assets`;
  writeFileSync(join(output, `${assets}.json`), JSON.stringify({ version, dockerImages: {},
    files: { [hash]: { source: { path: file, packaging: "file" },
      destinations: { current: destination } } } }));
  artifacts[assets] = { type: "cdk:asset-manifest", properties: { file: `${assets}.json` } };
  artifacts[stack.name] = {
    type: "aws:cloudformation:stack",
    environment: `aws://${account}/${region}`,
    dependencies: [assets, ...(stack.needs ?? [])],
    displayName: stack.name,
    properties: {
      templateFile: file,
      stackName: `${stack.physicalName}-${environment}`,
      assumeRoleArn: role("deploy"),
      cloudFormationExecutionRoleArn: role("cfn-exec"),
      stackTemplateAssetObjectUrl: `s3://${bucketName}/${hash}.json`,
    },
  };
}
writeFileSync(join(output, "manifest.json"), JSON.stringify({ version, artifacts }));
