import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, describe, it } from 'node:test';
import { DeleteItemCommand, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { DeleteObjectCommand, GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { dynamodb, s3, sqs } from '../functions/aws';
import { output } from './deployment';

const STACK = 'ArchonInfrastructureStack';

describe('the deployed infrastructure', () => {
  const id = `integration-${randomUUID()}`;
  const conversation = { sessionId: { S: id }, askedAt: { S: '2026-01-01T00:00:00.000Z' } };
  const object = { Bucket: output(STACK, 'TranscriptsBucketName'), Key: `${id}.json` };
  const TableName = output(STACK, 'ConversationsTableName');

  after(async () => {
    await s3.send(new DeleteObjectCommand(object));
    await dynamodb.send(new DeleteItemCommand({ TableName, Key: conversation }));
  });

  it('keeps a conversation', async () => {
    const Item = { ...conversation, question: { S: 'Does it work?' } };
    await dynamodb.send(new PutItemCommand({ TableName, Item }));
    const found = await dynamodb.send(
      new GetItemCommand({ TableName, Key: conversation, ConsistentRead: true }),
    );
    assert.deepEqual(found.Item, Item);
  });

  it('keeps a transcript as it was written', async () => {
    const Body = JSON.stringify({ answer: 'It does: ünïcode and all.' });
    await s3.send(new PutObjectCommand({ ...object, Body }));
    const found = await s3.send(new GetObjectCommand(object));
    assert.equal(await found.Body?.transformToString(), Body);
    assert.equal(found.ServerSideEncryption, 'AES256');
  });

  it('gives questions up into the dead letters', async () => {
    const attributesOf = async (key: string) => {
      const QueueUrl = output(STACK, key);
      const command = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] });
      return (await sqs.send(command)).Attributes ?? {};
    };
    const policy = (await attributesOf('ReviewQueueUrl')).RedrivePolicy ?? '{}';
    const { deadLetterTargetArn } = JSON.parse(policy) as { deadLetterTargetArn?: string };
    assert.equal(deadLetterTargetArn, (await attributesOf('ReviewDeadLettersUrl')).QueueArn);
  });
});
