// The stack that `aphex synth` writes, as one writes it in TypeScript with aws-cdk-lib: what
// bench_synth.py compares with. input.json says what the configuration says; the Kubernetes objects
// come ready-made with it, so that making them, which `aphex synth` does, costs nothing here.
import * as fs from 'node:fs';
import * as path from 'node:path';
import * as cdk from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { Asset } from 'aws-cdk-lib/aws-s3-assets';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import * as sns from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';

interface KubernetesObject {
  id: string;
  wave: number;
  manifest?: string; // inline, or
  file?: string; // an asset
  sha256?: string;
  secret?: { key: string; name?: string }; // without a name, the webhook's own
}

interface Input {
  pipeline: string;
  stackName: string;
  description: string;
  account: string;
  region: string;
  cluster: string;
  issuer: string;
  namespace: string;
  serviceAccount: string;
  roleName: string;
  githubTokenSecret: string;
  bucket: string;
  retentionDays: number;
  logRetentionDays: number;
  stacks: string[];
  provider: string; // path of its archive
  workflowTemplate: string;
  webhookUrl: string;
  dashboardBody: unknown;
  objects: KubernetesObject[];
}

const METRICS = 'Aphex/Pipelines';

class PipelineStack extends Construct {
  constructor(scope: Construct, id: string, private readonly input: Input) {
    super(scope, id);
    const bucket = this.artifactBucket();
    const secret = new secretsmanager.Secret(this, 'WebhookSecret', {
      secretName: `aphex/${input.pipeline}/webhook`,
      description: `Signs the events that GitHub sends to the pipeline ${input.pipeline}`,
      generateSecretString: { passwordLength: 40, excludePunctuation: true },
      removalPolicy: cdk.RemovalPolicy.DESTROY,
    });
    const topic = this.observation();
    const role = this.workflowRole();
    const provider = this.provider(secret);
    this.kubernetesObjects(provider, secret, role);
    this.outputs({
      WebhookUrl: input.webhookUrl,
      ArtifactBucketName: bucket.bucketName,
      WorkflowExecutionRoleArn: role.roleArn,
      WorkflowTemplateName: input.workflowTemplate,
      WebhookSecretArn: secret.secretArn,
      AlarmTopicArn: topic.topicArn,
    });
    cdk.Tags.of(this).add('Project', input.pipeline);
    cdk.Tags.of(this).add('ManagedBy', 'aphex');
    cdk.Tags.of(this).add('Environment', 'pipeline');
  }

  private artifactBucket(): s3.Bucket {
    return new s3.Bucket(this, 'ArtifactBucket', {
      bucketName: this.input.bucket,
      encryption: s3.BucketEncryption.S3_MANAGED,
      versioned: true,
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
      enforceSSL: true,
      removalPolicy: cdk.RemovalPolicy.RETAIN,
      lifecycleRules: [
        {
          id: 'Artifacts',
          transitions: [
            {
              storageClass: s3.StorageClass.INTELLIGENT_TIERING,
              transitionAfter: cdk.Duration.days(30),
            },
          ],
          expiration: cdk.Duration.days(this.input.retentionDays),
          noncurrentVersionExpiration: cdk.Duration.days(this.input.retentionDays),
          abortIncompleteMultipartUploadAfter: cdk.Duration.days(7),
        },
      ],
    });
  }

  private arn(service: string, resource: string): string {
    return `arn:aws:${service}:${this.input.region}:${this.input.account}:${resource}`;
  }

  private bootstrapRole(kind: string): string {
    const { account, region } = this.input;
    return `arn:aws:iam::${account}:role/cdk-hnb659fds-${kind}-${account}-${region}`;
  }

