import * as path from 'node:path';
import * as cdk from 'aws-cdk-lib/core';
import * as apigateway from 'aws-cdk-lib/aws-apigateway';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { ArchonStackProps } from './archon-environment';

export interface ArchonAgentStackProps extends ArchonStackProps {
  readonly passages: dynamodb.ITable;
  readonly conversations: dynamodb.ITable;
  readonly transcripts: s3.IBucket;
  readonly reviewQueue: sqs.IQueue;
}

/** The agent: a function that answers questions from the passages, behind a REST API. */
export class ArchonAgentStack extends cdk.Stack {
  readonly answer: lambda.Function;
  readonly api: apigateway.RestApi;

  constructor(scope: Construct, id: string, props: ArchonAgentStackProps) {
    super(scope, id, { description: 'Archon agent: the function and its API', ...props });
    const { name, logRetention } = props.environment;

    const logGroup = new logs.LogGroup(this, 'AnswerLogs', {
      retention: logRetention,
      removalPolicy: cdk.RemovalPolicy.DESTROY,
    });
    const role = new iam.Role(this, 'AnswerRole', {
      assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com'),
      description: 'Reads passages, records conversations, asks for review',
    });
    this.answer = new lambda.Function(this, 'Answer', {
      description: 'Answers questions from the passages of the knowledge base',
      runtime: lambda.Runtime.NODEJS_22_X,
      architecture: lambda.Architecture.ARM_64,
      handler: 'answer.handler',
      code: lambda.Code.fromAsset(path.join(__dirname, '..', 'functions')),
      timeout: cdk.Duration.seconds(15),
      memorySize: 256,
      role,
      logGroup,
      environment: {
        PASSAGES_TABLE: props.passages.tableName,
        CONVERSATIONS_TABLE: props.conversations.tableName,
        TRANSCRIPTS_BUCKET: props.transcripts.bucketName,
        REVIEW_QUEUE_URL: props.reviewQueue.queueUrl,
      },
    });
    logGroup.grantWrite(role);
    props.passages.grantReadData(role);
    props.conversations.grantWriteData(role);
    props.transcripts.grantPut(role);
    props.reviewQueue.grantSendMessages(role);

    const stageName = 'v1';
    this.api = new apigateway.RestApi(this, 'Api', {
      restApiName: `archon-agent-${name}`,
      description: 'POST /questions {"sessionId": "...", "question": "..."}',
      endpointTypes: [apigateway.EndpointType.REGIONAL],
      deploy: false,
    });
    const questions = this.api.root.addResource('questions');
    questions.addMethod('POST', new apigateway.LambdaIntegration(this.answer), {
      authorizationType: apigateway.AuthorizationType.IAM,
    });
    new apigateway.Deployment(this, 'Deployment', { api: this.api, stageName });

    const url = `https://${this.api.restApiId}.execute-api.${this.region}.${this.urlSuffix}`;
    const output = (key: string, value: string, description: string) =>
      new cdk.CfnOutput(this, key, { value, description });
    output('ApiUrl', `${url}/${stageName}`, 'POST /questions here, signed (AWS_IAM)');
    output('ApiId', this.api.restApiId, 'The REST API');
    output('AnswerFunctionName', this.answer.functionName, 'Answers questions');
    output('AnswerRoleArn', role.roleArn, 'What the agent may do');
  }
}
