import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Match, Template } from 'aws-cdk-lib/assertions';
import * as cdk from 'aws-cdk-lib/core';
import { addArchonStacks, type ArchonStacks } from '../lib/archon-application';

// Templates are validated when the application is synthesized: once more for each of these would
// only take time.
process.env.CDK_VALIDATION = 'false';

const ACCOUNT = '111122223333';
const REGION = 'eu-west-1';

function stacksWith(context: Record<string, string>): ArchonStacks {
  return addArchonStacks(new cdk.App({ context }));
}

const dev = stacksWith({ environment: 'dev', account: ACCOUNT, region: REGION });
const prod = stacksWith({ environment: 'prod', account: ACCOUNT, region: REGION });

function outputsOf(stack: cdk.Stack): string[] {
  const outputs = Object.keys(Template.fromStack(stack).findOutputs('*'));
  return outputs.filter((key) => !key.startsWith('ExportsOutput')).sort();
}

function namesOf(stacks: readonly cdk.Stack[]): string[] {
  return stacks.map((stack) => stack.stackName).sort();
}

describe('the application', () => {
  it('gives its stacks the configured names in every environment', () => {
    const names = [
      'ArchonAgentStack',
      'ArchonInfrastructureStack',
      'ArchonKnowledgeBaseStack',
      'ArchonMonitoringDashboard',
    ];
    assert.deepEqual(namesOf(Object.values(dev)), names);
    assert.deepEqual(namesOf(Object.values(prod)), names);
  });

  it('deploys the knowledge base and the agent side by side, then the monitoring', () => {
    const { infrastructure, knowledgeBase, agent, monitoring } = dev;
    assert.deepEqual(namesOf(infrastructure.dependencies), []);
    assert.deepEqual(namesOf(knowledgeBase.dependencies), ['ArchonInfrastructureStack']);
    assert.deepEqual(namesOf(agent.dependencies), ['ArchonInfrastructureStack']);
    assert.deepEqual(
      namesOf(monitoring.dependencies),
      namesOf([infrastructure, knowledgeBase, agent]),
    );
  });

  it('goes to the account and the region of the context', () => {
    assert.equal(dev.agent.account, ACCOUNT);
    assert.equal(dev.agent.region, REGION);
  });

  it('is the dev environment when the context names none', () => {
    const { knowledgeBase } = stacksWith({});
    Template.fromStack(knowledgeBase).hasResourceProperties('AWS::SSM::Parameter', {
      Name: '/archon/dev/knowledge-base',
    });
  });

  it('refuses a name that no parameter could bear', () => {
    assert.throws(
      () => stacksWith({ environment: 'My Env' }),
      /Context "environment" is "My Env": use 1 to 32 lower-case letters, digits and hyphens/,
    );
  });
});

describe('the infrastructure', () => {
  const template = Template.fromStack(dev.infrastructure);

  it('indexes passages by term and by document', () => {
    template.hasResourceProperties('AWS::DynamoDB::Table', {
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: [
        { AttributeName: 'term', KeyType: 'HASH' },
        { AttributeName: 'passageId', KeyType: 'RANGE' },
      ],
      GlobalSecondaryIndexes: [
        Match.objectLike({
          IndexName: 'by-document',
          KeySchema: [{ AttributeName: 'documentKey', KeyType: 'HASH' }],
        }),
      ],
    });
  });

  it('forgets conversations when they expire', () => {
    template.hasResourceProperties('AWS::DynamoDB::Table', {
      TimeToLiveSpecification: { AttributeName: 'expiresAt', Enabled: true },
    });
  });

  it('keeps transcripts private, encrypted and for a year', () => {
    template.hasResourceProperties('AWS::S3::Bucket', {
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
      LifecycleConfiguration: { Rules: [Match.objectLike({ ExpirationInDays: 365 })] },
    });
  });

  it('gives a question up after three tries, into an encrypted queue', () => {
    template.resourceCountIs('AWS::SQS::Queue', 2);
    template.allResourcesProperties('AWS::SQS::Queue', { SqsManagedSseEnabled: true });
    template.hasResourceProperties('AWS::SQS::Queue', {
      RedrivePolicy: { maxReceiveCount: 3, deadLetterTargetArn: Match.anyValue() },
    });
  });

  it('sends alerts by mail where an address is given, and only there', () => {
    template.resourceCountIs('AWS::SNS::Subscription', 0);
    const mailed = stacksWith({ alertsEmail: 'oncall@example.com' });
    Template.fromStack(mailed.infrastructure).hasResourceProperties('AWS::SNS::Subscription', {
      Protocol: 'email',
      Endpoint: 'oncall@example.com',
    });
  });

  it('lets data go with its stack in dev, and keeps it with its history in prod', () => {
    const kept = Template.fromStack(prod.infrastructure);
    for (const type of ['AWS::DynamoDB::Table', 'AWS::S3::Bucket']) {
      template.allResources(type, { DeletionPolicy: 'Delete' });
      kept.allResources(type, { DeletionPolicy: 'Retain' });
    }
    kept.allResourcesProperties('AWS::DynamoDB::Table', {
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
    });
  });

  it('says where everything is', () => {
    assert.deepEqual(outputsOf(dev.infrastructure), [
      'AlertsTopicArn',
      'ConversationsTableName',
      'PassagesTableName',
      'ReviewDeadLettersUrl',
      'ReviewQueueUrl',
      'TranscriptsBucketName',
    ]);
  });
});

