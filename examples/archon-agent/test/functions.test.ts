import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { handler as answer } from '../functions/answer';
import { handler as ingest } from '../functions/ingest';
import { rank, splitIntoPassages, termsOf, type Passage } from '../functions/passages';

function passage(passageId: string): Passage {
  return { passageId, documentKey: passageId.split('#')[0] ?? '', text: passageId };
}

describe('splitting a document into passages', () => {
  it('makes each paragraph a passage with a lasting id', () => {
    const passages = splitIntoPassages('guide.md', 'One\nline.\n\n \n\nTwo.\r\n\r\nThree.');
    assert.deepEqual(
      passages.map(({ passageId, text }) => [passageId, text]),
      [
        ['guide.md#0000', 'One line.'],
        ['guide.md#0001', 'Two.'],
        ['guide.md#0002', 'Three.'],
      ],
    );
  });

  it('puts a heading before the paragraph that follows it', () => {
    const [only, ...others] = splitIntoPassages('a', '## Leave\n\nTwenty days a year.');
    assert.equal(only?.text, 'Leave: Twenty days a year.');
    assert.deepEqual(others, []);
  });

  it('finds nothing in an empty document', () => {
    assert.deepEqual(splitIntoPassages('empty', ' \n\n '), []);
  });
});

describe('the terms of a text', () => {
  it('are its words in lower case, once each, without stop words and plurals', () => {
    assert.deepEqual(termsOf('How do the Engines start? An engine STARTS.'), ['engine', 'start']);
  });

  it('may be written in any script', () => {
    assert.deepEqual(termsOf('Größe naïve Ωμέγα'), ['größe', 'naïve', 'ωμέγα']);
  });

  it('keep a double s', () => {
    assert.deepEqual(termsOf('access'), ['access']);
  });
});

describe('ranking', () => {
  it('prefers the passage with more terms of the question', () => {
    const [first] = rank(
      new Map([
        ['engine', [passage('a#1'), passage('b#1')]],
        ['start', [passage('b#1'), passage('c#1')]],
      ]),
    );
    assert.equal(first?.passage.passageId, 'b#1');
  });

  it('prefers the rarer term', () => {
    const [first] = rank(
      new Map([
        ['common', [passage('a#1'), passage('b#1'), passage('c#1')]],
        ['rare', [passage('z#1')]],
      ]),
    );
    assert.equal(first?.passage.passageId, 'z#1');
  });

  it('is the same whatever the order of the postings', () => {
    const order = (passages: Passage[]) =>
      rank(new Map([['term', passages]])).map((ranked) => ranked.passage.passageId);
    assert.deepEqual(order([passage('b#1'), passage('a#1')]), ['a#1', 'b#1']);
    assert.deepEqual(order([passage('a#1'), passage('b#1')]), ['a#1', 'b#1']);
  });
});

describe('a request that cannot be answered', () => {
  for (const [body, message] of [
    [null, 'The body is not JSON'],
    ['{"question": ', 'The body is not JSON'],
    ['null', 'Missing "question"'],
    ['{"question": "  "}', 'Missing "question"'],
    [JSON.stringify({ question: 'x'.repeat(2001) }), '"question" is longer than 2000 characters'],
    [
      '{"question": "Why?", "sessionId": "../secrets"}',
      '"sessionId" must be 1 to 64 letters, digits and hyphens',
    ],
  ] as const) {
    it(`is refused with 400: ${message} (${String(body).slice(0, 40)})`, async () => {
      const result = await answer({ body });
      assert.equal(result.statusCode, 400);
      assert.deepEqual(JSON.parse(result.body), { message });
    });
  }
});

describe('a message that cannot be ingested', () => {
  it('goes back to the queue alone', async (test) => {
    const log = test.mock.method(console, 'error', () => undefined);
    const result = await ingest({
      Records: [
        { messageId: '1', body: 'no JSON' },
        { messageId: '2', body: '{"name": "guide.md"}' },
      ],
    });
    assert.deepEqual(result.batchItemFailures, [{ itemIdentifier: '1' }, { itemIdentifier: '2' }]);
    assert.match(String(log.mock.calls[1]?.arguments[0]), /The message has no \\"key\\"/);
  });
});
