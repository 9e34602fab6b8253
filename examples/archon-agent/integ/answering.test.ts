import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { DeleteItemCommand, QueryCommand } from '@aws-sdk/client-dynamodb';
import { DeleteObjectCommand, GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { DeleteMessageCommand, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { handler as answer, type Answer } from '../functions/answer';
import { dynamodb, s3, sqs } from '../functions/aws';
import { handler as ingest } from '../functions/ingest';
import { onStandIn, output } from './deployment';
import { call, functionsRun, signedPost } from './functions';

const REVIEW_RECEIVES_MAX = 10;

/** A word that no other document has, so that this run finds its own document alone. */
const word = `zarquon${randomUUID().replaceAll('-', '')}`;
const documentKey = `integration/${word}.md`;
const sessionId = randomUUID();
const documents = output('ArchonKnowledgeBaseStack', 'DocumentsBucketName');
const questions = `${output('ArchonAgentStack', 'ApiUrl')}/questions`;
const standInChecksNoSignature = onStandIn && 'a stand-in for AWS checks no signatures';
const transcripts: string[] = [];

async function ask(question: string): Promise<Answer> {
  const name = output('ArchonAgentStack', 'AnswerFunctionName');
  const result = await call(name, answer, { body: JSON.stringify({ sessionId, question }) });
  assert.equal(result.statusCode, 200, result.body);
  const answered = JSON.parse(result.body) as Answer;
  transcripts.push(answered.transcript);
  return answered;
}

async function publish(text: string): Promise<void> {
  await s3.send(new PutObjectCommand({ Bucket: documents, Key: documentKey, Body: text }));
  const name = output('ArchonKnowledgeBaseStack', 'IngestionFunctionName');
  const Records = [{ messageId: '1', body: JSON.stringify({ key: documentKey }) }];
  const result = await call(name, ingest, { Records });
  assert.deepEqual(result.batchItemFailures, []);
}

describe('the deployed agent', () => {
  before(() =>
    publish(`# About ${word}

The ${word} engine starts with the green lever.

It stops with the red lever.`),
  );

  after(async () => {
    await publish('\n'); // without a passage: those it had are taken away
    await s3.send(new DeleteObjectCommand({ Bucket: documents, Key: documentKey }));
    await dynamodb.send(
      new DeleteItemCommand({
        TableName: output('ArchonKnowledgeBaseStack', 'CatalogueTableName'),
        Key: { documentKey: { S: documentKey } },
      }),
    );
    const TableName = output('ArchonInfrastructureStack', 'ConversationsTableName');
    const kept = await dynamodb.send(
      new QueryCommand({
        TableName,
        KeyConditionExpression: 'sessionId = :session',
        ExpressionAttributeValues: { ':session': { S: sessionId } },
        ProjectionExpression: 'sessionId, askedAt',
      }),
    );
    for (const Key of kept.Items ?? []) {
      await dynamodb.send(new DeleteItemCommand({ TableName, Key }));
    }
    const Bucket = output('ArchonInfrastructureStack', 'TranscriptsBucketName');
    for (const Key of transcripts) {
      await s3.send(new DeleteObjectCommand({ Bucket, Key }));
    }
  });

  it('answers from a document of the knowledge base, and cites it', async () => {
    const { answer: text, citations } = await ask(`How does the ${word} engine start?`);
    assert.equal(text, `About ${word}: The ${word} engine starts with the green lever.`);
    assert.equal(citations[0], documentKey);
  });

  it('keeps a transcript of its answer', async () => {
    const { transcript } = await ask(`What is ${word}?`);
    const Bucket = output('ArchonInfrastructureStack', 'TranscriptsBucketName');
    const object = await s3.send(new GetObjectCommand({ Bucket, Key: transcript }));
    const kept = JSON.parse((await object.Body?.transformToString()) ?? '') as object;
    assert.deepEqual(
      { ...kept, askedAt: '' },
      {
        sessionId,
        question: `What is ${word}?`,
        answer: `About ${word}: The ${word} engine starts with the green lever.`,
        citations: [documentKey],
        transcript,
        askedAt: '',
      },
    );
  });

  it('answers from the document as it is now, not as it was', async () => {
    await publish(`The ${word} engine starts by itself.`);
    const { answer: text } = await ask(`How does the ${word} engine start?`);
    assert.equal(text, `The ${word} engine starts by itself.`);
  });

  it('passes a question that it cannot answer on for review', async () => {
    const question = `Quo${word}?`;
    const { citations } = await ask(question);
    assert.deepEqual(citations, []);
    assert.deepEqual(await reviewOf(question), { sessionId, question });
  });

  it('answers over its API', async (test) => {
    if (!(await functionsRun())) {
      return test.skip('functions do not run here');
    }
    const question = `How does the ${word} engine start?`;
    const response = await signedPost(questions, { sessionId, question });
    const text = await response.text();
    assert.equal(response.status, 200, text);
    const answered = JSON.parse(text) as Answer;
    transcripts.push(answered.transcript);
    assert.deepEqual(answered.citations, [documentKey]);
  });

  it('refuses a question that nobody signed', { skip: standInChecksNoSignature }, async () => {
    const body = JSON.stringify({ question: `What is ${word}?` });
    const response = await fetch(questions, { method: 'POST', body });
    assert.equal(response.status, 403);
  });
});

/** Takes this run's own message from the queue and leaves the others to whom they belong. */
async function reviewOf(question: string): Promise<unknown> {
  const QueueUrl = output('ArchonInfrastructureStack', 'ReviewQueueUrl');
  for (let attempt = 0; attempt < REVIEW_RECEIVES_MAX; attempt++) {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 2 }),
    );
    for (const { Body = '', ReceiptHandle } of Messages) {
      if (Body.includes(question)) {
        await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
        return JSON.parse(Body);
      }
    }
  }
  return undefined;
}
