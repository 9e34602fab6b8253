// A pipeline of as many environments and stacks as the file says: sized.js FILE
import * as fs from 'node:fs';
import * as cdk from 'aws-cdk-lib';
import { DeliveryStack, Environment } from './pipeline';

const environments: Environment[] = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
const app = new cdk.App({ analyticsReporting: false });
const { account, region } = environments[0];
new DeliveryStack(app, 'ArchonAgentPipelineStack', {
  env: { account, region },
  pipelineName: 'archon-agent',
  repository: 'archon/archon-agent',
  environments,
});
app.synth();
