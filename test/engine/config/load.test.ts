import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { formatProblem, loadProduction, reloadDestination } from '../../../engine/config/load.ts';
import { probeProduction } from '../../../engine/config/probe.ts';
import { loadAdapters, PROJECT_FOLDER } from '../../../engine/registry.ts';

const SOUND = join(import.meta.dirname, '../../productions/mistakes');
const ENV = {
  PHARMACY_URL: 'https://registry.example.org/iis',
  PHARMACY_USER: 'u',
  PHARMACY_PASSWORD: 'marker-of-a-password',
  PHARMACY_ID: 'PH77',
};
const registry = await loadAdapters();

type Changes = Readonly<Record<string, string | ((text: string) => string)>>;

/** A copy of the sound production with some files changed, as long as the test lives. */
function copyWith(t: TestContext, changes: Changes): string {
  const folder = mkdtempSync(join(tmpdir(), 'waybill-load-'));
  t.after(() => rmSync(folder, { recursive: true }));
  cpSync(SOUND, folder, { recursive: true });
  for (const [name, change] of Object.entries(changes)) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, typeof change === 'string' ? change : change(readFileSync(path, 'utf8')));
  }
  return folder;
}

function replaced(from: string, to: string): (text: string) => string {
  return (text) => {
    assert.ok(text.includes(from), from);
    return text.replace(from, () => to);
  };
}

async function load(folder: string, env: Readonly<Record<string, string>> = ENV) {
  const { production, problems } = await loadProduction(folder, registry, { env });
  const told = problems.map(
    ({ file, line, code, warning }) => `${warning ? 'warning' : 'error'} ${file}:${line} ${code}`,
  );
  return { production, problems, told };
}

test('a production is frozen data with every default filled in', async () => {
  const { production } = await load(SOUND);
  assert.ok(production);
  assert.equal(production.folder, SOUND);
  assert.deepEqual({ ...production.monitor }, { host: '127.0.0.1', port: 9465 });
  assert.deepEqual({ ...production.resources.values }, { pharmacy: 'PH77' });
  assert.deepEqual(Object.keys(production.resources.tables).sort(), ['genders', 'shot-codes', 'stores']);
  assert.deepEqual(Object.keys(production.resources.files.transforms ?? {}), ['shot-to-vxu', 'shot']);
  assert.deepEqual(
    production.routes.shots?.to.map(({ name }) => name),
    ['registry', 'registry-copy'],
  );
  const registryOf = production.destinations.registry;
  assert.ok(registryOf);
  const { format, ...limits } = registryOf.batch;
  assert.deepEqual(limits, {
    mode: 'batch',
    maxMessages: 100,
    maxBytes: 2_000_000,
    maxAge: 30_000,
    mixSubmissions: false,
    tryLargerAfter: 86_400_000,
  });
  assert.equal(format?.type, 'hl7-batch');
  assert.equal(format?.controlIds, true, 'the defaults of the format');
  const { first, factor, ceiling, jitter, giveUpAfter } = registryOf.retry;
  assert.deepEqual([first, factor, ceiling, jitter, giveUpAfter], [1000, 2, 300_000, 0.1, 'never']);
  for (const part of [
    production,
    production.resources,
    production.routes,
    registryOf,
    registryOf.batch,
    registryOf.config,
  ]) {
    assert.ok(Object.isFrozen(part));
  }
});

/** The sound production with these lines in its destination. */
function deliveredBy(t: TestContext, lines: readonly string[]): string {
  const given = lines.map((line) => `    ${line}\n`).join('');
  const cut = (text: string) => text.replace(/ {4}retry: .*\n {4}inDoubt: hold\n/, () => given);
  return copyWith(t, { 'production.yaml': cut });
}

