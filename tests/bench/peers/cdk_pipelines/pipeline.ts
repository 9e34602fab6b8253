// A pipeline for CDK applications, as one writes it with CDK Pipelines: what bench_definition.py
// compares with `aphex synth`.
import * as cdk from 'aws-cdk-lib';
import * as pipelines from 'aws-cdk-lib/pipelines';
import { Construct } from 'constructs';
import { ApplicationStack, makeStacks } from './application';

export interface Environment {
  name: string;
  account: string;
  region: string;
  stacks: ApplicationStack[];
}

interface DeliveryProps extends cdk.StackProps {
  pipelineName: string;
  repository: string;
  environments: Environment[];
}

class ApplicationStage extends cdk.Stage {
  constructor(scope: Construct, { name, account, region, stacks }: Environment) {
    super(scope, name, { env: { account, region } });
    makeStacks(this, stacks);
  }
}

export class DeliveryStack extends cdk.Stack {
  constructor(scope: Construct, id: string, props: DeliveryProps) {
    super(scope, id, props);
    const source = pipelines.CodePipelineSource.connection(props.repository, 'main', {
      connectionArn: this.formatArn({
        service: 'codeconnections',
        resource: 'connection',
        resourceName: '3f9a4c1e-6f4b-4f9e-9d43-0c9b5c8f7a21',
      }),
    });
    const pipeline = new pipelines.CodePipeline(this, 'Pipeline', {
      pipelineName: props.pipelineName,
      crossAccountKeys: true,
      synth: new pipelines.ShellStep('Synth', {
        input: source,
        commands: ['npm ci', 'npm run build', 'npm test', 'npx cdk synth'],
      }),
    });
    for (const environment of props.environments) {
      pipeline.addStage(new ApplicationStage(this, environment), {
        post: [
          new pipelines.ShellStep('Test', {
            input: source,
            commands: ['npm ci', 'npm run build', 'npm run test:integration'],
          }),
        ],
      });
    }
  }
}
