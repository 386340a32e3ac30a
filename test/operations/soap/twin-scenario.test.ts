/** Scenarios: what a file may say, what is wrong with it and where, which request meets which rule, and that a seed decides. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { type SchemaNode, schemaNode } from '../../../engine/config/schema-node.ts';
import { WaybillError } from '../../../engine/errors.ts';
import { type BodyFacts, Director, fits, inRange, type Scenario } from '../../../operations/soap/twin/scenario.ts';
import {
  listSins,
  parseScenario,
  readScenario,
  SCENARIO_SCHEMA,
  ScenarioError,
} from '../../../operations/soap/twin/scenario-file.ts';
import { SIN_NAMES, SINS } from '../../../operations/soap/twin/sins.ts';
import { projectText } from '../../support/source-files.ts';
import {
  batchOf,
  post,
  requestOf,
  type SentRequest,
  shipped,
  testFile,
  testTwin,
  vaccination,
} from '../../support/twin.ts';

const CDC = shipped('cdc-iis-2011');

function scenario(rules: readonly string[], more = ''): Scenario {
  return parseScenario(
    `scenario: test\n${more}rules:\n${rules.map((rule) => `  - ${rule}\n`).join('')}`,
    't.yaml',
    CDC,
  );
}

/** The problems of a text, one a line. */
function problems(text: string): readonly string[] {
  try {
    parseScenario(text, 'bad.yaml', CDC);
  } catch (error) {
    assert.ok(error instanceof ScenarioError);
    assert.equal(error.code, 'SOAP_TWIN_SCENARIO');
    return error.message.split('\n');
  }
  return assert.fail('the scenario should have been refused');
}

const FACTS: BodyFacts = {
  request: 1,
  bytes: 1000,
  now: new Date('2026-04-01T12:00:00Z'),
  taken: 0,
  purpose: 'submit',
  ofPurpose: 1,
  controlIds: ['A-1', 'A-2'],
};

/** Numbers of the requests, of so many, that meet a rule. */
function met(rule: string, requests = 12, more = ''): readonly number[] {
  const director = new Director(scenario([rule], more), new Map());
  const numbers = Array.from({ length: requests }, (_, index) => index + 1);
  return numbers.filter((request) => director.late({ ...FACTS, request, ofPurpose: request }).rule !== undefined);
}

function meets(when: string, facts: Partial<BodyFacts>, more = ''): boolean {
  const director = new Director(scenario([`{ when: { ${when} }, do: empty-id }`], more), new Map());
  return director.late({ ...FACTS, ...facts }).rule !== undefined;
}

test('rules by number, every so many, and at most so many times', () => {
  assert.deepEqual(met('{ when: { request: 3 }, do: empty-id }'), [3]);
  assert.deepEqual(met('{ when: { request: 2-5 }, do: empty-id }'), [2, 3, 4, 5]);
  assert.deepEqual(met('{ when: { request: 11- }, do: empty-id }'), [11, 12]);
  assert.deepEqual(met('{ when: { every: 5 }, do: empty-id }'), [5, 10]);
  assert.deepEqual(met('{ when: { every: 5 }, times: 1, do: empty-id }'), [5]);
  assert.deepEqual(met('{ times: 2, do: empty-id }'), [1, 2]);
});

test('rules by what the request brings and what was taken', () => {
  assert.ok(meets('controlId: "*-2"', {}));
  assert.ok(!meets('controlId: "*-3"', {}));
  assert.ok(meets('messagesOver: 1', {}));
  assert.ok(!meets('messagesOver: 2', {}));
  assert.ok(meets('bytesOver: 999B', {}));
  assert.ok(!meets('bytesOver: 1KB', {}));
  assert.ok(meets('onceTaken: 10', { taken: 10 }));
  assert.ok(!meets('onceTaken: 10', { taken: 9 }));
  assert.ok(meets('untilTaken: 10', { taken: 9 }));
  assert.ok(!meets('untilTaken: 10', { taken: 10 }));
  assert.ok(meets('purpose: submit, request: 1', { request: 7, ofPurpose: 1 }));
  assert.ok(!meets('purpose: status', {}));
});

test('rules by time of day, in the zone of the scenario, over midnight too', () => {
  const at = (time: string): Partial<BodyFacts> => ({ now: new Date(`2026-07-01T${time}:00Z`) });
  assert.ok(meets('between: 12:00-13:00', at('12:00')));
  assert.ok(!meets('between: 12:00-13:00', at('13:00')));
  assert.ok(meets('between: 22:00-06:00', at('23:30')));
  assert.ok(meets('between: 22:00-06:00', at('05:59')));
  assert.ok(!meets('between: 22:00-06:00', at('06:00')));
  assert.ok(meets('between: 06:00-07:00', at('12:30'), 'timeZone: America/Denver\n'));
});

