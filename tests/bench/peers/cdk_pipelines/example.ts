// The example in three environments: what aphex-config.three-environments.yaml of
// examples/archon-agent says to aphex.
import * as cdk from 'aws-cdk-lib';
import { DeliveryStack } from './pipeline';

const stacks = [
  { name: 'ArchonInfrastructureStack', dependsOn: [] },
  { name: 'ArchonKnowledgeBaseStack', dependsOn: ['ArchonInfrastructureStack'] },
  { name: 'ArchonAgentStack', dependsOn: ['ArchonInfrastructureStack'] },
  {
    name: 'ArchonMonitoringDashboard',
    dependsOn: ['ArchonKnowledgeBaseStack', 'ArchonAgentStack'],
  },
];
const app = new cdk.App({ analyticsReporting: false });
new DeliveryStack(app, 'ArchonAgentPipelineStack', {
  env: { account: '111122223333', region: 'us-east-1' },
  pipelineName: 'archon-agent',
  repository: 'archon/archon-agent',
  environments: [
    { name: 'dev', account: '111122223333', region: 'us-east-1', stacks },
    { name: 'staging', account: '222233334444', region: 'us-east-1', stacks },
    { name: 'prod', account: '333344445555', region: 'eu-west-1', stacks },
  ],
});
app.synth();
