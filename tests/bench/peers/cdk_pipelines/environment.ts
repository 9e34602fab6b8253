// The application of one environment alone, as `aphex` has it synthesized: environment.js FILE NAME
import * as fs from 'node:fs';
import * as cdk from 'aws-cdk-lib';
import { makeStacks } from './application';
import { Environment } from './pipeline';

const environments: Environment[] = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
const { account, region, stacks } = environments.find(({ name }) => name === process.argv[3])!;
const app = new cdk.App({ analyticsReporting: false });
makeStacks(new cdk.Stage(app, 'Application', { env: { account, region } }), stacks);
app.synth();