test('the first rule that fits acts, and the next where it has acted often enough', () => {
  const rules = ['{ when: { request: 2- }, times: 1, do: empty-id }', '{ do: { sin: wrong-id } }'];
  const director = new Director(scenario(rules), new Map());
  const chosen = [1, 2, 3].map((request) => director.late({ ...FACTS, request }).rule);
  assert.deepEqual(chosen, [1, 0, 1]);
  const later = new Director(scenario(rules), new Map([[0, 1]]));
  assert.equal(later.late({ ...FACTS, request: 4 }).rule, 1);
});

test('the same seed draws the same, whatever came in between; another draws another', () => {
  const rule = '{ when: { probability: 0.3 }, do: empty-id }';
  const first = met(rule, 500, 'seed: 7\n');
  assert.deepEqual(met(rule, 500, 'seed: 7\n'), first);
  assert.notDeepEqual(met(rule, 500, 'seed: 8\n'), first);
  assert.ok(first.length > 100 && first.length < 200, String(first.length));
  const director = new Director(scenario([rule], 'seed: 7\n'), new Map());
  assert.equal(director.late({ ...FACTS, request: first[3] ?? 0 }).rule, 0);
  assert.deepEqual(met('{ when: { probability: 0 }, do: empty-id }'), []);
  assert.equal(met('{ when: { probability: 1 }, do: empty-id }').length, 12);
});

test('a whole run with a seed is the same run twice', async (t) => {
  const run = async (seed: number): Promise<readonly string[]> => {
    const rules = [
      '{ when: { probability: 0.2 }, do: { sin: fault, fault: SecurityFault } }',
      '{ when: { probability: 0.3 }, do: [shuffled, { sin: code, code: AE, every: 2 }] }',
    ];
    const twin = await testTwin(t, { rules, seed });
    const seen: string[] = [];
    for (let n = 0; n < 25; n++) {
      const { text } = await post(twin.url, requestOf(CDC, batchOf([`${n}-1`, `${n}-2`, `${n}-3`])));
      seen.push([...text.matchAll(/MSA\|([^&]+)&/g)].map((match) => match[1]).join(' ') || 'fault');
    }
    await twin.close();
    return seen;
  };
  const first = await run(4);
  assert.deepEqual(await run(4), first);
  assert.notDeepEqual(await run(5), first);
});

test('several sins of a rule are committed at once', async (t) => {
  const twin = await testTwin(t, { rules: ['{ do: [named-twice, line-feeds, { sin: answer-status, status: 202 }] }'] });
  const { text, status } = await post(twin.url, requestOf(CDC, vaccination('A')));
  assert.equal(status, 202);
  assert.match(text, /MSA\|AA\|A\nMSH.*\nMSA\|AE\|A\nERR/);
  assert.deepEqual(twin.counts().sins, { 'named-twice': 1, 'line-feeds': 1, 'answer-status': 1 });
});

test('an early rule is chosen by the headers alone', async (t) => {
  const of = (count: number): SentRequest =>
    requestOf(CDC, batchOf(Array.from({ length: count }, (_, index) => `id-${index}`)));
  const [large, middle, small] = [of(20), of(3), of(1)];
  const rules = [
    `{ when: { bytesOver: ${middle.body.length}B }, do: cut-before-body }`,
    `{ when: { bytesOver: ${small.body.length}B }, do: maintenance }`,
  ];
  const twin = await testTwin(t, { rules });
  await assert.rejects(post(twin.url, large));
  assert.equal((await post(twin.url, middle)).status, 503);
  assert.equal((await post(twin.url, small)).status, 200);
  assert.deepEqual(twin.counts().sins, { 'cut-before-body': 1, maintenance: 1 });
});