test('the settings of a delivery, spelled out', async (t) => {
  const { production, problems } = await load(
    deliveredBy(t, [
      'order: { key: [PID-3.1, rx] }',
      'maxInFlight: 2',
      'retry: { schedule: gateway, maxAttempts: 9 }',
      'inDoubt: { policy: hold, deadline: 2h, lane: goesOn }',
      'breaker: { failures: 3, pause: 1m }',
      'maintenance: [{ days: [sunday, monday], from: "22:30", to: "01:00" }]',
      'rate: { calls: 5, per: 1m }',
      'outcomes: { SOAP_HTTP_UNAUTHORIZED: { then: retry, advice: call them } }',
    ]),
  );
  assert.deepEqual(problems, []);
  const { order, maxInFlight, retry, inDoubt, breaker, maintenance, rate, outcomes } =
    production?.destinations.registry ?? assert.fail('no destination');
  const plain = (value: unknown) => JSON.parse(JSON.stringify(value)) as unknown;
  assert.deepEqual(plain([order, maxInFlight]), [{ kind: 'key', paths: ['PID-3.1', 'rx'] }, 2]);
  assert.deepEqual([plain(retry.schedule), retry.maxAttempts], [[0, 300_000, 600_000, 3_600_000], 9]);
  const doubt = { policy: 'hold', every: 60_000, deadline: 7_200_000, afterDeadline: 'hold', lane: 'goesOn' };
  assert.deepEqual(plain(inDoubt), doubt);
  assert.deepEqual(plain([breaker, rate]), [
    { failures: 3, pause: 60_000 },
    { calls: 5, per: 60_000 },
  ]);
  assert.deepEqual(plain(maintenance), [{ days: [0, 1], from: 1350, to: 60, timeZone: 'America/Chicago' }]);
  assert.equal(JSON.stringify(outcomes), '{"SOAP_HTTP_UNAUTHORIZED":{"then":"retry","advice":"call them"}}');
});

test('what a delivery is asked to do must be possible and harmless', async (t) => {
  const { told } = await load(
    deliveredBy(t, [
      'order: { key: nowhere }',
      'inDoubt: { policy: probe, afterDeadline: resend }',
      'outcomes: { SOAP_CONNECTION_LOST: { then: retry }, NO_SUCH_CODE: { then: stop } }',
    ]),
  );
  const codes = told.map((line) => line.replace(/^error production.yaml:\d+ /, '')).sort();
  assert.deepEqual(codes, [
    'OUTCOME_OVERRIDE',
    'OUTCOME_OVERRIDE',
    'PROBE_NOT_POSSIBLE',
    'RESEND_NOT_SAFE',
    'UNKNOWN_KEY_PATH',
  ]);
});

test('a route may say what items can be looked up by; it must be something that they have', async (t) => {
  const searching = (paths: string) =>
    copyWith(t, { 'production.yaml': (text) => text.replace(/^( {4}to:\n)/m, `    search: [${paths}]\n$1`) });
  const plain = await load(copyWith(t, {}));
  assert.ok(Object.values(plain.production?.routes ?? {}).every((route) => !('search' in route)));
  const columns = Object.values(plain.production?.resources.files['record-maps'] ?? {}) as {
    readonly columns: readonly { readonly name: string }[];
  }[];
  const [column] = columns.flatMap((map) => map.columns.map(({ name }) => name));
  assert.ok(column);
  const good = await load(searching(column));
  assert.deepEqual(good.problems, []);
  assert.ok(Object.values(good.production?.routes ?? {}).some(({ search }) => search?.[0] === column));
  const { told } = await load(searching(`${column}, nowhere`));
  assert.deepEqual(
    told.map((line) => line.replace(/^error production.yaml:\d+ /, '')),
    ['UNKNOWN_SEARCH_PATH'],
  );
});

test('a destination without batch settings sends one message a call', async (t) => {
  const cut = (text: string) => text.replace(/ {4}batch:\n(?: {6}.*\n)+/, '');
  const { production } = await load(copyWith(t, { 'production.yaml': cut }));
  assert.deepEqual(
    { ...production?.destinations.registry?.batch },
    {
      mode: 'single',
      maxMessages: 1,
      maxBytes: 4_000_000,
      maxAge: 30_000,
      mixSubmissions: false,
    },
  );
});

test('no batch is planned that the dialect says is too large', async (t) => {
  const dialect = (text: string) => `${text}\nbatch: { maxMessages: 7, maxBytes: 64KB }\n`;
  const { production, problems } = await load(copyWith(t, { 'dialects/prairie.yaml': dialect }));
  assert.deepEqual(problems, []);
  const { maxMessages = 0, maxBytes = 0 } = production?.destinations.registry?.batch ?? {};
  assert.equal(maxMessages, 7);
  assert.ok(maxBytes <= 64_000 - 512 && maxBytes > 60_000, `${maxBytes} leave room for the envelope`);
});

test('everything wrong is told at once, sorted, in several files', async (t) => {
  const folder = copyWith(t, {
    'production.yaml': (text) =>
      replaced('timeZone: America/Chicago', 'timeZone: Nowhere')(replaced('jitter: 0.1', 'jitter: 7')(text)),
    'record-maps/shots.yaml': replaced('extraColumns: refuse', 'extraColumns: refused'),
    'dialects/prairie.yaml': replaced('summary:', 'sumary:'),
    'tables/genders.csv': 'word,word\na,b\n',
  });
  const { told, production } = await load(folder);
  assert.equal(production, undefined);
  assert.deepEqual(told, [
    'error production.yaml:2 BAD_TIME_ZONE',
    'error production.yaml:63 BAD_NUMBER',
    'error dialects/prairie.yaml:3 UNKNOWN_KEY',
    'error record-maps/shots.yaml:2 NOT_ALLOWED',
    'error tables/genders.csv:1 TABLE_UNREADABLE',
  ]);
});

