import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import hl7Batch from '../../formats/hl7-batch/index.ts';
import { readAcknowledgements } from '../../hl7/acknowledgements.ts';
import { EnvelopeCounts, trailerCount } from '../../hl7/batch.ts';
import { parseMessage } from '../../hl7/parse.ts';
import { splitMessages } from '../../hl7/split.ts';

const name = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom('A|B', '^', '\r', '""', 'ÄÖ'),
  fc.record({ raw: fc.string({ unit: fc.constantFrom('A', '^', '&', 'é', ' ') }) }),
);
const config = fc.record(
  {
    envelope: fc.constantFrom('file' as const, 'batch' as const, 'none' as const),
    controlIds: fc.boolean(),
    sendingApplication: name,
    sendingFacility: name,
    receivingApplication: name,
    receivingFacility: name,
  },
  { requiredKeys: [] },
);
const plan = fc.record(
  {
    id: fc.stringMatching(/^[a-z0-9-]{1,20}$/),
    replaces: fc.stringMatching(/^[a-z0-9-]{1,20}$/),
    plannedAt: fc.integer({ min: 0, max: 4_000_000_000_000 }),
    timeZone: fc.constantFrom('UTC', 'America/Denver', 'Asia/Kathmandu', 'Australia/Lord_Howe'),
  },
  { requiredKeys: ['id', 'plannedAt', 'timeZone'] },
);
const message = fc.oneof(
  fc.string({ unit: 'grapheme' }).map((text) => `MSH|^~\\&|A\rOBX|1||${text.replace(/[\r\n]/g, '')}\r`),
  fc.integer({ min: 60_000, max: 70_000 }).map((length) => `MSH|^~\\&|${'x'.repeat(length)}\n`),
);

test('the overhead is exact, messages come out as they went in, and the trailers count them', () => {
  fc.assert(
    fc.property(config, plan, fc.array(message, { maxLength: 12 }), (settings, planned, texts) => {
      const format = hl7Batch.open(settings, { resources: { timeZone: 'UTC', values: {}, tables: {}, files: {} } });
      const whole = { ...planned, count: texts.length };
      const messages = texts.map((text) => Buffer.from(text));
      const bytes = Buffer.concat([...(format.write?.(whole, messages) ?? [])]);
      const own = messages.reduce((sum, one) => sum + one.length, 0);
      assert.equal(bytes.length, own + (format.overhead?.(whole) ?? Number.NaN));

      const parts = splitMessages(bytes);
      const kinds = { file: ['FHS', 'BHS', 'BTS', 'FTS'], batch: ['BHS', 'BTS'], none: [] }[
        settings.envelope ?? 'file'
      ];
      assert.deepEqual(
        parts.filter((part) => part.kind !== 'message').map((part) => part.kind),
        kinds,
      );
      assert.deepEqual(
        parts.filter((part) => part.kind === 'message').map((part) => Buffer.from(part.bytes)),
        messages,
      );
      const counts = new EnvelopeCounts();
      for (const part of parts) {
        const text = Buffer.from(part.bytes).toString('utf8');
        if (part.kind === 'message') counts.message();
        else counts.envelope(part.kind as 'FHS', trailerCount(text));
        if (part.kind === 'FHS' || part.kind === 'BHS') {
          const application = settings.sendingApplication;
          if (typeof application === 'string') assert.equal(parseMessage(text).get(`${part.kind}-3.1`), application);
          else assert.equal(parseMessage(text).raw(`${part.kind}-3`) ?? '', application?.raw ?? '');
        }
      }
      counts.end();
      assert.deepEqual([counts.problems, counts.openEnded], [[], 0]);
      assert.deepEqual(
        bytes,
        Buffer.concat([...(format.write?.(whole, messages) ?? [])]),
        'the same byte for byte again',
      );
    }),
    { numRuns: 200 },
  );
});

test('an answer of any bytes is read or not understood, never anything else', () => {
  const line = fc.constantFrom(
    'MSH|^~\\&|A',
    'MSH',
    'MSH||',
    'BHS|^~\\&',
    'FHS|',
    'BTS|1',
    'BTS',
    'FTS|x',
    'MSA|AA|1',
    'MSA',
    'MSA|',
    'MSA||\\F\\',
    'ERR',
    'ERR||PID^1^x^y~z|^&',
    'ERR|PID^1^2^&x',
    'junk',
    '',
    '<x>',
  );
  const answer = fc.oneof(
    fc.array(line).map((lines) => lines.join('\r')),
    fc.string({ unit: 'binary' }),
    fc.string({ unit: 'binary' }).map((text) => `MSH|^~\\&|\rMSA|AE|1|${text}`),
  );
  fc.assert(
    fc.property(answer, (text) => {
      try {
        for (const { words } of readAcknowledgements(text).acknowledgements) {
          assert.ok(words.length <= 300);
          assert.doesNotMatch(words, /[\x00-\x1f\x7f-\x9f]/);
        }
      } catch (error) {
        assert.ok(error instanceof Error && 'code' in error && error.code === 'ANSWER_NOT_UNDERSTOOD', String(error));
      }
    }),
    { numRuns: 1000 },
  );
});
