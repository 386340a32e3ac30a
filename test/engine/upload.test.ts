/** Uploads, quarantine, entries without a transform, and answers that become submissions, over a real ledger. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import type { Answer } from '../../engine/contracts/operation.ts';
import type { UploadFacts, UploadPart } from '../../engine/contracts/service.ts';
import type { Store } from '../../engine/contracts/store.ts';
import { Engine } from '../../engine/engine.ts';
import { openOne } from '../store/ledger.ts';
import { audit } from '../store/support.ts';
import { cleanUp, recordingLogger, until } from '../support/redis.ts';
import { opened } from './adapters/operations/capture.ts';
import { started } from './adapters/services/manual.ts';
import { ADAPTERS, type EngineProduction, engineProduction } from './production.ts';
import { type FakeOperation, fakeOperation, policy, recordEvents, states } from './support.ts';

/** Lines go to the registry as they came; its answers go to the archive, as they came too. */
const withLines = (yaml: string) =>
  yaml
    .replace(
      'routes:\n',
      'routes:\n  lines: { validate: true, to: [{ destination: registry }] }\n  answers: { to: [{ destination: archive }] }\n',
    )
    .replace(/services:\n(.*\n)(.*\n)/, 'services:\n  hand: { type: manual, format: { type: lines }, route: lines }\n')
    .replace(/ {2}rows:\n(?: {4}.*\n)+/, '')
    .replace(/ {2}strict:\n(?: {4}.*\n)+/, '')
    .replace('    type: capture\n', '    type: capture\n    answersTo: answers\n    answerFormat: { type: lines }\n')
    .concat('  archive: { type: capture, batch: { maxMessages: 10, maxAge: 0s } }\n');

interface Rig {
  readonly made: EngineProduction;
  readonly store: Store;
  readonly engine: Engine;
  readonly registry: FakeOperation;
  readonly archive: FakeOperation;
}

async function start(t: TestContext, answer?: (messages: readonly string[]) => Answer): Promise<Rig> {
  const made = await engineProduction(t, withLines);
  const store = await openOne(join(made.data, 'ledger.db'));
  cleanUp(t, () => store.close());
  const [registry, archive] = [fakeOperation(answer), fakeOperation()];
  opened.set(`${made.folder}/registry`, registry);
  opened.set(`${made.folder}/archive`, archive);
  const engine = new Engine({
    production: made.production,
    registry: made.registry,
    store,
    dataFolder: made.data,
    clock: { now: Date.now },
    logger: () => recordingLogger(),
    adapters: ADAPTERS,
    orphans: 'refuse',
    freshDestination: async (name) => made.production.destinations[name] ?? assert.fail(name),
    sweepEvery: 60_000,
  });
  cleanUp(t, () => engine.stop());
  await engine.start();
  return { made, store, engine, registry, archive };
}

const contextOf = ({ made }: Rig) => started.get(`${made.folder}/hand`)?.context ?? assert.fail('it is not started');
const bodies = ({ made }: Rig) => readdirSync(join(made.data, 'bodies'));
const RULE = { format: { type: 'lines' }, route: 'lines' };
const FACTS: UploadFacts = { partner: 'north', fields: { clinic: 'North' }, duplicates: policy('report', 60_000) };

function part(text: string, name = 'doses'): UploadPart {
  const body = (async function* () {
    yield Buffer.from(text);
  })();
  return { body, part: name, name: `${name}.txt`, contentType: 'text/plain', rule: RULE };
}

async function send(rig: Rig, texts: readonly string[], facts: Partial<UploadFacts> = {}) {
  const upload = contextOf(rig).upload();
  for (const [index, text] of texts.entries()) await upload.part(part(text, `part${index}`));
  return upload.commit({ ...FACTS, ...facts });
}

const isSettled = (store: Store, submission: number) =>
  until(`${submission} is settled`, async () => (await store.submission({ submission }))?.settledAt !== undefined);

