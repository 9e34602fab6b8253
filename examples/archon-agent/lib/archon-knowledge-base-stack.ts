import * as path from 'node:path';
import * as cdk from 'aws-cdk-lib/core';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import * as ssm from 'aws-cdk-lib/aws-ssm';
import { Construct } from 'constructs';
import { ArchonStackProps } from './archon-environment';
import { PASSAGES_BY_DOCUMENT } from './archon-infrastructure-stack';

export interface ArchonKnowledgeBaseStackProps extends ArchonStackProps {
  /** Where the passages of every document are written. */
  readonly passages: dynamodb.ITable;
}

/** Documents, and their way into the passages that the agent answers from. */
export class ArchonKnowledgeBaseStack extends cdk.Stack {
  readonly ingestion: lambda.Function;
  readonly ingestionFailures: sqs.Queue;

  constructor(scope: Construct, id: string, props: ArchonKnowledgeBaseStackProps) {
    super(scope, id, {
      description: 'Archon agent: documents, their catalogue and their ingestion',
      ...props,
    });
    const { name, removalPolicy, logRetention } = props.environment;
    const timeout = cdk.Duration.seconds(60);

    const documents = new s3.Bucket(this, 'Documents', {
      encryption: s3.BucketEncryption.S3_MANAGED,
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      enforceSSL: true,
      versioned: true,
      lifecycleRules: [{ noncurrentVersionExpiration: cdk.Duration.days(30) }],
      removalPolicy,
    });
    const catalogue = new dynamodb.Table(this, 'Catalogue', {
      billingMode: dynamodb.BillingMode.PAY_PER_REQUEST,
      partitionKey: { name: 'documentKey', type: dynamodb.AttributeType.STRING },
      removalPolicy,
    });

    this.ingestionFailures = new sqs.Queue(this, 'IngestionFailures', {
      encryption: sqs.QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: cdk.Duration.days(14),
    });
    const ingestionQueue = new sqs.Queue(this, 'IngestionQueue', {
      encryption: sqs.QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      // AWS advises six times the function's timeout, so that a batch is never taken twice.
      visibilityTimeout: cdk.Duration.seconds(6 * timeout.toSeconds()),
      deadLetterQueue: { queue: this.ingestionFailures, maxReceiveCount: 3 },
    });

    const logGroup = new logs.LogGroup(this, 'IngestionLogs', {
      retention: logRetention,
      removalPolicy: cdk.RemovalPolicy.DESTROY,
    });
    const role = new iam.Role(this, 'IngestionRole', {
      assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com'),
      description: 'Reads documents, writes their passages and the catalogue',
    });
    this.ingestion = new lambda.Function(this, 'Ingestion', {
      description: 'Splits documents into passages and indexes them',
      runtime: lambda.Runtime.NODEJS_22_X,
      architecture: lambda.Architecture.ARM_64,
      handler: 'ingest.handler',
      code: lambda.Code.fromAsset(path.join(__dirname, '..', 'functions')),
      timeout,
      memorySize: 256,
      role,
      logGroup,
      environment: {
        DOCUMENTS_BUCKET: documents.bucketName,
        CATALOGUE_TABLE: catalogue.tableName,
        PASSAGES_TABLE: props.passages.tableName,
        PASSAGES_BY_DOCUMENT,
      },
    });
    this.ingestion.addEventSourceMapping('IngestionSource', {
      eventSourceArn: ingestionQueue.queueArn,
      batchSize: 5,
      reportBatchItemFailures: true,
    });
    ingestionQueue.grantConsumeMessages(role);
    logGroup.grantWrite(role);
    documents.grantRead(role);
    catalogue.grantReadWriteData(role);
    props.passages.grantReadWriteData(role);

    const parameter = new ssm.StringParameter(this, 'Location', {
      parameterName: `/archon/${name}/knowledge-base`,
      description: 'Where publishers of documents find the knowledge base',
      stringValue: this.toJsonString({
        documentsBucket: documents.bucketName,
        ingestionQueueUrl: ingestionQueue.queueUrl,
      }),
    });

    const output = (key: string, value: string, description: string) =>
      new cdk.CfnOutput(this, key, { value, description });
    output('DocumentsBucketName', documents.bucketName, 'Put documents here');
    output('CatalogueTableName', catalogue.tableName, 'What is known of every document');
    output('IngestionQueueUrl', ingestionQueue.queueUrl, 'Then send {"key": "..."} here');
    output('IngestionFailuresUrl', this.ingestionFailures.queueUrl, 'Documents given up');
    output('IngestionFunctionName', this.ingestion.functionName, 'Indexes documents');
    output('LocationParameterName', parameter.parameterName, 'Tells publishers all this');
  }
}
