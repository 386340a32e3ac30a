/** The samples of the dialects that are shipped, and every published answer: each with what must come of it. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { runSamples } from '../../../cli/dialects/run-sample.ts';
import { readSamples, samplesPath } from '../../../cli/dialects/samples.ts';
import { decide } from '../../../engine/answers.ts';
import type { MessageOutcomeState } from '../../../engine/contracts/store.ts';
import { DeliveryError } from '../../../engine/errors.ts';
import { outcomeOfError } from '../../../engine/outcomes.ts';
import { readAcknowledgements } from '../../../hl7/acknowledgements.ts';
import { builtInDialects, resolveDialect } from '../../../operations/soap/dialect.ts';
import { Secrets } from '../../../operations/soap/secrets.ts';
import { understand } from '../../../operations/soap/understand.ts';
import { needsShared, sharedPath } from '../../support/shared.ts';
import { envelope, NO_RESOURCES, response } from './rig.ts';

const DIALECTS = join(import.meta.dirname, '../../../operations/soap/dialects');

for (const name of builtInDialects()) {
  test(`samples of ${name}`, async () => {
    const { samples, problems } = readSamples(samplesPath(DIALECTS, name), `${name}.yaml`);
    assert.deepEqual(problems, []);
    assert.ok(samples);
    const results = await runSamples(samples, NO_RESOURCES);
    const failed = results.filter(({ differences }) => differences.length > 0);
    assert.deepEqual(failed, []);
    const outcomes = new Set(samples.data.samples.map(({ expect }) => expect.outcome));
    assert.ok(outcomes.has('delivered'), 'one that shows what good looks like');
    assert.ok(samples.data.samples.some(({ request }) => request !== undefined) || name === 'wi', 'and a request');
  });
}

const READER = {
  url: new URL('https://registry.invalid/'),
  dialect: resolveDialect('cdc-iis-2011', NO_RESOURCES),
  secrets: new Secrets([]),
};

/** What becomes of one message with this control id. */
function outcome(status: number, body: string, controlId: string): MessageOutcomeState | string {
  const bytes = Buffer.from(body);
  const headers = { 'content-type': 'text/xml; charset=utf-8', 'content-length': String(bytes.length) };
  try {
    const answer = understand(READER, { status, headers, body: bytes }, 1);
    assert.ok(answer.kind === 'acknowledgement');
    const acknowledgements = readAcknowledgements(answer.text).acknowledgements.map((one) => ({
      ...one,
      accepted: one.code === 'AA' || one.code === 'CA',
    }));
    const { rest, exceptions } = decide([controlId], { acknowledgements }, 'B1', READER.dialect.batch.rules);
    return exceptions[0]?.state ?? rest;
  } catch (error) {
    if (error instanceof DeliveryError) return outcomeOfError(error);
    throw error;
  }
}

/** File, the message that it is about, and what becomes of that one. */
const PUBLISHED: Readonly<Record<string, readonly [string, MessageOutcomeState]>> = {
  'TC_ACK02.hl7': ['4513185', 'delivered'],
  'TC_ACK03.hl7': ['313217', 'rejected'],
  'TC_ACK04.hl7': ['783843', 'rejected'],
  'TC_ACK05.hl7': ['165138', 'rejected'],
  'TC_ACK06.hl7': ['1531573', 'rejected'],
  'TC_ACK07.hl7': ['9299381', 'rejected'],
};

test(
  'acknowledgements that registries gave: each decides its own message and no other, in each form',
  needsShared,
  () => {
    const folder = sharedPath('fixtures/soap/answers');
    const names = readdirSync(folder).filter((name) => name.endsWith('.hl7'));
    assert.deepEqual(names.sort(), Object.keys(PUBLISHED).sort());
    for (const [name, [id, expected]] of Object.entries(PUBLISHED)) {
      const text = readFileSync(join(folder, name), 'utf8');
      const forms: Readonly<Record<string, string>> = {
        'as it should be': response(text),
        'with LF': response(text.replace(/\r\n?/g, '\n')),
        'as plain text': text,
        'another tag': response(text).replaceAll('return>', 'result>'),
        'one element deeper': response(text).replace(/(<n:return>)(.*)(<\/n:return>)/s, '$1<string>$2</string>$3'),
        'without an end tag': response(text).replace('</n:return>', ''),
      };
      for (const [form, body] of Object.entries(forms)) {
        assert.equal(outcome(200, body, id), expected, `${name}, ${form}`);
        assert.equal(outcome(500, body, id), expected, `${name}, ${form}, in a 500`);
        assert.equal(outcome(200, body, `${id}0`), 'inDoubt', `${name}, ${form}, of another message`);
        const half = body.slice(0, body.indexOf('MSA') + 6);
        assert.notEqual(outcome(200, half, id), 'delivered', `${name}, ${form}, cut`);
      }
    }
  },
);

/** What we do about a fault of the catalogue of the hub: its class of retry is only a hint, whether it was taken decides. */
const EXPECTED: Readonly<Record<string, string>> = {
  10: 'inDoubt',
  11: 'retry',
  12: 'retry',
  13: 'retry',
  14: 'stop',
  15: 'stop',
  16: 'stop',
  17: 'inDoubt',
  18: 'retry',
  19: 'retry',
  228: 'inDoubt',
  221: 'stop',
  224: 'split',
  225: 'stop',
  226: 'stop',
  227: 'stop',
  223: 'retry',
  201: 'stop',
  202: 'stop',
  203: 'inDoubt',
  204: 'retry',
  205: 'inDoubt',
  206: 'inDoubt',
  207: 'inDoubt',
  60: 'stop',
  61: 'stop',
  30: 'split',
  31: 'inDoubt',
  70: 'stop',
  71: 'stop',
  50: 'stop',
};

test("every fault of the hub's catalogue has its outcome", needsShared, () => {
  const catalogue = readFileSync(sharedPath('fixtures/soap/answers/MessageSupport.properties'), 'utf8');
  const codes = [...catalogue.matchAll(/^(\w+)-\w+-code=(\d+)/gm)].map(([, fault = '', code = '']) => ({
    fault,
    code,
  }));
  assert.equal(codes.length, Object.keys(EXPECTED).length);
  const hub = { ...READER, dialect: resolveDialect('iz-hub-2014', NO_RESOURCES) };
  for (const { fault, code } of codes) {
    const body = Buffer.from(
      envelope(
        `<env:Fault><env:Code><env:Value>env:Sender</env:Value></env:Code><env:Detail><h:${fault} xmlns:h="urn:cdc:iisb:hub:2014"><h:Code>${code}</h:Code></h:${fault}></env:Detail></env:Fault>`,
      ),
    );
    assert.throws(
      () => understand(hub, { status: 500, headers: {}, body }, 1),
      (error) => {
        assert.equal(outcomeOfError(error), EXPECTED[code], `${fault} ${code}`);
        return true;
      },
    );
  }
});
