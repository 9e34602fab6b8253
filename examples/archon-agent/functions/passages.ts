/** Text into passages, passages into an order: no clock, no network, no environment. */

export interface Passage {
  /** `<document key>#<number>`: the same text in the same place keeps its id. */
  readonly passageId: string;
  readonly documentKey: string;
  readonly text: string;
}

export interface Ranked {
  readonly passage: Passage;
  readonly score: number;
}

/** A passage longer than this is cut: an item of the table has to stay far below 400 KB. */
const PASSAGE_LENGTH_MAX = 2000;
const STOP_WORDS = new Set(
  (
    'about and are but can did does for from had has have how into its not that the their them ' +
    'then there they this was were what when where which who why will with would you your'
  ).split(' '),
);

/** Paragraphs are passages; a heading alone belongs to the paragraph after it. */
export function splitIntoPassages(documentKey: string, text: string): Passage[] {
  const passages: Passage[] = [];
  let heading = '';
  for (const paragraph of text.split(/\r?\n\s*\r?\n/)) {
    const trimmed = paragraph.replace(/\s+/g, ' ').trim();
    if (trimmed === '') {
      continue;
    }
    if (/^#+ /.test(trimmed) && !paragraph.trim().includes('\n')) {
      heading = trimmed.replace(/^#+ /, '') + ': ';
      continue;
    }
    passages.push({
      passageId: `${documentKey}#${String(passages.length).padStart(4, '0')}`,
      documentKey,
      text: (heading + trimmed).slice(0, PASSAGE_LENGTH_MAX),
    });
    heading = '';
  }
  return passages;
}

/** The words worth finding a passage by: lower case, without plurals, each once. */
export function termsOf(text: string): string[] {
  const words = text.toLowerCase().match(/[\p{L}\p{N}]{3,}/gu) ?? [];
  const terms = words
    .filter((word) => !STOP_WORDS.has(word))
    .map((word) => (word.length > 4 ? word.replace(/(?<!s)s$/, '') : word));
  return [...new Set(terms)];
}

/** Best first: a passage earns more for a term that few passages share. */
export function rank(postings: ReadonlyMap<string, readonly Passage[]>): Ranked[] {
  const byId = new Map<string, Ranked>();
  for (const passages of postings.values()) {
    const weight = 1 / Math.log2(1 + passages.length);
    for (const passage of passages) {
      const score = (byId.get(passage.passageId)?.score ?? 0) + weight;
      byId.set(passage.passageId, { passage, score });
    }
  }
  return [...byId.values()].sort(
    (a, b) => b.score - a.score || a.passage.passageId.localeCompare(b.passage.passageId),
  );
}
