/** Questions to a receiver that decides later, or of whom nobody knows what it has taken. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Probe } from '../../../engine/contracts/operation.ts';
import { DeliveryError } from '../../../engine/errors.ts';
import type { DialectFile } from '../../../operations/soap/dialect.ts';
import { ack, answering, envelope, fault, http, onRequest, openSoap, rawServer, resources } from './rig.ts';

type Lines = Omit<DialectFile, 'dialect'>;

function asking(by: 'ticket' | 'controlId'): Lines {
  return {
    ...(by === 'ticket' ? { answer: { ticket: 'r/id', element: 'r/id' } } : {}),
    status: {
      request: { element: 'ask', children: [{ element: 'what', from: by }] },
      answer: { element: 'a/hl7' },
      state: 'a/state',
      states: { working: ['WAIT'], unknown: ['NONE'], done: ['DONE'], rejected: ['NO'], delivered: ['YES'] },
      words: 'a/why',
      every: 7000,
    },
  };
}

const said = (state: string, hl7 = ''): string =>
  envelope(`<a><state>${state}</state><why>because</why><hl7>${hl7.replaceAll('&', '&amp;')}</hl7></a>`);

/** Asks an operation whose receiver answers each control id, or ticket, with these bodies. */
async function ask(
  t: TestContext,
  by: 'ticket' | 'controlId',
  bodies: Readonly<Record<string, Buffer>>,
  probe: Partial<Probe>,
) {
  const server = await rawServer(t, (socket) =>
    onRequest(socket, (request) => socket.write(bodies[/<what>([^<]*)</.exec(request)?.[1] ?? ''] ?? http(500, ''))),
  );
  const from = resources({ own: { dialect: 'own', extends: 'cdc-iis-2011', ...asking(by) } });
  const operation = await openSoap(t, { url: server.url, dialect: 'own' }, from);
  assert.equal(operation.probes, true);
  assert.ok(operation.probe);
  return operation.probe(
    { batchId: 'B1', ticket: undefined, ids: ['M1', 'M2'], ...probe },
    AbortSignal.timeout(20_000),
  );
}

test('a status query by ticket: not yet, unknown, taken, refused, or an acknowledgement that decides', async (t) => {
  const cases: readonly [Buffer, object][] = [
    [http(200, said('wait')), { kind: 'notYet', words: 'because', askAfterMs: 7000 }],
    [http(200, said('ODD')), { kind: 'notYet', words: 'because', askAfterMs: 7000 }],
    [http(200, said('DONE')), { kind: 'notYet', words: 'because', askAfterMs: 7000 }],
  ];
  for (const [answer, expected] of cases)
    assert.deepEqual(await ask(t, 'ticket', { T1: answer }, { ticket: 'T1' }), expected);
  const outcomes: Readonly<Record<string, string>> = { NONE: 'queued', YES: 'delivered', NO: 'rejected' };
  for (const [word, outcome] of Object.entries(outcomes)) {
    const answer = await ask(t, 'ticket', { T1: http(200, said(word)) }, { ticket: 'T1' });
    assert.ok(answer.kind === 'outcomes');
    assert.deepEqual(
      answer.outcomes.map((each) => [each.index, each.outcome, each.words]),
      [
        [0, outcome, 'because'],
        [1, outcome, 'because'],
      ],
    );
  }
  const done = await ask(t, 'ticket', { T1: http(200, said('DONE', ack('M1'))) }, { ticket: 'T1' });
  assert.ok(done.kind === 'acknowledgement');
  assert.match(done.text, /MSA\|AA\|M1/);
  await assert.rejects(
    ask(t, 'ticket', { T1: http(500, fault('<SecurityFault/>')) }, { ticket: 'T1' }),
    /SecurityFault/,
  );
  await assert.rejects(ask(t, 'ticket', { T1: http(200, 'no XML') }, { ticket: 'T1' }), /cannot be read/);
  const never = await ask(t, 'ticket', {}, {});
  assert.ok(never.kind === 'notYet');
  assert.match(never.words, /no ticket/);
});

test('a status query by control id: each message by itself; what cannot be asked stays in doubt', async (t) => {
  const answers = {
    M1: http(200, said('DONE', ack('M1'))),
    M2: http(200, said('DONE', ack('M2', 'AE'))),
    M3: http(200, said('NONE')),
    M4: http(200, said('WAIT')),
    M5: http(200, said('DONE', ack('M1'))),
    M6: http(200, said('DONE', 'no HL7')),
    M7: http(200, said('DONE', ack('M7', 'XX'))),
  };
  const ids = [...Object.keys(answers), 'M8', 'M9'];
  const answer = await ask(t, 'controlId', answers, { ids });
  assert.ok(answer.kind === 'outcomes');
  assert.deepEqual(
    answer.outcomes.map(({ index, outcome }) => `${ids[index]} ${outcome}`),
    [
      'M1 delivered',
      'M2 rejected',
      'M3 queued',
      'M4 inDoubt',
      'M5 inDoubt',
      'M6 inDoubt',
      'M7 inDoubt',
      'M8 inDoubt',
      'M9 inDoubt',
    ],
  );
  const waiting = await ask(t, 'controlId', { M1: http(200, said('WAIT')), M2: http(200, said('WAIT')) }, {});
  assert.deepEqual(waiting, { kind: 'notYet', words: 'the receiver has not decided yet', askAfterMs: 7000 });
  await assert.rejects(ask(t, 'controlId', {}, {}), DeliveryError);
});

test('a dialect without a status query cannot be asked', async (t) => {
  const server = await answering(t, http(200, ''));
  const operation = await openSoap(t, { url: server.url });
  assert.equal(operation.probes, false);
  const answer = await operation.probe?.({ batchId: 'B', ticket: undefined, ids: ['M1'] }, AbortSignal.timeout(5000));
  assert.equal(answer?.kind, 'notYet');
});
