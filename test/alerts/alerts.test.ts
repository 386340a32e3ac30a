/** The alerts of an engine as a whole, over a source of the test's own, to a real webhook; times are short, and nothing is slept. */
import assert from 'node:assert/strict';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { type TestContext, test } from 'node:test';
import type { AlertSource } from '../../alerts/gather.ts';
import { type AlertOptions, type Alerts, openAlerts } from '../../alerts/index.ts';
import type { AlertMessage } from '../../alerts/message.ts';
import { readState, stateFile } from '../../alerts/state-file.ts';
import type { AlertSettings } from '../../engine/contracts/alerts.ts';
import type { Questions, StatusAnswer } from '../../engine/contracts/questions.ts';
import { type EngineEvent, emit, onEvent } from '../../engine/events.ts';
import { cleanUp, recordingLogger, temporaryFolder, until } from '../support/redis.ts';
import { destination, MARKER, rule, STOPPED, settings, status, stop, webhook, webhookServer } from './support.ts';

interface State {
  status: StatusAnswer | Error;
  trouble: string | undefined;
  redis: boolean;
  asked: number;
}

async function rig(t: TestContext, over: Partial<AlertSettings> = {}) {
  const server = await webhookServer(t);
  const dataFolder = await temporaryFolder(t);
  const logger = recordingLogger();
  const state: State = { status: status(), trouble: undefined, redis: true, asked: 0 };
  const submissions = new Map<number, object>();
  const answers: Record<string, (request: Record<string, number>) => unknown> = {
    status: () => state.status,
    submissions: ({ limit = 0 }) => [...submissions.values()].slice(0, limit),
    submission: ({ submission = 0 }) => submissions.get(submission),
  };
  const source: AlertSource = {
    async ask<K extends keyof Questions>(question: K, request: Questions[K]['with']) {
      state.asked += 1;
      const answer = answers[question]?.(request as Record<string, number>);
      if (answer instanceof Error) throw answer;
      return answer as Questions[K]['gives'];
    },
    storeTrouble: () => state.trouble,
    redisReady: () => state.redis,
  };
  const options: AlertOptions = {
    production: {
      name: 'clinic',
      folder: dataFolder,
      resources: { timeZone: 'UTC', values: {}, tables: {}, files: {} },
      services: {},
      routes: {},
      destinations: {},
    },
    settings: settings({ group: 20, every: 5, channels: { a: webhook(server.url) }, ...over }),
    dataFolder,
    source,
    instance: () => '7kq2',
    clock: { now: Date.now },
    logger,
    freshDestination: async () => assert.fail('nobody asked for it'),
  };
  const start = (more: Partial<AlertOptions> = {}): Alerts => {
    const alerts = openAlerts({ ...options, ...more });
    cleanUp(t, () => alerts.close());
    alerts.start();
    return alerts;
  };
  const messages = () => server.posted.map(({ body }) => JSON.parse(body) as AlertMessage);
  const kinds = () => messages().flatMap(({ alerts }) => alerts.map(({ kind, subject }) => `${kind} ${subject}`));
  const looks = async (times: number) => {
    const before = state.asked;
    await until('it has looked', () => state.asked >= before + times);
  };
  return { server, dataFolder, logger, state, submissions, options, start, messages, kinds, looks };
}

function eventsOf(t: TestContext): EngineEvent[] {
  const events: EngineEvent[] = [];
  cleanUp(
    t,
    onEvent((event) => events.push(event)),
  );
  return events;
}

test('what comes together is one message; its end is told once; nothing of a patient is in it', async (t) => {
  const { state, start, messages, kinds, server, looks, dataFolder } = await rig(t);
  state.status = status(destination({ stop: stop(1) }), destination({ name: 'archive', stop: stop(2) }));
  const alerts = start();
  await until('it was told', () => messages().length === 1);
  assert.deepEqual(kinds(), ['raised registry', 'raised archive']);
  const [first] = messages();
  assert.match(first?.summary ?? '', /^clinic: The destination registry has been stopped since .+ \(and 1 more\)$/);
  assert.match(first?.text ?? '', /WARNING: The destination archive/);
  state.status = status(destination());
  await until('the end was told', () => messages().length === 2);
  assert.deepEqual(kinds().slice(2), ['resolved registry', 'resolved archive']);
  await looks(5);
  await alerts.close();
  assert.equal(messages().length, 2);
  assert.equal(JSON.stringify(server.posted).includes(MARKER), false);
  assert.equal((await readFile(stateFile(dataFolder), 'utf8')).includes(MARKER), false);
});