  private workflowRole(): iam.Role {
    const { input } = this;
    const bucket = `arn:aws:s3:::${input.bucket}`;
    const group = this.arn('logs', `log-group:/aphex/${input.pipeline}`);
    const allow = (
      sid: string,
      actions: string[],
      resources: string[],
      conditions?: Record<string, Record<string, string>>,
    ) => new iam.PolicyStatement({ sid, actions, resources, conditions });
    const statements = [
      allow('FindArtifacts', ['s3:ListBucket'], [bucket]),
      allow(
        'TransferArtifacts',
        ['s3:AbortMultipartUpload', 's3:GetObject', 's3:PutObject'],
        [`${bucket}/*`],
      ),
      allow(
        'AssumeBootstrapRoles',
        ['sts:AssumeRole'],
        ['deploy-role', 'file-publishing-role', 'image-publishing-role', 'lookup-role'].map(
          (kind) => this.bootstrapRole(kind),
        ),
      ),
      allow('PassExecutionRole', ['iam:PassRole'], [this.bootstrapRole('cfn-exec-role')], {
        StringEquals: { 'iam:PassedToService': 'cloudformation.amazonaws.com' },
      }),
      allow(
        'ReadBootstrapVersion',
        ['ssm:GetParameter'],
        [this.arn('ssm', 'parameter/cdk-bootstrap/hnb659fds/version')],
      ),
      allow(
        'OperateStacks',
        [
          'CancelUpdateStack',
          'ContinueUpdateRollback',
          'CreateChangeSet',
          'CreateStack',
          'DeleteChangeSet',
          'DeleteStack',
          'DescribeChangeSet',
          'DescribeEvents',
          'DescribeStackEvents',
          'DescribeStackResources',
          'DescribeStacks',
          'ExecuteChangeSet',
          'GetTemplate',
          'GetTemplateSummary',
          'ListStackResources',
          'RollbackStack',
          'TagResource',
          'UntagResource',
          'UpdateStack',
          'UpdateTerminationProtection',
        ].map((action) => `cloudformation:${action}`),
        [input.stackName, ...input.stacks].map((name) =>
          this.arn('cloudformation', `stack/${name}/*`),
        ),
      ),
      allow(
        'ReadGitHubToken',
        ['secretsmanager:GetSecretValue'],
        [this.arn('secretsmanager', `secret:${input.githubTokenSecret}-??????`)],
      ),
      allow('LogInToPublicRegistry', ['ecr-public:GetAuthorizationToken'], ['*']),
      allow('LogInToPublicRegistryBearer', ['sts:GetServiceBearerToken'], ['*'], {
        StringEquals: { 'sts:AWSServiceName': 'ecr-public.amazonaws.com' },
      }),
      allow('PublishMetrics', ['cloudwatch:PutMetricData'], ['*'], {
        StringEquals: { 'cloudwatch:namespace': METRICS },
      }),
      allow(
        'WriteLogs',
        ['logs:CreateLogStream', 'logs:DescribeLogStreams', 'logs:PutLogEvents'],
        [group, `${group}:*`],
      ),
      allow('Notify', ['sns:Publish'], [this.arn('sns', `${input.pipeline}-alarms`)]),
    ];
    const subject = `system:serviceaccount:${input.namespace}:${input.serviceAccount}`;
    return new iam.Role(this, 'WorkflowExecutionRole', {
      roleName: input.roleName,
      description: `Runs of the pipeline ${input.pipeline}`,
      assumedBy: new iam.WebIdentityPrincipal(
        cdk.Fn.importValue(`AphexCluster-${input.cluster}-OIDCProviderArn`),
        {
          StringEquals: {
            [`${input.issuer}:aud`]: 'sts.amazonaws.com',
            [`${input.issuer}:sub`]: subject,
          },
        },
      ),
      inlinePolicies: { Run: new iam.PolicyDocument({ statements }) },
    });
  }

  private provider(secret: secretsmanager.Secret): lambda.Function {
    const { input } = this;
    const group = new Construct(this, 'Provider');
    const logGroup = new logs.LogGroup(group, 'Logs', {
      logGroupName: `/aphex/${input.pipeline}/provider`,
      retention: input.logRetentionDays,
      removalPolicy: cdk.RemovalPolicy.DESTROY,
    });
    const allow = (sid: string, action: string, resources: string[]) =>
      new iam.PolicyStatement({ sid, actions: [action], resources });
    const assets = `cdk-hnb659fds-assets-${input.account}-${input.region}`;
    const role = new iam.Role(group, 'Role', {
      description: `Applies the Kubernetes objects of the pipeline ${input.pipeline}`,
      assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com'),
      inlinePolicies: {
        Apply: new iam.PolicyDocument({
          statements: [
            allow('ReadManifests', 's3:GetObject', [`arn:aws:s3:::${assets}/*.manifest.json`]),
            allow('ReadSecrets', 'secretsmanager:GetSecretValue', [
              this.arn('secretsmanager', `secret:${input.githubTokenSecret}-??????`),
              secret.secretArn,
            ]),
            allow('FindCluster', 'eks:DescribeCluster', [
              this.arn('eks', `cluster/${input.cluster}`),
            ]),
            allow('BeKubectl', 'sts:AssumeRole', [this.kubectlRole()]),
            new iam.PolicyStatement({
              sid: 'WriteLogs',
              actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
              resources: [logGroup.logGroupArn],
            }),
          ],
        }),
      },
    });
    return new lambda.Function(group, 'Function', {
      description: `Applies the Kubernetes objects of the pipeline ${input.pipeline}`,
      runtime: lambda.Runtime.PROVIDED_AL2023,
      handler: 'bootstrap',
      architecture: lambda.Architecture.X86_64,
      code: lambda.Code.fromAsset(input.provider),
      role: role.withoutPolicyUpdates(),
      timeout: cdk.Duration.minutes(10),
      memorySize: 256,
      logGroup,
    });
  }