describe('the knowledge base', () => {
  const template = Template.fromStack(dev.knowledgeBase);

  it('refuses documents over an unencrypted connection', () => {
    template.hasResourceProperties('AWS::S3::BucketPolicy', {
      PolicyDocument: Match.objectLike({
        Statement: Match.arrayWith([
          Match.objectLike({
            Effect: 'Deny',
            Condition: { Bool: { 'aws:SecureTransport': 'false' } },
          }),
        ]),
      }),
    });
  });

  it('feeds the queue to the function, message by message on failure', () => {
    template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      EventSourceArn: { 'Fn::GetAtt': [Match.stringLikeRegexp('^IngestionQueue'), 'Arn'] },
      FunctionResponseTypes: ['ReportBatchItemFailures'],
    });
  });

  it('hides a message for six times as long as its function may take', () => {
    template.hasResourceProperties('AWS::Lambda::Function', { Timeout: 60 });
    template.hasResourceProperties('AWS::SQS::Queue', { VisibilityTimeout: 360 });
  });

  it("writes into the infrastructure's passages", () => {
    template.hasResourceProperties('AWS::Lambda::Function', {
      Handler: 'ingest.handler',
      Environment: {
        Variables: {
          PASSAGES_TABLE: {
            'Fn::ImportValue': Match.stringLikeRegexp('^ArchonInfrastructureStack:'),
          },
          PASSAGES_BY_DOCUMENT: 'by-document',
        },
      },
    });
  });

  it('tells publishers where it is', () => {
    template.hasResourceProperties('AWS::SSM::Parameter', {
      Name: '/archon/dev/knowledge-base',
      Type: 'String',
    });
    assert.deepEqual(outputsOf(dev.knowledgeBase), [
      'CatalogueTableName',
      'DocumentsBucketName',
      'IngestionFailuresUrl',
      'IngestionFunctionName',
      'IngestionQueueUrl',
      'LocationParameterName',
    ]);
  });
});

describe('the agent', () => {
  const template = Template.fromStack(dev.agent);

  it('answers signed requests only', () => {
    template.hasResourceProperties('AWS::ApiGateway::Method', {
      HttpMethod: 'POST',
      AuthorizationType: 'AWS_IAM',
      Integration: Match.objectLike({ Type: 'AWS_PROXY' }),
    });
    template.resourceCountIs('AWS::ApiGateway::Method', 1);
    template.hasResourceProperties('AWS::ApiGateway::Deployment', { StageName: 'v1' });
  });

  it('may do nothing to everything', () => {
    const policies = Object.values(template.findResources('AWS::IAM::Policy'));
    const statements = policies.flatMap((policy) => policy.Properties.PolicyDocument.Statement);
    assert.ok(statements.length > 0);
    for (const statement of statements) {
      assert.notDeepEqual([statement.Resource].flat(), ['*']);
      assert.ok(![statement.Action].flat().includes('*'));
    }
  });

  it('reads passages but never writes them', () => {
    const policies = Object.values(template.findResources('AWS::IAM::Policy'));
    const statements = policies.flatMap((policy) => policy.Properties.PolicyDocument.Statement);
    const onPassages = statements.filter((s) => JSON.stringify(s.Resource).includes('Passages'));
    const actions: string[] = onPassages.flatMap((statement) => statement.Action);
    assert.ok(actions.includes('dynamodb:Query'));
    assert.deepEqual(
      actions.filter((action) => /Put|Write|Update|Delete/.test(action)),
      [],
    );
  });

  it('keeps its logs for a week in dev and for half a year in prod', () => {
    template.hasResourceProperties('AWS::Logs::LogGroup', { RetentionInDays: 7 });
    Template.fromStack(prod.agent).hasResourceProperties('AWS::Logs::LogGroup', {
      RetentionInDays: 180,
    });
  });

  it('says where to ask', () => {
    assert.deepEqual(outputsOf(dev.agent), [
      'AnswerFunctionName',
      'AnswerRoleArn',
      'ApiId',
      'ApiUrl',
    ]);
  });
});

describe('the monitoring', () => {
  const template = Template.fromStack(dev.monitoring);

  it('publishes every alarm to the alerts', () => {
    template.resourceCountIs('AWS::CloudWatch::Alarm', 4);
    template.allResourcesProperties('AWS::CloudWatch::Alarm', {
      AlarmActions: [
        { 'Fn::ImportValue': Match.stringLikeRegexp('^ArchonInfrastructureStack:.*Alerts') },
      ],
    });
  });

  it('alarms at the first document given up', () => {
    template.hasResourceProperties('AWS::CloudWatch::Alarm', {
      MetricName: 'ApproximateNumberOfMessagesVisible',
      Threshold: 1,
      Dimensions: [
        {
          Name: 'QueueName',
          Value: { 'Fn::ImportValue': Match.stringLikeRegexp('IngestionFailures') },
        },
      ],
    });
  });

  it('names its dashboard after the environment', () => {
    template.hasResourceProperties('AWS::CloudWatch::Dashboard', {
      DashboardName: 'archon-agent-dev',
    });
    assert.deepEqual(outputsOf(dev.monitoring), ['AlarmNames', 'DashboardName']);
  });
});
