import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { S3Client } from '@aws-sdk/client-s3';
import { SQSClient } from '@aws-sdk/client-sqs';

// A local stand-in for AWS has no host name per bucket.
export const s3 = new S3Client({ forcePathStyle: process.env.AWS_ENDPOINT_URL !== undefined });
export const dynamodb = new DynamoDBClient({});
// A stand-in names queues as AWS does, but is elsewhere; at AWS both lead to the same place.
export const sqs = new SQSClient({ useQueueUrlAsEndpoint: false });

/** A setting that the stack gives to its function. */
export function setting(name: string): string {
  const value = process.env[name];
  if (!value) {
    throw new Error(`The environment variable ${name} is not set: the stack should set it`);
  }
  return value;
}
