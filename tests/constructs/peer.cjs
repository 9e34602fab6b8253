// The same as construct_tool, by aws-cdk-lib.
//
//   node peer.cjs names
//   node peer.cjs app DIRECTORY
'use strict';
const fs = require('node:fs');
const path = require('node:path');
const cdk = require('aws-cdk-lib');
const { Construct, Node } = require('constructs');

// What our templates have, too: the flags that aws-cdk-lib recommends for new applications.
const FLAGS = {
  '@aws-cdk/core:enablePartitionLiterals': true,
  'aws:cdk:enable-path-metadata': true,
  '@aws-cdk/core:explicitStackTags': false,
};
const TYPED = {
  'AWS::SNS::Topic': require('aws-cdk-lib/aws-sns').CfnTopic,
  'AWS::SSM::Parameter': require('aws-cdk-lib/aws-ssm').CfnParameter,
  'AWS::AutoScaling::AutoScalingGroup':
    require('aws-cdk-lib/aws-autoscaling').CfnAutoScalingGroup,
  'AWS::IAM::Role': require('aws-cdk-lib/aws-iam').CfnRole,
};

function namesOf(ids) {
  const app = new cdk.App({ analyticsReporting: false });
  let scope = app;
  for (const id of ids) scope = new Construct(scope, id);
  const named = new cdk.App({ analyticsReporting: false });
  let holder = named;
  for (const id of ids.slice(0, -1)) holder = new Construct(holder, id);
  let stackName = null;
  let artifact = null;
  try {
    const stack = new cdk.Stack(holder, ids.at(-1));
    stackName = stack.stackName;
    artifact = stack.artifactId;
  } catch (error) {
    if (!/Stack name must match|empty set of components/.test(error.message)) throw error;
  }
  let inStack = new cdk.Stack(new cdk.App({ analyticsReporting: false }), 'Stack');
  for (const id of ids.slice(0, -1)) inStack = new Construct(inStack, id);
  let logicalId = '';
  try {
    const resource = new cdk.CfnResource(inStack, ids.at(-1), { type: 'AWS::SNS::Topic' });
    logicalId = cdk.Stack.of(resource).resolve(resource.logicalId);
  } catch (error) {
    if (!/Logical ID must adhere|empty set of components/.test(error.message)) throw error;
  }
  return { logicalId, stackName, artifact, address: Node.of(scope).addr };
}

class Builder {
  constructor(description, outdir) {
    this.description = description;
    this.app = new cdk.App({
      analyticsReporting: false, outdir, context: { ...FLAGS, ...description.context },
    });
    this.known = new Map();
    this.nodes = [];
  }

  build() {
    this.tag(this.app, this.description);
    this.addStacks(this.app, this.description);
    for (const stage of this.description.stages ?? []) {
      const made = new cdk.Stage(this.app, stage.id, { env: this.environment(stage) });
      this.tag(made, stage);
      this.addStacks(made, stage);
    }
    for (const [node, scope] of this.nodes) this.addLate(node, scope);
    for (const [node, scope] of this.nodes) this.finish(node, scope);
    this.app.synth();
  }

  environment({ account, region }) {
    return account || region ? { account, region } : undefined;
  }

  tag(construct, { tags }) {
    for (const [key, value] of Object.entries(tags ?? {})) cdk.Tags.of(construct).add(key, value);
  }

  addStacks(scope, description) {
    for (const stack of description.stacks ?? []) {
      const made = new cdk.Stack(scope, stack.id, {
        stackName: stack.stackName, env: this.environment(stack), description: stack.description,
        tags: stack.stackTags, terminationProtection: stack.terminationProtection,
        permissionsBoundary: stack.boundary
          ? cdk.PermissionsBoundary.fromName(stack.boundary) : undefined,
      });
      this.known.set(made.node.path, made);
      this.tag(made, stack);
      this.addTree(made, stack.tree ?? []);
      this.nodes.push([stack, made]);
    }
  }

