import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, it } from 'node:test';
import { DeleteItemCommand, GetItemCommand } from '@aws-sdk/client-dynamodb';
import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { dynamodb, s3, sqs } from '../functions/aws';
import { output } from './deployment';
import { functionsRun } from './functions';

const INGESTION_SECONDS_MAX = 120;

const documentKey = `integration/${randomUUID()}.md`;
const Bucket = output('ArchonKnowledgeBaseStack', 'DocumentsBucketName');
const catalogued = {
  TableName: output('ArchonKnowledgeBaseStack', 'CatalogueTableName'),
  Key: { documentKey: { S: documentKey } },
};

describe('the deployed knowledge base', () => {
  it('tells publishers where it is', async () => {
    const Name = output('ArchonKnowledgeBaseStack', 'LocationParameterName');
    const { Parameter } = await new SSMClient({}).send(new GetParameterCommand({ Name }));
    const location = JSON.parse(Parameter?.Value ?? '') as Record<string, string>;
    assert.equal(location.documentsBucket, Bucket);
    // The host may differ: a stand-in for AWS shows its own in outputs.
    const queue = new URL(output('ArchonKnowledgeBaseStack', 'IngestionQueueUrl'));
    assert.equal(new URL(location.ingestionQueueUrl ?? '').pathname, queue.pathname);
  });

  it('ingests what its queue names', async (test) => {
    if (!(await functionsRun())) {
      return test.skip('functions do not run here');
    }
    const QueueUrl = output('ArchonKnowledgeBaseStack', 'IngestionQueueUrl');
    await s3.send(new PutObjectCommand({ Bucket, Key: documentKey, Body: '\n' }));
    await sqs.send(
      new SendMessageCommand({ QueueUrl, MessageBody: JSON.stringify({ key: documentKey }) }),
    );
    const deadline = Date.now() + INGESTION_SECONDS_MAX * 1000;
    let item: unknown;
    while (!item && Date.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 1000));
      item = (await dynamodb.send(new GetItemCommand(catalogued))).Item;
    }
    await dynamodb.send(new DeleteItemCommand(catalogued));
    await s3.send(new DeleteObjectCommand({ Bucket, Key: documentKey }));
    assert.ok(item, `${documentKey} was not catalogued within ${INGESTION_SECONDS_MAX} s`);
  });
});
