/** A format for tests: each line is an item of bytes; a first line `count=N` that does not hold puts the file in quarantine. */
import { defineFormat, type ItemReader } from '../../../../engine/contracts/format.ts';
import type { Item } from '../../../../engine/contracts/item.ts';
import { Keys } from '../../../../engine/schema.ts';

function itemOf(text: string, line: number): Item {
  return {
    line,
    lastLine: line,
    fields: [],
    faults: [],
    values: [],
    typed: () => null,
    date: () => undefined,
    bytes: Buffer.from(`${text}\n`),
    controlId: `id-${text}`,
  };
}

async function linesOf(source: AsyncIterable<Uint8Array>): Promise<{ counted: number | undefined; texts: string[] }> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  const texts = Buffer.concat(chunks)
    .toString()
    .split('\n')
    .filter((text) => text !== '');
  const count = /^count=(\d+)$/.exec(texts[0] ?? '')?.[1];
  return {
    counted: count === undefined ? undefined : Number(count),
    texts: count === undefined ? texts : texts.slice(1),
  };
}

export default defineFormat({
  name: 'lines',
  summary: 'For tests',
  description: 'For tests.',
  schema: Keys({}),
  examples: [],
  errors: {},
  open: () => ({
    async scan(source) {
      const { counted, texts } = await linesOf(source.read());
      const wrong = counted !== undefined && counted !== texts.length;
      const quarantine = { code: 'COUNT_WRONG', reason: `${counted} are announced`, line: 1 };
      const scan = { items: texts.length, charset: 'utf-8', transcoded: false, cursor: 0, lines: 0, details: {} };
      return wrong ? { ...scan, quarantine } : scan;
    },
    async read(source, _scan, from): Promise<ItemReader> {
      const { texts } = await linesOf(source.read());
      let done = from.cursor > 0;
      return {
        async next() {
          if (done) return undefined;
          done = true;
          const items = texts.map((text, index) => itemOf(text, index + 1));
          return { items, cursor: source.bytes, lines: texts.length, end: true };
        },
        async close() {
          done = true;
        },
      };
    },
    validator: async () => (item) =>
      String(item.bytes).includes('bad') ? [{ code: 'BAD', line: item.line, reason: 'it is bad', column: 'X-1' }] : [],
  }),
});