  addTree(scope, tree) {
    for (const node of tree) {
      let made;
      if (node.kind === 'resource') made = this.resource(scope, node);
      else if (node.kind === 'parameter') {
        made = new cdk.CfnParameter(scope, node.id, { default: node.default });
      } else if (node.kind === 'plain') made = new Construct(scope, node.id);
      else {
        this.nodes.push([node, scope]);
        continue;
      }
      this.known.set(made.node.path, made);
      this.tag(made, node);
      this.nodes.push([node, made]);
      this.addTree(made, node.children ?? []);
    }
  }

  resource(scope, node) {
    const Typed = node.typed ? TYPED[node.type] : undefined;
    return Typed ? new Typed(scope, node.id, node.typed)
      : new cdk.CfnResource(scope, node.id, { type: node.type });
  }

  addLate(node, scope) {
    if (node.kind === 'condition') {
      const expression = this.value(node.expression);
      const made = new cdk.CfnCondition(scope, node.id, { expression });
      this.known.set(made.node.path, made);
    } else if (node.kind === 'output') {
      new cdk.CfnOutput(scope, node.id, {
        value: cdk.Token.asString(this.value(node.value)), description: node.description,
        exportName: node.exportName,
      });
    }
  }

  finish(node, made) {
    for (const other of node.dependsOn ?? []) made.node.addDependency(this.known.get(other));
    if (node.kind !== 'resource') return;
    if (!node.typed) {
      // What the constructor takes as `properties`.
      Object.assign(made._cfnProperties, this.value(node.properties ?? {}));
    }
    for (const [key, value] of Object.entries(node.overrides ?? {})) {
      made.addOverride(key, value === null ? undefined : this.value(value));
    }
    if (node.logicalId) made.overrideLogicalId(node.logicalId);
    if (node.condition) made.cfnOptions.condition = this.known.get(node.condition);
    if (node.removal) made.applyRemovalPolicy(cdk.RemovalPolicy[node.removal.toUpperCase()]);
  }

  function(name, argument) {
    switch (name) {
      case '$ref': return this.reference(argument);
      case '$att': return this.known.get(argument[0]).getAtt(argument[1]);
      case '$join': return cdk.Fn.join(argument[0], this.value(argument[1])
        .map((part) => cdk.Token.asString(part)));
      case '$sub': return cdk.Fn.sub(argument[0], argument[1] && this.value(argument[1]));
      case '$select': return cdk.Fn.select(argument[0],
        cdk.Token.asList(this.value(argument[1])));
      case '$split': return cdk.Fn.split(argument[0], cdk.Token.asString(this.value(argument[1])));
      case '$equals': return cdk.Fn.conditionEquals(...this.value(argument));
      case '$if': return cdk.Fn.conditionIf(this.known.get(argument[0]).logicalId,
        ...this.value(argument.slice(1)));
      case '$json': return cdk.Lazy.string({
        produce: () => cdk.Stack.of(this.app.node.children[0])
          .toJsonString(this.value(argument)),
      });
      case '$pseudo': return cdk.Token.asAny({ Ref: argument });
      default: throw new Error(name);
    }
  }

  reference(name) {
    const element = this.known.get(name);
    return element instanceof cdk.CfnParameter ? element.valueAsString : element.ref;
  }

  value(description) {
    if (Array.isArray(description)) return description.map((item) => this.value(item));
    if (description === null || typeof description !== 'object') return description;
    const entries = Object.entries(description);
    if (entries.length === 1 && entries[0][0].startsWith('$')) return this.function(...entries[0]);
    return Object.fromEntries(entries.map(([key, member]) => [key, this.value(member)]));
  }
}

function lines() {
  return fs.readFileSync(0, 'utf8').split('\n').filter((line) => line !== '');
}

const [mode, directory] = process.argv.slice(2);
if (mode === 'names') {
  for (const line of lines()) console.log(JSON.stringify(namesOf(JSON.parse(line))));
} else {
  lines().forEach((line, number) => {
    new Builder(JSON.parse(line), path.join(directory, String(number))).build();
  });
}
