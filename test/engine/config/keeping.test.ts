/** `keep` of production.yaml: what it may say, and what the store is told of it. */
import assert from 'node:assert/strict';
import { appendFileSync, cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { formatProblem, loadProduction } from '../../../engine/config/load.ts';
import { loadAdapters } from '../../../engine/registry.ts';
import { retentionOf } from '../../../engine/retention.ts';

const DAY = 86_400_000;
const SOUND = join(import.meta.dirname, '../../productions/small');
const env = { REGISTRY_URL: 'http://127.0.0.1:9/', REGISTRY_USER: 'u', REGISTRY_FACILITY: 'F' };
const registry = await loadAdapters();

/** The small production with this `keep`. */
async function load(t: TestContext, keep: string) {
  const folder = mkdtempSync(join(tmpdir(), 'waybill-keep-'));
  t.after(() => rmSync(folder, { recursive: true }));
  cpSync(SOUND, folder, { recursive: true });
  appendFileSync(join(folder, 'production.yaml'), `\nkeep:${keep}\n`);
  const { production, problems } = await loadProduction(folder, registry, { env });
  const told = problems.filter(({ code }) => code !== 'UNUSED');
  return { keep: production?.keep, told: told.map(({ code, path }) => `${code} ${path}`), problems: told };
}

test('without keep everything is kept for ever, and the store has no rule', async (t) => {
  const { production } = await loadProduction(SOUND, registry, { env });
  assert.ok(production);
  assert.equal(production.keep, undefined);
  assert.deepEqual(retentionOf(production.keep), []);
  const { keep } = await load(t, ' {}');
  assert.equal(keep?.at, 210);
  assert.ok(retentionOf(keep).every(({ bodies, ledger }) => bodies === undefined && ledger === undefined));
});

test('a state of the route, then of all, then the route, then the plain time counts', async (t) => {
  const { keep, told } = await load(
    t,
    ` { bodies: 90d, ledger: 730d, at: "23:05", states: { rejected: { bodies: 365d } },
       routes: { doses: { bodies: 30d, states: { failed: { bodies: forever, ledger: forever } } } } }`,
  );
  assert.deepEqual(told, []);
  assert.equal(keep?.at, 23 * 60 + 5);
  const rows = retentionOf(keep);
  assert.equal(rows.length, 2 * 12);
  const days = (route: string, state?: string) => {
    const row = rows.find((each) => each.route === route && each.state === state);
    return [row?.bodies, row?.ledger].map((ms) => (ms === undefined ? 'forever' : ms / DAY));
  };
  assert.deepEqual(days(''), [90, 730]);
  assert.deepEqual(days('', 'delivered'), [90, 730]);
  assert.deepEqual(days('', 'rejected'), [365, 730]);
  assert.deepEqual(days('doses'), [30, 730]);
  assert.deepEqual(days('doses', 'delivered'), [30, 730]);
  assert.deepEqual(days('doses', 'rejected'), [365, 730]);
  assert.deepEqual(days('doses', 'failed'), ['forever', 'forever']);
});

test('rows are never kept shorter than bodies, in whatever places both are said', async (t) => {
  for (const [keep, path] of [
    [' { bodies: 90d, ledger: 30d }', 'keep.ledger'],
    [' { ledger: 30d }', 'keep.ledger'],
    [' { bodies: 10d, ledger: 30d, states: { failed: { bodies: 40d } } }', 'keep.ledger'],
    [' { bodies: 10d, ledger: 30d, routes: { doses: { ledger: 5d } } }', 'keep.routes.doses.ledger'],
    [
      ' { bodies: 10d, ledger: 90d, states: { failed: { bodies: 60d } }, routes: { doses: { ledger: 50d } } }',
      'keep.routes.doses.ledger',
    ],
    [' { bodies: forever, ledger: 30d }', 'keep.ledger'],
  ] as const) {
    const { keep: read, told } = await load(t, keep);
    assert.deepEqual(told, [`KEEP_LEDGER_SHORTER ${path}`], keep);
    assert.equal(read, undefined);
  }
  assert.deepEqual((await load(t, ' { bodies: 30d, ledger: 30d }')).told, []);
});

test('what is unknown or has no meaning is told with a suggestion', async (t) => {
  for (const [keep, code] of [
    [' { body: 90d }', 'UNKNOWN_KEY keep.body'],
    [' { bodies: 2y }', 'BAD_DURATION keep.bodies'],
    [' { bodies: 90d, at: "24:00" }', 'BAD_TEXT keep.at'],
    [' { routes: { dozes: { bodies: 1d } } }', 'UNKNOWN_ROUTE keep.routes.dozes'],
    [' { states: { queued: { bodies: 1d } } }', 'UNKNOWN_KEY keep.states.queued'],
  ] as const) {
    const { told, problems } = await load(t, keep);
    assert.equal(told[0], code, problems.map((problem) => formatProblem(problem)).join('\n'));
  }
});
