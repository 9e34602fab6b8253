import {
  BatchWriteItemCommand,
  PutItemCommand,
  paginateQuery,
  type WriteRequest,
} from '@aws-sdk/client-dynamodb';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { dynamodb, s3, setting } from './aws';
import { splitIntoPassages, termsOf } from './passages';

export interface IngestionEvent {
  readonly Records: readonly { readonly messageId: string; readonly body: string }[];
}

export interface IngestionResult {
  readonly batchItemFailures: { readonly itemIdentifier: string }[];
}

/** DynamoDB takes so many writes in one call. */
const BATCH_SIZE = 25;
const BATCH_ATTEMPTS = 6;

/** Each message is `{"key": "<document>"}`; one that fails is tried again, the others are not. */
export async function handler(event: IngestionEvent): Promise<IngestionResult> {
  const batchItemFailures: { itemIdentifier: string }[] = [];
  for (const record of event.Records) {
    try {
      await ingest(documentKeyOf(record.body));
    } catch (error) {
      console.error(JSON.stringify({ message: 'not ingested', record, error: String(error) }));
      batchItemFailures.push({ itemIdentifier: record.messageId });
    }
  }
  return { batchItemFailures };
}

function documentKeyOf(body: string): string {
  const message: unknown = JSON.parse(body);
  const key = (message as { key?: unknown } | null)?.key;
  if (typeof key !== 'string' || key === '') {
    throw new Error('The message has no "key": send {"key": "<document>"}');
  }
  return key;
}

async function ingest(documentKey: string): Promise<void> {
  const object = await s3.send(
    new GetObjectCommand({ Bucket: setting('DOCUMENTS_BUCKET'), Key: documentKey }),
  );
  const text = (await object.Body?.transformToString()) ?? '';
  const passages = splitIntoPassages(documentKey, text);

  const wanted = new Map<string, WriteRequest>();
  for (const { passageId, text: passage } of passages) {
    for (const term of termsOf(passage)) {
      const item = {
        term: { S: term },
        passageId: { S: passageId },
        documentKey: { S: documentKey },
        text: { S: passage },
      };
      wanted.set(`${term} ${passageId}`, { PutRequest: { Item: item } });
    }
  }
  await write([...(await staleWrites(documentKey, wanted)), ...wanted.values()]);
  await dynamodb.send(
    new PutItemCommand({
      TableName: setting('CATALOGUE_TABLE'),
      Item: {
        documentKey: { S: documentKey },
        eTag: { S: object.ETag ?? '' },
        passages: { N: String(passages.length) },
        ingestedAt: { S: new Date().toISOString() },
      },
    }),
  );
}

/** Deletes what an earlier version of the document left behind. */
async function staleWrites(
  documentKey: string,
  wanted: ReadonlyMap<string, WriteRequest>,
): Promise<WriteRequest[]> {
  const stale: WriteRequest[] = [];
  const pages = paginateQuery(
    { client: dynamodb },
    {
      TableName: setting('PASSAGES_TABLE'),
      IndexName: setting('PASSAGES_BY_DOCUMENT'),
      KeyConditionExpression: 'documentKey = :key',
      ExpressionAttributeValues: { ':key': { S: documentKey } },
    },
  );
  for await (const page of pages) {
    for (const { term, passageId } of page.Items ?? []) {
      if (term?.S && passageId?.S && !wanted.has(`${term.S} ${passageId.S}`)) {
        stale.push({ DeleteRequest: { Key: { term, passageId } } });
      }
    }
  }
  return stale;
}

async function write(requests: readonly WriteRequest[]): Promise<void> {
  const table = setting('PASSAGES_TABLE');
  for (let start = 0; start < requests.length; start += BATCH_SIZE) {
    let pending = requests.slice(start, start + BATCH_SIZE);
    for (let attempt = 0; pending.length > 0; attempt++) {
      if (attempt === BATCH_ATTEMPTS) {
        throw new Error(`${pending.length} writes to ${table} were throttled again and again`);
      }
      if (attempt > 0) {
        await new Promise((resolve) => setTimeout(resolve, 50 * 2 ** attempt));
      }
      const result = await dynamodb.send(
        new BatchWriteItemCommand({ RequestItems: { [table]: pending } }),
      );
      pending = result.UnprocessedItems?.[table] ?? [];
    }
  }
}
