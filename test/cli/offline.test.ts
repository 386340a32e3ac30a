/** Commands that need no engine: check, schema, transform, and what every command says of a wrong line. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { freePort } from '../../scripts/start/free-port.ts';
import { takeLock } from '../../store/lock.ts';
import { openStore } from '../../store/sqlite/client.ts';
import { waybill } from '../support/engine.ts';
import { DOSES_HEADER, dosesCsv, temporaryProduction } from '../support/production.ts';
import { startReceiver } from '../support/receiver.ts';
import { temporaryFolder } from '../support/redis.ts';

describe('waybill check', () => {
  test('a sound production passes, with and without --connect', async (t) => {
    const production = await temporaryProduction(t);
    const receiver = await startReceiver(t);
    const args = ['check', production.config, '--data', production.data];
    const plain = await waybill(args);
    assert.equal(plain.code, 0, plain.stdout + plain.stderr);
    assert.match(plain.stdout, /no errors, 0 warnings/);
    const connected = await waybill([...args, '--connect'], { env: { REGISTRY_URL: receiver.url } });
    assert.equal(connected.code, 0, connected.stdout);
    for (const line of [/registry host: ok/, /registry certificate: not tried/, /registry contract: ok/])
      assert.match(connected.stdout, line);
    assert.doesNotMatch(connected.stdout + connected.stderr, /correct-horse/);
    assert.equal(receiver.counts().messages, 0);
  });

  test('every problem is printed at once, with its place, and the code is 3', async (t) => {
    const production = await temporaryProduction(t);
    await production.edit('production.yaml', 'transform: dose-to-vxu', 'transform: dose-to-vxx');
    await production.edit('production.yaml', 'inDoubt: hold', 'inDoubt: maybe');
    await production.edit('record-maps/doses.yaml', 'table: sexes', 'table: genders');
    const ran = await waybill(['check', production.config, '--data', production.data]);
    assert.equal(ran.code, 3);
    assert.match(
      ran.stdout,
      /^production\.yaml:\d+:\d+ routes\.doses\.to\[0\]\.transform: found .+, expected .+, what to do: .+ \(UNKNOWN_TRANSFORM\)$/m,
    );
    assert.match(ran.stdout, /^production\.yaml:\d+:\d+ destinations\.registry\.inDoubt: .+$/m);
    assert.match(ran.stdout, /^record-maps\/doses\.yaml:\d+:\d+ .+$/m);
    const json = JSON.parse((await waybill(['check', production.config, '--data', production.data, '--json'])).stdout);
    assert.equal(json.ok, false);
    assert.equal(json.errors, json.problems.length);
    assert.ok(
      json.problems.every((problem: { line: number; code: string }) => problem.line > 0 && problem.code !== ''),
    );
  });

  test('a warning is marked and is no error', async (t) => {
    const production = await temporaryProduction(t);
    await production.write('tables/unused.csv', 'key,value\na,b\n');
    const ran = await waybill(['check', production.config, '--data', production.data]);
    assert.equal(ran.code, 0, ran.stdout);
    assert.match(ran.stdout, /\(warning UNUSED\)/);
    assert.match(ran.stdout, /no errors, 1 warning$/m);
  });

  test('folders of two services that meet through a link are found', async (t) => {
    const production = await temporaryProduction(t);
    await mkdir(production.inbox);
    await symlink(production.inbox, join(production.root, 'other'));
    const second =
      '  second:\n    type: file-drop\n    folder: ../other/inner\n    files:\n      - { glob: "*.csv", format: { type: csv, recordMap: doses }, route: doses }\n\nroutes:';
    await production.edit('production.yaml', 'routes:', second);
    const ran = await waybill(['check', production.config, '--data', production.data]);
    assert.equal(ran.code, 3, ran.stdout);
    assert.match(
      ran.stdout,
      /^production\.yaml:\d+:\d+ services\.second\.folder: found .+ apart from services\.drop\.folder .+\(FOLDER_OVERLAPS\)$/m,
    );
    const taken = await waybill(['check', production.config, '--data', production.root]);
    assert.doesNotMatch(taken.stdout, /data folder/, 'an inbox beside what the engine keeps is fine');
    await rm(join(production.root, 'other'));
    await mkdir(join(production.data, 'bodies'), { recursive: true });
    await symlink(join(production.data, 'bodies'), join(production.root, 'other'));
    const inside = await waybill(['check', production.config, '--data', production.data]);
    assert.match(inside.stdout, /services\.second\.folder: .+ apart from bodies\/ of the data folder/);
  });

  test('--connect says which step failed, and warns about a Redis of the user without its password', async (t) => {
    const production = await temporaryProduction(t);
    const [port, redisPort] = [await freePort(), await freePort()];
    const env = {
      REGISTRY_URL: `http://127.0.0.1:${port}/soap`,
      REDIS_URL: `redis://:marker-secret@127.0.0.1:${redisPort}`,
    };
    const ran = await waybill(['check', production.config, '--data', production.data, '--connect'], { env });
    assert.equal(ran.code, 3);
    assert.match(ran.stdout, /registry host: FAILED, .+\(SOAP_CONNECT_FAILED\)/);
    assert.match(ran.stdout, /\(warning REDIS_UNREACHABLE\)/);
    assert.doesNotMatch(ran.stdout + ran.stderr, /marker-secret|correct-horse/);
  });
});

test('waybill schema writes a schema for each kind of file, and the line that a file needs', async (t) => {
  const folder = await temporaryFolder(t);
  const ran = await waybill(['schema', '--out', 'schemas'], { cwd: folder });
  assert.equal(ran.code, 0, ran.stderr);
  assert.match(ran.stdout, /^# yaml-language-server: \$schema=schemas\/production\.schema\.json$/m);
  assert.match(ran.stdout, /^# yaml-language-server: \$schema=\.\.\/schemas\/record-maps\.schema\.json$/m);
  const written = JSON.parse(await readFile(join(folder, 'schemas', 'production.schema.json'), 'utf8'));
  assert.ok(written.properties.services);
  const printed = JSON.parse((await waybill(['schema'])).stdout);
  assert.deepEqual(printed.production, written);
});

describe('waybill transform', () => {
  test('shows input, output and where each value came from', async (t) => {
    const production = await temporaryProduction(t);
    const file = await production.file('doses-x.csv', dosesCsv(3));
    const ran = await waybill(['transform', 'dose-to-vxu', '--in', file, '--line', '3', production.config]);
    assert.equal(ran.code, 0, ran.stderr);
    assert.match(ran.stdout, /^ {2}PID\|1\|\|S0002\|\|SAMPLE2\^PERSON2\|\|/m);
    assert.match(
      ran.stdout,
      /family: Sample2 +-> {2}PID-5\.1: SAMPLE2 +transforms\/dose-to-vxu\.yaml actions\[0\]\.set\.PID-5\.1/,
    );
    const json = JSON.parse(
      (await waybill(['transform', 'dose-to-vxu', '--in', file, '--line', '3', '--json', production.config])).stdout,
    );
    assert.equal(json.kind, 'message');
    assert.deepEqual(json.input[1], { column: 'family', value: 'Sample2' });
    assert.ok(
      json.lineage.some(
        (line: { target: string; value: string }) => line.target === 'PID-3.1' && line.value === 'S0002',
      ),
    );
    assert.equal(existsSync(production.data), false);
  });

  test('a file in another charset is read as the engine would', async (t) => {
    const production = await temporaryProduction(t);
    const row = 'S0001,Mu\xf1oz,Zo\xeb,1990-01-01,female,207,2024-04-01';
    await production.edit('record-maps/doses.yaml', 'recordMap: doses', 'recordMap: doses\ncharset: iso-8859-1');
    const file = await production.file('doses-x.csv', Buffer.from(`${DOSES_HEADER}\n${row}\n`, 'latin1'));
    const ran = await waybill(['transform', 'dose-to-vxu', '--in', file, '--line', '2', '--json', production.config]);
    assert.match(JSON.parse(ran.stdout).output, /MUÑOZ\^ZOË/);
  });

  test('faults are shown instead of a message; a line without a row and a whole file that cannot be taken have a sentence', async (t) => {
    const production = await temporaryProduction(t);
    const file = await production.file(
      'doses-x.csv',
      `${DOSES_HEADER}\nS0001,Roe,Ana,1990-01-01,other,207,2024-04-01\n`,
    );
    const at = (line: string, path = file) =>
      waybill(['transform', 'dose-to-vxu', '--in', path, '--line', line, production.config]);
    const invalid = await at('2');
    assert.equal(invalid.code, 5);
    assert.match(invalid.stdout, /line 2, column sex: .+\(NOT_IN_TABLE\)/);
    assert.match((await at('1')).stderr, /no item at line 1.+\(LINE_UNKNOWN\)/);
    assert.match((await at('2', `${file}.gone`)).stderr, /cannot be read: ENOENT.*\(INPUT_NOT_READABLE\)/);
    assert.match(
      (await at('2', await production.file('doses-y.csv', 'chart,family\nS0001,Roe\n'))).stderr,
      /\(COLUMNS_MISSING\)/,
    );
  });

  test('a transform that no service feeds wants --record-map', async (t) => {
    const production = await temporaryProduction(t);
    const text =
      'transform: alone\nfrom: { recordMap: doses }\nto: { hl7: VXU_V04, version: 2.5.1 }\nactions:\n  - set: { MSH-9: { raw: VXU^V04^VXU_V04 }, PID-3.1: { from: chart } }\n';
    await production.write('transforms/alone.yaml', text);
    const file = await production.file('doses-x.csv', dosesCsv(1));
    const args = ['transform', 'alone', '--in', file, '--line', '2', production.config];
    assert.match((await waybill(args)).stderr, /--record-map.*\(TRANSFORM_NOT_FED\)/);
    assert.match((await waybill([...args, '--record-map', 'doses'])).stdout, /PID\|\|\|S0001/);
  });
});

describe('a wrong command line', () => {
  const cases: [string[], number, RegExp][] = [
    [['staus'], 2, /no command "staus": did you mean status\?/],
    [['status', '--color'], 2, /usage: waybill status/],
    [['resolve', 'B1', '--reason', 'x'], 2, /give one of --delivered/],
    [['resolve', 'B1', '--delivered', '--cancel', '--reason', 'x'], 2, /give one of --delivered/],
    [['resolve', 'B1', '--delivered'], 2, /--reason is missing/],
    [['resume'], 2, /DESTINATION is missing/],
    [['submissions', '--limit', 'many'], 2, /--limit takes a whole number/],
    [['submit', '/nowhere/x.csv', '--service', 's'], 5, /cannot be read: ENOENT.*\(INPUT_NOT_READABLE\)/],
  ];
  for (const [args, code, says] of cases) {
    test(args.join(' '), async () => {
      const ran = await waybill(args);
      assert.equal(ran.code, code, ran.stderr);
      assert.match(ran.stderr, says);
      assert.equal(ran.stdout, '');
    });
  }

  test('without a ledger each command says so and makes none', async (t) => {
    const data = join(await temporaryFolder(t), 'data');
    const production = await temporaryProduction(t);
    const file = await production.file('doses-1.csv', dosesCsv(1));
    const commands = [
      ['status'],
      ['submissions'],
      ['trace', '1'],
      ['verify'],
      ['resume', 'x'],
      ['resolve', 'B1', '--cancel', '--reason', 'x'],
      ['submit', file, '--service', 'drop', production.config],
    ];
    for (const args of commands) {
      const ran = await waybill([...args, '--data', data]);
      assert.equal(ran.code, 5, args.join(' '));
      assert.match(ran.stderr, /There is no ledger at .+ \(STORE_MISSING\)/);
    }
    assert.equal(existsSync(data), false);
  });

  test('a data folder that something else holds: its name, and code 4', async (t) => {
    const folder = await temporaryFolder(t);
    const store = await openStore({ path: join(folder, 'ledger.db'), onDeath: assert.fail });
    await store.stopDestination({
      destination: 'x',
      stop: { since: 1, code: 'C', reason: 'r', whose: 'ours', next: 'n' },
    });
    await store.close();
    const lock = takeLock(folder, 'another command');
    const ran = await waybill(['resume', 'x', '--data', folder]);
    lock.release();
    assert.equal(ran.code, 4, ran.stderr);
    assert.match(ran.stderr, new RegExp(`held by another command \\(process ${process.pid}\\).+\\(STORE_LOCKED\\)`));
  });
});