test('everything wrong with a file is told at once, with its place and what to do', () => {
  assert.deepEqual(problems('scenario: Bad Name\nsed: 3\nrules:\n  - { when: { requst: 1 }, do: empty-id }\n'), [
    'bad.yaml:1:11 scenario: found Bad Name, expected a text, what to do: write it as its name, in small letters, digits and dashes (BAD_TEXT)',
    'bad.yaml:2:1 sed: found sed, expected seed, what to do: write seed (UNKNOWN_KEY)',
    'bad.yaml:4:15 rules[0].when.requst: found requst, expected request, what to do: write request (UNKNOWN_KEY)',
  ]);
  const cases: Readonly<Record<string, RegExp>> = {
    '': /^bad\.yaml:1:1: found an empty file/,
    'scenario: a\n': /no rules/,
    'scenario: a\nrules: []\n': /at least 1/,
    'scenario: a\nrules:\n  - { do: emty-id }\n': /3:11 rules\[0\]\.do: found emty-id.*write empty-id \(NOT_ALLOWED\)/,
    'scenario: a\nrules:\n  - { do: code }\n': /found no code/,
    'scenario: a\nrules:\n  - { do: [empty-id, { sin: code, code: AX }] }\n': /rules\[0\]\.do\[1\]\.code: found AX/,
    'scenario: a\nrules:\n  - { when: { request: 5-2x }, do: empty-id }\n': /request: found 5-2x/,
    'scenario: a\nrules:\n  - { when: { probability: 2 }, do: empty-id }\n': /from 0 to 1/,
    'scenario: a\nrules:\n  - { when: { between: 25:00-26:00 }, do: empty-id }\n': /between/,
    'scenario: a\ntimeZone: Mars/Base\nrules: [{ do: empty-id }]\n': /BAD_TIME_ZONE/,
    'scenario: a\nrules:\n  - { do: { sin: fault, fault: Nope } }\n':
      /3:32 rules\[0\]\.do\.fault: found Nope.*SOAP_TWIN_SIN/,
    'scenario: a\nrules:\n  - { do: [{ sin: fault, fault: Nope }] }\n': /rules\[0\]\.do\[0\]\.fault: found Nope/,
    'scenario: a\nrules:\n  - { when: { messagesOver: 1 }, do: cut-before-body }\n':
      /rules\[0\]\.when\.messagesOver.*SOAP_TWIN_EARLY/,
    'scenario: a\nrules:\n  - { do: [cut-in-body, empty-id] }\n': /cut-in-body alone.*SOAP_TWIN_EARLY/,
    'scenario: a\nrules: [\n': /YAML_SYNTAX/,
  };
  for (const [text, pattern] of Object.entries(cases)) assert.match(problems(text).join('\n'), pattern, text);
});

test('a file that is not there, or not in UTF-8, is told by its path', (t) => {
  const path = testFile(t, 'scenario.yaml');
  const isFileError = (error: unknown): boolean =>
    error instanceof WaybillError && error.code === 'SOAP_TWIN_SCENARIO_FILE';
  assert.throws(() => readScenario(path, CDC), isFileError);
  writeFileSync(path, Buffer.from([0xff, 0xfe, 0xfd]));
  assert.throws(() => readScenario(path, CDC), isFileError);
  writeFileSync(path, 'scenario: a\nrules: [{ do: empty-id }]\n');
  assert.equal(readScenario(path, CDC).rules[0]?.do[0]?.sin, 'empty-id');
});

test('every sin has a line with its keys in the list', () => {
  const lines = listSins();
  assert.equal(lines.length, SIN_NAMES.length);
  for (const name of SIN_NAMES) {
    const line = lines.find((each) => each.startsWith(`${name}: `)) ?? '';
    for (const key of Object.keys(SINS[name].keys)) assert.ok(line.includes(key), `${name} ${key}`);
  }
});

test('patterns of control ids: a star is any text', () => {
  assert.ok(fits('a*c', 'abbc') && fits('*', '') && fits('a*', 'a') && fits('*a*a*', 'xaya') && fits('ab', 'ab'));
  assert.ok(!fits('a*a', 'a') && !fits('ab', 'abc') && !fits('*a*a*', 'xay') && !fits('a*b*', 'acc'));
  const letters = fc.array(fc.constantFrom('a', 'b', '*', '.'), { maxLength: 8 });
  fc.assert(
    fc.property(letters, letters, (pattern, text) => {
      const word = text.join('').replaceAll('*', 'c');
      const regex = new RegExp(
        `^${pattern.map((each) => (each === '*' ? '.*' : each === '.' ? '\\.' : each)).join('')}$`,
      );
      assert.equal(fits(pattern.join(''), word), regex.test(word));
    }),
    { numRuns: 500 },
  );
});

test('ranges: one, from to, from', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 50 }),
      fc.integer({ min: 1, max: 50 }),
      fc.integer({ min: 1, max: 50 }),
      (from, to, n) => {
        assert.equal(inRange(`${from}`, n), n === from);
        assert.equal(inRange(`${from}-${to}`, n), n >= from && n <= to);
        assert.equal(inRange(`${from}-`, n), n >= from);
      },
    ),
    { numRuns: 100 },
  );
});

test('the guide names every sin, every condition and every key of the log', () => {
  const guide = projectText('docs/guides/twin.md');
  const rule = schemaNode(SCENARIO_SCHEMA).properties?.rules?.items as SchemaNode;
  const conditions = Object.keys(rule.properties?.when?.properties ?? {});
  assert.ok(conditions.length >= 10);
  const keys = ['request', 'position', 'of', 'controlId', 'sha256', 'batch', 'repeat', 'ticket', 'patient', 'message'];
  const wanted = [...SIN_NAMES, ...conditions, ...keys];
  assert.deepEqual(
    wanted.filter((name) => !guide.includes(`\`${name}\``)),
    [],
  );
});