test('what is not used is a warning, and the production loads', async (t) => {
  const folder = copyWith(t, {
    'record-maps/old.yaml': 'recordMap: old\ncolumns: [{ name: a }]\n',
    'tables/old-codes.csv': 'code,name\na,b\n',
    'transforms/old.yaml':
      'transform: old\nfrom: { recordMap: old }\nto: { hl7: VXU_V04, version: 2.5.1 }\nactions: []\n',
    'production.yaml': (text) =>
      text.replace('routes:\n', 'routes:\n  spare:\n    to: [{ destination: registry, transform: shot-to-vxu }]\n'),
    'table/x.csv': 'a,b\n',
  });
  const { told, production } = await load(folder);
  assert.ok(production);
  assert.deepEqual(told, [
    'warning production.yaml:33 UNUSED',
    'warning record-maps/old.yaml:1 UNUSED',
    'warning table:1 FOLDER_NAME',
    'warning tables/old-codes.csv:1 UNUSED',
    'warning transforms/old.yaml:1 UNUSED',
  ]);
});

test('two rows of a table with the same key are a warning with the line', async (t) => {
  const folder = copyWith(t, { 'tables/genders.csv': 'word,hl7\nwoman,F\nman,M\nother,O\nwoman,W\nunknown,U\n' });
  const { told, production } = await load(folder);
  assert.ok(production);
  assert.deepEqual(told, ['warning tables/genders.csv:5 TABLE_KEY_TWICE']);
});

test('listeners that others can reach', async (t) => {
  const listen = (lines: string) => (text: string) => `${text}listen: ${lines}\n`;
  const open = await load(copyWith(t, { 'production.yaml': listen('{ host: 0.0.0.0, port: 8443 }') }));
  assert.deepEqual(open.told, ['error production.yaml:65 LISTEN_OPEN']);
  const proxied = await load(
    copyWith(t, { 'production.yaml': listen('{ host: 0.0.0.0, port: 8443, behindProxy: true }') }),
  );
  assert.deepEqual(proxied.told, []);
  const local = await load(copyWith(t, { 'production.yaml': listen('{ port: 8443 }') }));
  assert.deepEqual(local.told, []);
  const same = await load(copyWith(t, { 'production.yaml': listen('{ port: 9465 }') }));
  assert.deepEqual(same.told, ['error production.yaml:11 NOT_ALLOWED']);
  const monitor = copyWith(t, { 'production.yaml': replaced('  port: 9465', '  port: 9465\n  host: "::"') });
  assert.deepEqual((await load(monitor)).told, ['warning production.yaml:12 MONITOR_OPEN']);
});

test('a transform for another record map, a format that cannot read, one that cannot write', async (t) => {
  const folder = copyWith(t, {
    'record-maps/other.yaml':
      'recordMap: other\ncolumns: [{ name: rx }, { name: state }, { name: code }, { name: store }]\n',
    'production.yaml': (text) =>
      text
        .replace('format: { type: csv, recordMap: shots, delimiter: tab }', 'format: { type: csv, recordMap: other }')
        .replace('type: hl7-batch\n        envelope: batch\n        sendingApplication: SHOTS', 'type: csv'),
  });
  assert.deepEqual((await load(folder)).told, [
    'error production.yaml:40 RECORD_MAP_MISMATCH',
    'error production.yaml:43 RECORD_MAP_MISMATCH',
    'error production.yaml:58 CANNOT_WRITE',
  ]);
  const fatal = replaced('format: { type: csv, recordMap: shots, delimiter: tab }', 'format: { type: fatal }');
  const withTests = await loadAdapters([join(PROJECT_FOLDER, 'test', 'engine', 'adapters')]);
  const { problems } = await loadProduction(copyWith(t, { 'production.yaml': fatal }), withTests, { env: ENV });
  assert.ok(problems.some(({ code, line }) => code === 'CANNOT_READ' && line === 29));
});