  private kubectlRole(): string {
    return cdk.Fn.importValue(`AphexCluster-${this.input.cluster}-KubectlRoleArn`);
  }

  private kubernetesObjects(
    provider: lambda.Function,
    secret: secretsmanager.Secret,
    role: iam.Role,
  ): void {
    const { input } = this;
    const group = new Construct(this, 'Kubernetes');
    group.node.addDependency(role);
    const waves = ['Access', 'Workflows', 'Events', 'Trigger'].map(
      (name) => new Construct(group, name),
    );
    waves.slice(1).forEach((wave, i) => wave.node.addDependency(waves[i]));
    for (const object of input.objects) {
      const wave = waves[object.wave];
      const properties: Record<string, unknown> = {
        ClusterName: input.cluster,
        Region: input.region,
        RoleArn: this.kubectlRole(),
        Pipeline: input.pipeline,
      };
      if (object.file) {
        const asset = new Asset(wave, `${object.id}-manifest`, { path: object.file });
        properties.ManifestSha256 = object.sha256;
        properties.ManifestBucket = asset.s3BucketName;
        properties.ManifestKey = asset.s3ObjectKey;
      } else {
        properties.Manifest = object.manifest;
      }
      if (object.secret) {
        properties.SecretValues = [
          { Key: object.secret.key, Secret: object.secret.name ?? secret.secretArn },
        ];
      }
      new cdk.CustomResource(wave, object.id, {
        serviceToken: provider.functionArn,
        resourceType: 'Custom::AphexKubernetesObject',
        serviceTimeout: cdk.Duration.minutes(15),
        properties,
      });
    }
  }

  private observation(): sns.Topic {
    const { input } = this;
    const group = new Construct(this, 'Observation');
    new logs.LogGroup(group, 'Logs', {
      logGroupName: `/aphex/${input.pipeline}`,
      retention: input.logRetentionDays,
      removalPolicy: cdk.RemovalPolicy.DESTROY,
    });
    const topic = new sns.Topic(group, 'AlarmTopic', { topicName: `${input.pipeline}-alarms` });
    const alarm = (
      id: string,
      name: string,
      description: string,
      metricName: string,
      threshold: number,
      hanging: boolean,
    ) => {
      const metric = new cloudwatch.Metric({
        namespace: METRICS,
        metricName,
        dimensionsMap: { Pipeline: input.pipeline },
        statistic: hanging ? 'Maximum' : 'Sum',
        period: cdk.Duration.minutes(5),
      });
      new cloudwatch.Alarm(group, id, {
        alarmName: `${input.pipeline}-${name}`,
        alarmDescription: description,
        metric,
        threshold,
        evaluationPeriods: 1,
        comparisonOperator: hanging
          ? cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD
          : cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
      }).addAlarmAction(new SnsAction(topic));
    };
    const name = input.pipeline;
    alarm('WorkflowFailures', 'workflow-failures', `A run of the pipeline ${name} failed`,
      'WorkflowFailed', 1, false);
    alarm('DeploymentFailures', 'deployment-failures',
      `The pipeline ${name} could not deploy to an environment`, 'DeploymentFailed', 1, false);
    alarm('LongRunningWorkflows', 'long-running-workflows',
      `A run of the pipeline ${name} has been going for more than 7200 s`, 'WorkflowElapsed', 7200,
      true);
    new cloudwatch.CfnDashboard(group, 'Dashboard', {
      dashboardName: `${input.pipeline}-${input.region}`,
      dashboardBody: JSON.stringify(input.dashboardBody),
    });
    return topic;
  }

  private outputs(values: Record<string, string>): void {
    for (const [id, value] of Object.entries(values)) {
      new cdk.CfnOutput(this, id, { value }).overrideLogicalId(id);
    }
  }
}

const file = path.join(process.cwd(), 'input.json');
const input: Input = JSON.parse(fs.readFileSync(file, 'utf8'));
const app = new cdk.App({ analyticsReporting: false });
const stack = new cdk.Stack(app, input.stackName, {
  env: { account: input.account, region: input.region },
  description: input.description,
});
new PipelineStack(stack, 'AphexPipelineStack', input);
app.synth();
