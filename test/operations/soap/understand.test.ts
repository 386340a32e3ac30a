/** Answers that are odd, wrapped, flagged, or that come later. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decide } from '../../../engine/answers.ts';
import type { Answer } from '../../../engine/contracts/operation.ts';
import { DeliveryError, WaybillError } from '../../../engine/errors.ts';
import { outcomeOfError } from '../../../engine/outcomes.ts';
import hl7Batch from '../../../formats/hl7-batch/index.ts';
import { type DialectFile, resolveDialect } from '../../../operations/soap/dialect.ts';
import { Secrets } from '../../../operations/soap/secrets.ts';
import { understand } from '../../../operations/soap/understand.ts';
import { ack, envelope, fault, NO_RESOURCES, resources, response } from './rig.ts';

type Lines = Omit<DialectFile, 'dialect'>;

function read(body: string, lines: Lines = {}, status = 200, headers: Readonly<Record<string, string>> = {}): Answer {
  const from = resources({ own: { dialect: 'own', extends: 'cdc-iis-2011', ...lines } });
  const reader = {
    url: new URL('https://r.invalid/'),
    dialect: resolveDialect('own', from),
    secrets: new Secrets(['marker-secret']),
  };
  const bytes = Buffer.from(body);
  return understand(
    reader,
    { status, headers: { 'content-length': String(bytes.length), ...headers }, body: bytes },
    2,
  );
}

/** The kind of an answer with what decides, or the code of the error. */
function shown(body: string, lines: Lines = {}, status = 200, headers: Readonly<Record<string, string>> = {}): string {
  try {
    const answer = read(body, lines, status, headers);
    if (answer.kind === 'acknowledgement') return `text ${JSON.stringify(answer.text)}`;
    if (answer.kind === 'later') return `later ${answer.ticket} ${answer.words} ${answer.askAfterMs}`;
    return answer.outcomes.map(({ outcome, code, words }) => `${outcome} ${code} ${words}`).join('|');
  } catch (error) {
    if (error instanceof DeliveryError) return error.code;
    throw error;
  }
}

const ACK = `text ${JSON.stringify(ack('1'))}`;

test('base64 and URL-encoded answers; plain ones are read in spite of it, broken ones are told as they are', () => {
  const base64 = Buffer.from(ack('1'))
    .toString('base64')
    .replace(/(.{60})/g, '$1\n');
  assert.equal(shown(response(base64), { answer: { encoding: 'base64' } }), ACK);
  assert.equal(shown(response(encodeURIComponent(ack('1'))), { answer: { encoding: 'url' } }), ACK);
  const spaced = new URLSearchParams({ a: 'MSH|^~\\&|A B\rMSA|AA|1' }).toString().slice(2);
  assert.equal(
    shown(response(spaced), { answer: { encoding: 'url' } }),
    `text ${JSON.stringify('MSH|^~\\&|A B\rMSA|AA|1')}`,
  );
  for (const encoding of ['base64', 'url'] as const)
    assert.equal(shown(response(ack('1')), { answer: { encoding } }), ACK);
  assert.equal(shown(response('MSH%'), { answer: { encoding: 'url' } }), 'text "MSH%"');
  assert.equal(shown(response('!!'), { answer: { encoding: 'base64' } }), 'text "!!"');
  assert.equal(shown(response('/w=='), { answer: { encoding: 'base64' } }), 'text "/w=="');
});