test('a restart neither repeats nor forgets', async (t) => {
  const { state, start, messages, kinds, looks } = await rig(t);
  state.status = status(destination({ stop: stop(1) }));
  const first = start();
  await until('it was told', () => messages().length === 1);
  await first.close();
  const second = start();
  await looks(10);
  await second.close();
  assert.equal(messages().length, 1);
  state.status = status(destination());
  start();
  await until('the end was told', () => messages().length === 2);
  assert.deepEqual(kinds(), ['raised registry', 'resolved registry']);
});

test('a file that is broken is told of once, and what lasts is told once more', async (t) => {
  const { state, start, messages, logger, dataFolder } = await rig(t);
  await writeFile(stateFile(dataFolder), '{"version":1');
  state.status = status(destination({ stop: stop(1) }));
  start();
  await until('it was told', () => messages().length === 1);
  await until('it was kept', () => !readState(dataFolder).broken);
  assert.equal(logger.lines.filter((line) => /cannot be read/.test(line)).length, 1);
});

test('it is told again while it lasts', async (t) => {
  const { state, start, messages, kinds } = await rig(t, { rules: [{ ...STOPPED, repeat: 1 }] });
  state.status = status(destination({ stop: stop(1) }));
  start();
  await until('it was repeated', () => messages().length >= 3);
  assert.deepEqual(kinds().slice(0, 3), ['raised registry', 'lasting registry', 'lasting registry']);
  assert.match(messages()[1]?.text ?? '', /STILL WARNING: /);
});

test('a receiver that is down: an event, the state in the file, and told when it is back', async (t) => {
  const events = eventsOf(t);
  const { state, start, messages, server, dataFolder, options } = await rig(t);
  server.answer = 503;
  state.status = status(destination({ stop: stop(1) }));
  // Waits between tries are seconds: the clock goes as fast as the test needs.
  let ahead = 0;
  start({ clock: { now: () => Date.now() + ahead } });
  const tries = () => events.filter(({ name }) => name === 'alertNotSent');
  await until('it failed', () => tries().length === 1);
  assert.deepEqual(tries()[0]?.fields, {
    channel: 'a',
    code: 'ALERT_REFUSED',
    reason: 'The webhook answered HTTP 503.',
    alerts: 1,
    tries: 1,
    retryInMs: 5000,
  });
  await until('it is in the file', () => readState(dataFolder).state.failing.a?.tries === 1);
  ahead = 6000;
  await until('it was tried again', () => tries().length === 2);
  assert.equal(tries()[1]?.fields.retryInMs, 15_000);
  server.answer = 200;
  ahead = 30_000;
  await until('it was told', () => messages().length === 3);
  await until('the file says so', () => readState(dataFolder).state.failing.a === undefined);
  assert.equal(readState(options.dataFolder).state.kept[0]?.told.a !== undefined, true);
});

test('a receiver that hangs keeps neither the levels nor the other channels nor the stop waiting', async (t) => {
  const hanging = await webhookServer(t);
  hanging.answer = 'hold';
  const good = await webhookServer(t);
  const channels = { a: webhook(hanging.url, { timeLimit: 60_000 }), b: webhook(good.url) };
  const { state, start, looks } = await rig(t, { channels, rules: [{ ...STOPPED, channels: ['a', 'b'] }] });
  state.status = status(destination({ stop: stop(1) }));
  const alerts = start();
  await until('both were called', () => hanging.posted.length === 1 && good.posted.length === 1);
  await looks(5);
  await alerts.close();
  assert.equal(hanging.posted.length, 1);
});

test('a ledger that cannot be read, a disk that takes nothing: neither raises, ends nor hides anything', async (t) => {
  const rules = [STOPPED, rule({ kind: 'cannotStore', for: 0 }, { name: 'store' })];
  const { state, start, messages, kinds, looks, logger, dataFolder } = await rig(t, { rules });
  state.status = status(destination({ stop: stop(1) }));
  start();
  await until('it was told', () => messages().length === 1);
  // A folder in the place of the temporary file: nothing can be written, whoever runs the test.
  await mkdir(`${stateFile(dataFolder)}.part`);
  state.status = new Error('no ledger');
  state.trouble = 'STORE_FULL: The disk is full.';
  await until('it was told', () => messages().length === 2);
  assert.deepEqual(kinds(), ['raised registry', 'raised ']);
  assert.match(messages()[1]?.text ?? '', /\(STORE_FULL\)/);
  await looks(5);
  assert.equal(messages().length, 2);
  assert.equal(logger.lines.filter((line) => /cannot be kept/.test(line)).length, 1);
  await rm(`${stateFile(dataFolder)}.part`, { recursive: true });
  await until('it is kept', () => Object.keys(readState(dataFolder).state.kept[1]?.told ?? {}).length === 1);
});