test('a transform for rows on a route that is fed with whole files, and the other way round', async (t) => {
  const raw = replaced('format: { type: csv, recordMap: shots, delimiter: tab }', 'format: { type: raw }');
  const { told } = await load(copyWith(t, { 'production.yaml': raw }));
  assert.ok(told.includes('error production.yaml:40 FORMAT_MISMATCH'), told.join('\n'));
  const hl7 = replaced('from: { recordMap: shots }', 'from: hl7');
  const other = await load(copyWith(t, { 'transforms/shot-to-vxu.yaml': hl7 }));
  assert.ok(other.told.includes('error production.yaml:40 FORMAT_MISMATCH'), other.told.join('\n'));
});

test('services that take requests need a listener, and a path of their own', async (t) => {
  const upload = (name: string) =>
    `  ${name}:\n    type: rest-multipart\n    path: /uploads\n    parts:\n      - { name: a, format: { type: csv, recordMap: shots }, route: shots }\n`;
  const two = (text: string) => text.replace('services:\n', `services:\n${upload('north')}${upload('south')}`);
  const { told } = await load(copyWith(t, { 'production.yaml': two }));
  assert.deepEqual(
    told.filter((line) => /LISTEN|PATH/.test(line)).map((line) => line.split(' ').at(-1)),
    ['LISTEN_MISSING', 'LISTEN_MISSING', 'PATH_TAKEN'],
  );
});

test('two transforms of one name in two languages', async (t) => {
  const code = `export const from = { recordMap: 'shots' };\nexport default () => ({ drop: 'none' });\n`;
  const { told } = await load(copyWith(t, { 'transforms/shot-to-vxu.ts': code }));
  assert.deepEqual(told, [
    'error production.yaml:40 AMBIGUOUS_TRANSFORM',
    'error production.yaml:43 AMBIGUOUS_TRANSFORM',
  ]);
});

test('a transform in code is handed over as text, and compiled once everything else is right', async (t) => {
  const use = replaced('transform: shot-to-vxu', 'transform: coded');
  const code = `export const from = { recordMap: 'shots' };\nexport default () => ({ drop: 'none' });\n`;
  const { production, told } = await load(copyWith(t, { 'production.yaml': use, 'transforms/coded.ts': code }));
  assert.deepEqual(told, []);
  assert.equal(production?.resources.files['transforms.ts']?.coded, code);
  const none = await load(copyWith(t, { 'production.yaml': use, 'transforms/coded.ts': 'export const a = 1;\n' }));
  assert.deepEqual(none.told, ['error transforms/coded.ts:1 SCRIPT_NO_FUNCTION']);
});

test('a folder without production.yaml, an empty one, one that is not UTF-8', async (t) => {
  const empty = mkdtempSync(join(tmpdir(), 'waybill-load-'));
  t.after(() => rmSync(empty, { recursive: true }));
  assert.deepEqual((await load(empty)).told, ['error production.yaml:1 PRODUCTION_NOT_FOUND']);
  assert.deepEqual((await load(join(empty, 'nowhere'))).told, ['error production.yaml:1 PRODUCTION_NOT_FOUND']);
  writeFileSync(join(empty, 'production.yaml'), '# nothing yet\n');
  assert.deepEqual((await load(empty)).told, ['error production.yaml:1 WRONG_SHAPE']);
  writeFileSync(join(empty, 'production.yaml'), Buffer.from([0x70, 0x3a, 0x20, 0xe9, 0x0a]));
  assert.deepEqual((await load(empty)).told, ['error production.yaml:1 PRODUCTION_NOT_FOUND']);
  writeFileSync(join(empty, 'production.yaml'), '{}\n');
  const { told } = await load(empty);
  assert.deepEqual(new Set(told), new Set(['error production.yaml:1 MISSING_KEY']));
});

test('names that JavaScript knows are no names of things', async (t) => {
  const folder = copyWith(t, { 'production.yaml': replaced('transform: shot-to-vxu', 'transform: constructor') });
  assert.deepEqual((await load(folder)).told, ['error production.yaml:40 UNKNOWN_TRANSFORM']);
  const proto = copyWith(t, {
    'production.yaml': replaced('  registry:\n    type: soap', '  __proto__:\n    type: soap'),
  });
  const { told, production } = await load(proto);
  assert.equal(production, undefined);
  assert.ok(told.includes('error production.yaml:47 NAME_FORM'), told.join('\n'));
});

test('what an adapter says of a secret is told without it', async (t) => {
  const folder = copyWith(t, {});
  const { problems, production } = await load(folder, { ...ENV, PHARMACY_URL: 'ftp://marker-of-an-address/' });
  assert.equal(production, undefined);
  assert.deepEqual(
    problems.map(({ path, code }) => [path, code]),
    [['destinations.registry.url', 'SOAP_URL_INVALID']],
  );
  assert.equal(problems.map(formatProblem).join().includes('marker-of-an-address'), false);
});

