import { randomUUID } from 'node:crypto';
import { PutItemCommand, QueryCommand } from '@aws-sdk/client-dynamodb';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { dynamodb, s3, setting, sqs } from './aws';
import { rank, termsOf, type Passage } from './passages';

export interface ApiEvent {
  readonly body: string | null;
}

export interface ApiResult {
  readonly statusCode: number;
  readonly headers: Record<string, string>;
  readonly body: string;
}

export interface Answer {
  readonly sessionId: string;
  readonly answer: string;
  /** The documents that the answer was taken from, the best first; empty when it is unknown. */
  readonly citations: string[];
  /** Where the whole exchange is kept. */
  readonly transcript: string;
}

const QUESTION_LENGTH_MAX = 2000;
const TERMS_MAX = 16;
const PASSAGES_PER_TERM_MAX = 100;
const PASSAGES_QUOTED_MAX = 3;
const CONVERSATION_DAYS = 30;
const SESSION_ID = /^[A-Za-z0-9-]{1,64}$/;

export async function handler(event: ApiEvent): Promise<ApiResult> {
  const request = parse(event.body);
  if ('problem' in request) {
    return respond(400, { message: request.problem });
  }
  return respond(200, await answer(request.sessionId, request.question));
}

type Request = { sessionId: string; question: string };

function parse(body: string | null): Request | { problem: string } {
  let value: unknown;
  try {
    value = JSON.parse(body ?? '');
  } catch {
    return { problem: 'The body is not JSON' };
  }
  const { sessionId = randomUUID(), question } = (value ?? {}) as Record<string, unknown>;
  if (typeof question !== 'string' || question.trim() === '') {
    return { problem: 'Missing "question"' };
  }
  if (question.length > QUESTION_LENGTH_MAX) {
    return { problem: `"question" is longer than ${QUESTION_LENGTH_MAX} characters` };
  }
  if (typeof sessionId !== 'string' || !SESSION_ID.test(sessionId)) {
    return { problem: '"sessionId" must be 1 to 64 letters, digits and hyphens' };
  }
  return { sessionId, question };
}

async function answer(sessionId: string, question: string): Promise<Answer> {
  const best = rank(await postingsOf(question))
    .slice(0, PASSAGES_QUOTED_MAX)
    .map(({ passage }) => passage);
  const askedAt = new Date().toISOString();
  const result: Answer = {
    sessionId,
    answer: best[0]?.text ?? 'I do not know yet. Your question has been passed on for review.',
    citations: [...new Set(best.map((passage) => passage.documentKey))],
    transcript: `${askedAt.slice(0, 10)}/${sessionId}/${randomUUID()}.json`,
  };
  await Promise.all([
    record(question, askedAt, result),
    best.length === 0 ? askForReview(sessionId, question) : undefined,
  ]);
  return result;
}

async function postingsOf(question: string): Promise<Map<string, Passage[]>> {
  const terms = termsOf(question).slice(0, TERMS_MAX);
  const postings = await Promise.all(terms.map((term) => passagesWith(term)));
  return new Map(terms.map((term, index) => [term, postings[index] ?? []]));
}

async function passagesWith(term: string): Promise<Passage[]> {
  const { Items = [] } = await dynamodb.send(
    new QueryCommand({
      TableName: setting('PASSAGES_TABLE'),
      KeyConditionExpression: 'term = :term',
      ExpressionAttributeValues: { ':term': { S: term } },
      Limit: PASSAGES_PER_TERM_MAX,
    }),
  );
  return Items.map((item) => ({
    passageId: item.passageId?.S ?? '',
    documentKey: item.documentKey?.S ?? '',
    text: item.text?.S ?? '',
  }));
}

async function record(question: string, askedAt: string, result: Answer): Promise<void> {
  const expiresAt = Math.floor(Date.parse(askedAt) / 1000) + CONVERSATION_DAYS * 24 * 60 * 60;
  await Promise.all([
    dynamodb.send(
      new PutItemCommand({
        TableName: setting('CONVERSATIONS_TABLE'),
        Item: {
          sessionId: { S: result.sessionId },
          askedAt: { S: askedAt },
          question: { S: question },
          answer: { S: result.answer },
          expiresAt: { N: String(expiresAt) },
        },
      }),
    ),
    s3.send(
      new PutObjectCommand({
        Bucket: setting('TRANSCRIPTS_BUCKET'),
        Key: result.transcript,
        ContentType: 'application/json',
        Body: JSON.stringify({ ...result, question, askedAt }),
      }),
    ),
  ]);
}

async function askForReview(sessionId: string, question: string): Promise<void> {
  await sqs.send(
    new SendMessageCommand({
      QueueUrl: setting('REVIEW_QUEUE_URL'),
      MessageBody: JSON.stringify({ sessionId, question }),
    }),
  );
}

function respond(statusCode: number, body: object): ApiResult {
  return {
    statusCode,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  };
}
