import * as cdk from 'aws-cdk-lib/core';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as subscriptions from 'aws-cdk-lib/aws-sns-subscriptions';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { ArchonStackProps } from './archon-environment';

/** The index of `passages` by document: what ingestion replaces when a document changes. */
export const PASSAGES_BY_DOCUMENT = 'by-document';

/**
 * What the others share: the passages that the knowledge base writes and the agent reads,
 * the conversations with their transcripts, the questions nobody could answer, the alerts.
 */
export class ArchonInfrastructureStack extends cdk.Stack {
  readonly passages: dynamodb.Table;
  readonly conversations: dynamodb.Table;
  readonly transcripts: s3.Bucket;
  readonly reviewQueue: sqs.Queue;
  readonly alerts: sns.Topic;

  constructor(scope: Construct, id: string, props: ArchonStackProps) {
    super(scope, id, {
      description: 'Archon agent: tables, transcripts, review queue and alerts',
      ...props,
    });
    const { removalPolicy, alertsEmail } = props.environment;
    const table = {
      billingMode: dynamodb.BillingMode.PAY_PER_REQUEST,
      encryption: dynamodb.TableEncryption.DEFAULT,
      pointInTimeRecoverySpecification: {
        pointInTimeRecoveryEnabled: removalPolicy === cdk.RemovalPolicy.RETAIN,
      },
      removalPolicy,
    };

    this.passages = new dynamodb.Table(this, 'Passages', {
      ...table,
      partitionKey: { name: 'term', type: dynamodb.AttributeType.STRING },
      sortKey: { name: 'passageId', type: dynamodb.AttributeType.STRING },
    });
    this.passages.addGlobalSecondaryIndex({
      indexName: PASSAGES_BY_DOCUMENT,
      partitionKey: { name: 'documentKey', type: dynamodb.AttributeType.STRING },
      projectionType: dynamodb.ProjectionType.KEYS_ONLY,
    });

    this.conversations = new dynamodb.Table(this, 'Conversations', {
      ...table,
      partitionKey: { name: 'sessionId', type: dynamodb.AttributeType.STRING },
      sortKey: { name: 'askedAt', type: dynamodb.AttributeType.STRING },
      timeToLiveAttribute: 'expiresAt',
    });

    this.transcripts = new s3.Bucket(this, 'Transcripts', {
      encryption: s3.BucketEncryption.S3_MANAGED,
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      enforceSSL: true,
      lifecycleRules: [
        {
          abortIncompleteMultipartUploadAfter: cdk.Duration.days(7),
          expiration: cdk.Duration.days(365),
        },
      ],
      removalPolicy,
    });

    const reviewDeadLetters = new sqs.Queue(this, 'ReviewDeadLetters', {
      encryption: sqs.QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: cdk.Duration.days(14),
    });
    this.reviewQueue = new sqs.Queue(this, 'ReviewQueue', {
      encryption: sqs.QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      visibilityTimeout: cdk.Duration.seconds(30),
      deadLetterQueue: { queue: reviewDeadLetters, maxReceiveCount: 3 },
    });

    this.alerts = new sns.Topic(this, 'Alerts', { displayName: 'Archon agent alerts' });
    if (alertsEmail) {
      this.alerts.addSubscription(new subscriptions.EmailSubscription(alertsEmail));
    }

    const output = (key: string, value: string, description: string) =>
      new cdk.CfnOutput(this, key, { value, description });
    output('PassagesTableName', this.passages.tableName, 'Terms and the passages they occur in');
    output('ConversationsTableName', this.conversations.tableName, 'Questions with their answers');
    output('TranscriptsBucketName', this.transcripts.bucketName, 'One JSON file per answer');
    output('ReviewQueueUrl', this.reviewQueue.queueUrl, 'Questions that nobody could answer');
    output('ReviewDeadLettersUrl', reviewDeadLetters.queueUrl, 'Questions given up after 3 tries');
    output('AlertsTopicArn', this.alerts.topicArn, 'Where every alarm is published');
  }
}