test('a destination is read anew with mended secrets, from the production as it was loaded', async (t) => {
  const secret = `password: "\${file:secrets/password}"`;
  const use = replaced(`password: "\${env:PHARMACY_PASSWORD}"`, secret);
  const folder = copyWith(t, { 'production.yaml': use, 'secrets/password': 'old\n' });
  const { production } = await load(folder);
  assert.ok(production);
  writeFileSync(join(folder, 'secrets/password'), 'mended\n');
  writeFileSync(join(folder, 'production.yaml'), 'production: half-edited\n');
  const { destination, problems } = await reloadDestination(production, 'registry', registry, { env: ENV });
  assert.deepEqual(problems, []);
  assert.equal(JSON.parse(JSON.stringify(destination?.config)).credentials.password, 'mended');
  assert.deepEqual(destination?.batch, production.destinations.registry?.batch);

  rmSync(join(folder, 'secrets/password'));
  const gone = await reloadDestination(production, 'registry', registry, { env: ENV });
  assert.equal(gone.destination, undefined);
  assert.deepEqual(
    gone.problems.map(({ code }) => code),
    ['FILE_NOT_SUBSTITUTED'],
  );
  const other = await reloadDestination(production, 'registri', registry, { env: ENV });
  assert.deepEqual(
    other.problems.map(({ code, expected }) => [code, expected]),
    [['UNKNOWN_DESTINATION', 'registry']],
  );
});

test('services are probed; what they say has its place in production.yaml', async (t) => {
  const folder = copyWith(t, { 'production.yaml': replaced('folder: ../drop/counter', 'folder: production.yaml') });
  const { production } = await load(folder);
  assert.ok(production);
  const problems = await probeProduction(production, registry, { env: ENV });
  const told = problems.map(({ file, line, path }) => `${file}:${line} ${path}`);
  assert.ok(told.includes('production.yaml:16 services.counter.folder'), told.join('\n'));
});

test('only adapters that are used are imported', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'waybill-adapters-'));
  t.after(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'operations'));
  writeFileSync(join(folder, 'operations/costly.ts'), 'throw new Error("was imported");\n');
  const withCostly = await loadAdapters([folder]);
  const { production, problems } = await loadProduction(SOUND, withCostly, { env: ENV });
  assert.deepEqual(problems, []);
  assert.ok(production);
  await assert.rejects(withCostly.get('operation', 'costly'), /was imported/);
});

/** What people and editors do to a line by accident. */
const ACCIDENTS: readonly ((line: string) => string)[] = [
  () => '',
  (line) => `${line}\n${line}`,
  (line) => ` ${line}`,
  (line) => line.replace(/^ {2}/, ''),
  (line) => line.replace(':', ''),
  (line) => line.replace(/: .*$/, ':'),
  (line) => line.replace(/: .*$/, ': [x, { y: z }]'),
  (line) => line.replace(/: .*$/, ': { constructor: 1, __proto__: { a: b } }'),
  (line) => line.replace(/["'[{]/, ''),
  (line) => line.replace(/[a-z]/, 'q'),
  (line) => `${line}\u0000\u2028`,
];

test('whatever happens to a line, loading ends with a production or with problems that have places', async (t) => {
  const files = ['production.yaml', 'record-maps/shots.yaml', 'transforms/shot-to-vxu.yaml', 'transforms/shot.yaml'];
  const folder = copyWith(t, {});
  const property = fc.asyncProperty(
    fc.constantFrom(...files),
    fc.nat(),
    fc.constantFrom(...ACCIDENTS),
    async (file, at, accident) => {
      const sound = readFileSync(join(SOUND, file), 'utf8');
      const lines = sound.split('\n');
      const index = at % (lines.length - 1);
      lines[index] = accident(lines[index] ?? '');
      writeFileSync(join(folder, file), lines.join('\n'));
      const { production, problems } = await load(folder);
      writeFileSync(join(folder, file), sound);
      assert.equal(
        production === undefined,
        problems.some(({ warning }) => !warning),
      );
      for (const problem of problems) {
        assert.ok(problem.line >= 1 && problem.column >= 1 && problem.cure !== '' && problem.found !== '');
        assert.doesNotMatch(
          problem.found,
          /undefined|Cannot read|is not a function|not iterable/,
          formatProblem(problem),
        );
        assert.equal(formatProblem(problem).includes('marker-of-a-password'), false);
      }
    },
  );
  await fc.assert(property, { numRuns: 200 });
});