describe('uploads', () => {
  test('each part is a submission under one receipt; what came is sent as it came', async (t) => {
    const rig = await start(t);
    const uploaded = await send(rig, ['a\nb\n', 'c\n']);
    assert.equal(uploaded.kind, 'stored');
    await isSettled(rig.store, 1);
    await isSettled(rig.store, 2);
    const receipt = await contextOf(rig).receipt(uploaded.receipt);
    assert.deepEqual(receipt?.fields, { clinic: 'North' });
    assert.deepEqual(
      receipt?.submissions.map(({ part: name, name: file, state, items, contentType }) => [
        name,
        file,
        state,
        items,
        contentType,
      ]),
      [
        ['part0', 'part0.txt', 'routed', 2, 'text/plain'],
        ['part1', 'part1.txt', 'routed', 1, 'text/plain'],
      ],
    );
    assert.deepEqual(
      rig.registry.calls.flatMap(({ messages }) => messages),
      ['a', 'b', 'c'],
    );
    assert.deepEqual(
      rig.registry.calls.flatMap(({ delivery }) => [...delivery.each()].map(({ id, body }) => [id, String(body)])),
      [
        ['id-a', 'a\n'],
        ['id-b', 'b\n'],
        ['id-c', 'c\n'],
      ],
    );
    await audit(rig.store);
  });

  test('nothing is visible before the commit, and nothing stays of what is discarded or a duplicate', async (t) => {
    const rig = await start(t);
    const context = contextOf(rig);
    const upload = context.upload();
    await upload.part(part('a\n'));
    assert.equal(await rig.store.submission({ submission: 1 }), undefined);
    await upload.discard();
    assert.deepEqual(bodies(rig), []);
    const broken = context.upload();
    const failing = (async function* () {
      yield Buffer.from('half');
      throw new Error('the sender went away');
    })();
    await assert.rejects(broken.part({ ...part(''), body: failing }), /went away/);
    await broken.discard();
    assert.deepEqual(bodies(rig), []);

    const first = await send(rig, ['a\n'], { key: 'k1' });
    assert.equal(first.kind, 'stored');
    const kept = bodies(rig);
    assert.deepEqual(await send(rig, ['a\n']), { kind: 'duplicate', receipt: first.receipt });
    assert.deepEqual(await send(rig, ['a\n'], { key: 'k1' }), { kind: 'duplicate', receipt: first.receipt });
    assert.deepEqual(await send(rig, ['b\n'], { key: 'k1' }), { kind: 'keyTaken', receipt: first.receipt });
    assert.deepEqual(bodies(rig), kept);
    assert.equal((await send(rig, ['a\n'], { partner: 'south' })).kind, 'stored');
    assert.equal(await context.receipt('aaaa-R99'), undefined);
  });

  test('a route that validates makes what breaks the standard invalid', async (t) => {
    const rig = await start(t);
    await send(rig, ['good\nbad\n']);
    await isSettled(rig.store, 1);
    assert.deepEqual(await states(rig.store, 1), { delivered: 1, invalid: 1 });
    const rejected = [];
    for await (const item of contextOf(rig).rejected(
      (await contextOf(rig).receipt(`${rig.engine.facts.instance}-R1`))?.submissions[0]?.id ?? '',
    ))
      rejected.push(...item.faults);
    assert.deepEqual(rejected, [{ code: 'BAD', line: 2, reason: 'it is bad', column: 'X-1' }]);
  });
});

describe('quarantine', () => {
  test('counts that do not hold: kept, nothing sent, until a person releases it', async (t) => {
    const rig = await start(t);
    const events = recordEvents(t);
    await send(rig, ['count=3\na\nb\n']);
    const state = async () => (await rig.store.submission({ submission: 1 }))?.state;
    await until('it is in quarantine', async () => (await state()) === 'quarantined');
    assert.equal(events.named('submissionQuarantined')[0]?.code, 'COUNT_WRONG');
    await send(rig, ['c\n']);
    await isSettled(rig.store, 2);
    assert.deepEqual(
      rig.registry.calls.flatMap(({ messages }) => messages),
      ['c'],
    );
    await rig.engine.decisions.release({ submission: 1, who: 'ana', reason: 'the sender confirmed' });
    await isSettled(rig.store, 1);
    assert.deepEqual(
      rig.registry.calls.flatMap(({ messages }) => messages),
      ['c', 'a', 'b'],
    );
  });

  test('or gives it up: nothing of it is ever sent', async (t) => {
    const rig = await start(t);
    await send(rig, ['count=3\na\n']);
    const state = async () => (await rig.store.submission({ submission: 1 }))?.state;
    await until('it is in quarantine', async () => (await state()) === 'quarantined');
    await rig.engine.decisions.cancel({ submission: 1, who: 'ana', reason: 'sent again' });
    assert.equal(await state(), 'cancelled');
    await assert.rejects(rig.engine.decisions.release({ submission: 1, who: 'ana', reason: 'no' }), {
      code: 'STORE_STALE',
    });
    assert.equal(rig.registry.calls.length, 0);
  });
});

describe('answersTo', () => {
  test('an answer becomes a submission of its route, linked to its batch', async (t) => {
    const rig = await start(t, (messages) => ({
      kind: 'outcomes',
      outcomes: messages.map((_, index) => ({ index, outcome: 'delivered', code: 'OK', words: '' })),
      raw: Buffer.from(messages.map((message) => `got ${message}\n`).join('')),
    }));
    await send(rig, ['a\nb\n']);
    await isSettled(rig.store, 1);
    await isSettled(rig.store, 2);
    assert.deepEqual(
      rig.archive.calls.flatMap(({ messages }) => messages),
      ['got a', 'got b'],
    );
    const answer = await rig.store.submission({ submission: 2 });
    assert.deepEqual([answer?.service, answer?.cause, answer?.route], ['registry', 1, 'answers']);
    assert.match(answer?.name ?? '', /^answer to .{4}-B1$/);
    await audit(rig.store);
  });
});