test('events are heard from the beginning, counted by destination, and remembered over a restart', async (t) => {
  const when = { kind: 'event', name: 'batchInDoubt', times: 2, within: 600_000, destinations: ['registry'] } as const;
  const { options, start, messages, dataFolder } = await rig(t, { rules: [rule(when)] });
  const first = openAlerts(options);
  emit('batchInDoubt', { destination: 'archive', code: 'ENGINE_ENDED' });
  emit('batchInDoubt', { destination: 'registry', code: 'ENGINE_ENDED', words: MARKER, reason: MARKER });
  await first.close();
  assert.equal(readState(dataFolder).state.events['the-rule']?.length, 1);
  start();
  emit('batchInDoubt', { destination: 'registry', code: `said ${MARKER}` });
  await until('it was told', () => messages().length === 1);
  const [message] = messages();
  assert.match(
    message?.summary ?? '',
    /batchInDoubt, at least 2 times in 10 min: .+destinations: registry; codes: ENGINE_ENDED\.$/,
  );
  assert.equal(JSON.stringify(message).includes(MARKER), false);
});

test('rejected rows: of submissions routed now, and of those routed while no engine ran', async (t) => {
  const when = { kind: 'rejectedRows', overPercent: 10, minRows: 1, services: [] } as const;
  const { start, messages, kinds, submissions, dataFolder } = await rig(t, { rules: [rule(when)] });
  const row = (number: number, routedAt: number) => ({
    number,
    service: 'drop',
    name: MARKER,
    items: 10,
    rejectedItems: 5,
    routedAt,
  });
  submissions.set(1, row(1, 1));
  const first = start();
  submissions.set(2, row(2, Date.now()));
  emit('submissionRouted', { submission: '7kq2-2', items: 10 });
  await until('it was told', () => messages().length === 1);
  assert.deepEqual(kinds(), ['raised 7kq2-2'], 'what was before the rules is nobody’s alert');
  await first.close();
  const { routedUpTo } = readState(dataFolder).state;
  submissions.set(3, row(3, (routedUpTo ?? 0) + 1));
  start();
  await until('it was told', () => messages().length === 2);
  assert.deepEqual(kinds(), ['raised 7kq2-2', 'raised 7kq2-3']);
  assert.equal(JSON.stringify(messages()).includes(MARKER), false);
});

test('rows that were rejected just before the engine stops are told by the next run', async (t) => {
  const when = { kind: 'rejectedRows', overPercent: 10, minRows: 1, services: [] } as const;
  const { options, start, messages, kinds, submissions } = await rig(t, { rules: [rule(when)] });
  const asked = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  const { source } = options;
  const slow: AlertSource = {
    ...source,
    async ask(question, request) {
      if (question === 'submissions') asked.resolve();
      await goOn.promise;
      return source.ask(question, request);
    },
  };
  submissions.set(1, { number: 1, service: 'drop', items: 10, rejectedItems: 5, routedAt: Date.now() + 1 });
  const first = start({ source: slow });
  await asked.promise;
  emit('engineStopping');
  goOn.resolve();
  await first.close();
  assert.equal(messages().length, 0);
  start();
  await until('it was told', () => messages().length === 1);
  assert.deepEqual(kinds(), ['raised 7kq2-1']);
});

test('a fault in here is told of, ends nothing, and what lasts is told once it is mended', async (t) => {
  const { state, start, messages, logger } = await rig(t);
  state.status = status(destination({ stop: stop(1) }));
  let faults = 0;
  const told = () => logger.lines.filter((line) => /could not be looked at; it is tried again/.test(line));
  start({
    instance() {
      faults += 1;
      if (faults < 4) throw new Error(MARKER);
      return '7kq2';
    },
  });
  await until('it was told', () => messages().length === 1);
  assert.equal(told().length, 1);
  assert.equal(
    logger.lines.some((line) => line.includes(MARKER)),
    false,
  );
});

test('redis that goes away because the engine stops is nobody’s alert', async (t) => {
  const rules = [rule({ kind: 'redisAway', for: 0 })];
  const { state, start, server, kinds, messages } = await rig(t, { rules });
  const alerts = start();
  state.redis = false;
  await until('it was told', () => messages().length === 1);
  state.redis = true;
  await until('the end was told', () => messages().length === 2);
  assert.deepEqual(kinds(), ['raised ', 'resolved ']);
  emit('engineStopping');
  state.redis = false;
  await alerts.close();
  assert.equal(server.posted.length, 2);
});