test('oddities are read where the dialect has them and nothing is guessed', () => {
  const none = { answer: { lenient: [] } };
  const good = response(ack('1'));
  const odd: Readonly<Record<string, string>> = {
    plain: `\n${ack('1')}`,
    deeper: good.replace(/(<n:return>)(.*)(<\/n:return>)/s, '$1<a>$2</a>$3'),
    'another tag': good.replaceAll('return>', 'result>'),
    'in CDATA, after a comment': envelope(`<!-- MSH|x --><x><![CDATA[${ack('1')}]]></x>`),
    'no end tag': good.replace('</n:return>', ''),
    'no end tags at all': good.replace(/<\/.*/s, '</n:return>'),
  };
  for (const [name, body] of Object.entries(odd)) {
    assert.match(shown(body), /^text ".*MSA\|AA\|1/, name);
    assert.doesNotMatch(shown(body, none), /^text/, name);
  }
  const unread: Readonly<Record<string, string>> = {
    'two of them': envelope(`<x>${ack('1')}</x><y>${ack('2')}</y>`.replaceAll('&', '&amp;')),
    'cut in the text': good.slice(0, good.indexOf('AA|1') + 4),
    'cut in a tag': good.slice(0, good.indexOf('</n:return>') + 5),
    'beside a fault': good.replace('</n:return>', '').replace('<env:Body>', '<env:Body><env:Fault/>'),
    'a document type': good.replace('?>', '?><!DOCTYPE x>').replace('</n:return>', ''),
    'a bare &': good.replace('&amp;', '&'),
    'an end tag of nothing': good.replace('</n:return>', '</n:retrun>'),
    'text after the end': `${good.replace('</n:return>', '')}x`,
    'no HL7': envelope('<x>OK</x>'),
  };
  for (const [name, body] of Object.entries(unread)) assert.match(shown(body), /^SOAP_/, name);
  const raw = read.bind(undefined, ack('1'), {}, 200);
  assert.equal(raw({}).kind, 'acknowledgement');
  const noLength: Parameters<typeof understand>[1] = { status: 200, headers: {}, body: Buffer.from(ack('1')) };
  const reader = {
    url: new URL('https://r.invalid/'),
    dialect: resolveDialect('cdc-iis-2011', NO_RESOURCES),
    secrets: new Secrets([]),
  };
  assert.throws(() => understand(reader, noLength, 1), /cannot be read/, 'it may have been cut');
});

const FLAG = { element: 'r/ok', equals: ['true', 'OK'] };
const flagged = (inner: string): string => envelope(`<r><ok>${inner}</ok><why>because marker-secret</why></r>`);

test('a flag: what is not plainly good is never delivered, whatever the status', () => {
  const lines: Lines = {
    answer: { element: 'r/why', content: 'text', success: FLAG, words: 'r/why' },
    batch: { answers: 'report' },
  };
  assert.match(shown(flagged(' True\n'), lines), /^delivered {2}because \*\*\*\|delivered/);
  for (const status of [200, 500])
    assert.match(shown(flagged('False'), lines, status), /^(rejected SOAP_SUCCESS_FALSE because \*\*\*\|?){2}$/);
  assert.equal(shown(flagged(''), lines), 'SOAP_ANSWER_EMPTY');
  assert.equal(shown(envelope('<r><why>x</why></r>'), lines), 'SOAP_ANSWER_EMPTY');
  assert.equal(shown(flagged('true'), lines, 500), 'SOAP_HTTP_ERROR');
  assert.equal(shown(flagged('true</ok><ok>false'), lines), 'SOAP_SUCCESS_UNKNOWN', 'a part of it');
  assert.match(shown(flagged('false</ok><ok>no'), lines), /^rejected/);
  const both: Lines = { ...lines, answer: { ...lines.answer, success: { ...FLAG, refused: ['false'] } } };
  assert.equal(shown(flagged('perhaps'), both), 'SOAP_SUCCESS_UNKNOWN');
  assert.match(shown(flagged('FALSE'), both), /^rejected/);
});

test('a flag beside an acknowledgement: both must be good', () => {
  const lines: Lines = { answer: { success: { element: 'submitSingleMessageResponse/ok', equals: ['true'] } } };
  const both = (ok: string): string => response(ack('1')).replace('<n:return>', `<n:ok>${ok}</n:ok><n:return>`);
  assert.equal(shown(both('true'), lines), ACK);
  assert.match(shown(both('false'), lines), /^rejected/);
  assert.equal(shown(response(ack('1')), lines), 'SOAP_ANSWER_EMPTY');
});

test('statuses of the dialect come first where the body says nothing', () => {
  const THEN = 'then';
  const lines: Lines = {
    statuses: { 503: { [THEN]: 'retry' }, 404: { [THEN]: 'retry' }, '5xx': { [THEN]: 'stop' } } as Lines['statuses'] &
      object,
  };
  assert.deepEqual(
    [shown('', lines, 503), shown('', lines, 404), shown('', lines, 500), shown('', {}, 404)],
    ['SOAP_STATUS_RETRY', 'SOAP_STATUS_RETRY', 'SOAP_STATUS_STOP', 'SOAP_HTTP_NOT_FOUND'],
  );
  assert.equal(shown(response(ack('1')), lines, 503), ACK);
  assert.equal(shown(fault('<SecurityFault/>'), lines, 503), 'SOAP_FAULT_SECURITY');
});

test('a ticket: the answer comes later; one that cannot be given back leaves the messages in doubt', () => {
  const status = {
    request: { element: 'ask', children: [{ element: 't', from: 'ticket' as const }] },
    answer: { element: 'askResponse/hl7' },
    every: 5000,
  };
  const lines: Lines = { answer: { ticket: 'r/id', words: 'r/why', element: 'r/id' }, status };
  const ticket = (id: string): string => envelope(`<r><id>${id}</id><why>received</why></r>`);
  assert.equal(shown(ticket(' T-1\n'), lines), 'later T-1 received 5000');
  assert.equal(shown(ticket(''), lines), 'SOAP_ANSWER_EMPTY');
  assert.equal(shown(ticket('\u00e9'), lines), 'SOAP_TICKET_UNUSABLE');
  assert.equal(shown(ticket('x'.repeat(201)), lines), 'SOAP_TICKET_UNUSABLE');
  assert.equal(shown(ticket('T-1'), lines, 500), 'SOAP_HTTP_ERROR');
});

const format = hl7Batch.open({}, { resources: NO_RESOURCES });

/** What becomes of the message M1 by an answer, as the engine decides it. */
function fate(status: number, body: string, lines: Lines, headers: Readonly<Record<string, string>>): string {
  try {
    const answer = read(body, lines, status, headers);
    if (answer.kind === 'later') return 'later';
    if (answer.kind === 'outcomes') return answer.outcomes[0]?.outcome ?? 'none';
    const known = format.answers?.(answer.text);
    assert.ok(known);
    const { rest, exceptions } = decide(['M1'], known, 'B1', resolveDialect('cdc-iis-2011', NO_RESOURCES).batch.rules);
    return exceptions[0]?.state ?? rest;
  } catch (error) {
    if (error instanceof DeliveryError) return outcomeOfError(error);
    if (error instanceof WaybillError && error.code === 'ANSWER_NOT_UNDERSTOOD') return 'inDoubt';
    throw error;
  }
}

test('an answer for errors only: an empty one means that all were taken, one in error is told apart', () => {
  const rules = (answers: 'each' | 'errorsOnly') => {
    const from = resources({ own: { dialect: 'own', extends: 'cdc-iis-2011', batch: { answers } } });
    return resolveDialect('own', from).batch.rules;
  };
  const decided = (text: string, answers: 'each' | 'errorsOnly'): readonly string[] => {
    const answer = read(response(text), { batch: { answers } });
    assert.ok(answer.kind === 'acknowledgement');
    const known = format.answers?.(answer.text);
    assert.ok(known);
    const { rest, exceptions } = decide(['M1', 'M2'], known, 'B1', rules(answers));
    return [0, 1].map((index) => exceptions.find((each) => each.index === index)?.state ?? rest);
  };
  const empty = 'BHS|^~\\&|A|B|C|D|20260401||||R1|B1\rBTS|0\r';
  assert.deepEqual(decided(empty, 'errorsOnly'), ['delivered', 'delivered']);
  assert.deepEqual(decided(empty, 'each'), ['inDoubt', 'inDoubt']);
  assert.deepEqual(decided(ack('M2', 'AE'), 'errorsOnly'), ['delivered', 'rejected']);
});

test('a dialect that says `answers` anew takes over no rule for what is missing; one that says the rule keeps it', () => {
  const rule = (lines: Lines): string => {
    const base = { dialect: 'base', extends: 'cdc-iis-2011', answer: { unmentioned: 'inDoubt' } };
    const from = resources({ base, own: { dialect: 'own', extends: 'base', ...lines } });
    return resolveDialect('own', from).batch.rules.unmentioned;
  };
  assert.equal(rule({}), 'inDoubt');
  assert.equal(rule({ batch: { answers: 'errorsOnly' } }), 'delivered');
  assert.equal(rule({ batch: { answers: 'errorsOnly', missing: 'queued' } }), 'queued');
  assert.equal(rule({ answer: { unmentioned: 'delivered' } }), 'delivered');
});

test('answers made of pieces never crash, and nothing is delivered without a good acknowledgement of that message', () => {
  const good = ack('M1').replaceAll('&', '&amp;');
  const pieces = fc.constantFrom(
    '<?xml version="1.0"?>',
    '<env:Envelope xmlns:env="x">',
    '<env:Body>',
    '<r>',
    '<submitSingleMessageResponse>',
    '<return>',
    '</return>',
    '</submitSingleMessageResponse>',
    '</r>',
    '</env:Body>',
    '</env:Envelope>',
    '<env:Fault>',
    '</env:Fault>',
    '<!DOCTYPE x [<!ENTITY e "e">]>',
    '<![CDATA[',
    ']]>',
    '<!--',
    '-->',
    '&e;',
    '&#xD;',
    '&',
    '<',
    '>',
    '"',
    '\u0000',
    '\ufeff',
    ack('M1', 'AE').replaceAll('&', '&amp;'),
    ack('M2').replaceAll('&', '&amp;'),
    'MSH|^~\\&amp;|',
    '\rMSA|AA|M',
    'BHS|^~\\&amp;|\rBTS|0\r',
    '<ok>true</ok>',
    '<ok>false</ok>',
    'x'.repeat(300),
    ' ',
  );
  const encoding = fc.constantFrom('text' as const, 'base64' as const, 'url' as const);
  fc.assert(
    fc.property(
      fc.array(pieces, { maxLength: 14 }),
      fc.constantFrom(200, 202, 400, 500, 503),
      encoding,
      (parts, status, how) => {
        const outcome = fate(status, parts.join(''), { answer: { encoding: how } }, {});
        assert.notEqual(outcome, 'delivered', parts.join(''));
      },
    ),
    { numRuns: 1500 },
  );
  // With the good one among the pieces: delivered only where it stands there whole, and nothing against it.
  fc.assert(
    fc.property(fc.array(fc.oneof(pieces, fc.constant(good)), { maxLength: 14 }), (parts) => {
      const body = parts.join('');
      if (fate(200, body, {}, {}) === 'delivered') assert.ok(body.includes('MSA|AA|M1'), body);
    }),
    { numRuns: 1000 },
  );
  // Any start of a good answer, as a connection that broke without a length leaves it.
  const whole = response(ack('M1'));
  const said = whole.indexOf('</n:return>') + '</n:return>'.length;
  for (let end = 0; end < said; end += 1)
    assert.equal(fate(200, whole.slice(0, end), {}, {}), 'inDoubt', whole.slice(0, end));
  assert.equal(fate(200, whole, {}, {}), 'delivered');
});

test('any bytes at all: in doubt or refused, in time that grows with their length', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), fc.constantFrom(200, 404, 500), (bytes, status) => {
      assert.notEqual(fate(status, Buffer.from(bytes).toString('latin1'), {}, {}), 'delivered');
    }),
    { numRuns: 500 },
  );
  for (const piece of ['<a ', '<a>', '&amp;', '<!--', '<![CDATA[', ' a="b"', '<a b="', 'MSH|^~\\&|\r'])
    assert.notEqual(fate(200, `<x>${piece.repeat(20_000)}`, {}, {}), 'delivered', piece);
});
