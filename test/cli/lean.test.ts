/** What keeps the engine small: how it is started, and what it does not load before it is needed. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const path = (file: string) => fileURLToPath(new URL(`../../${file}`, import.meta.url));

/** Runs a module in a process of its own. @returns what it printed, as data */
function runModule(script: string, env: NodeJS.ProcessEnv = process.env): unknown {
  const args = ['--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', script];
  return JSON.parse(execFileSync(process.execPath, args, { env, encoding: 'utf8' }));
}

test('the process begins anew once, as itself, with its settings', { skip: process.platform !== 'linux' }, () => {
  const { WAYBILL_LEAN: _mark, ...env } = process.env;
  const script = `
    import { goOnLean } from ${JSON.stringify(path('cli/lean.ts'))};
    process.env.FIRST_PID ??= String(process.pid);
    goOnLean();
    console.log(JSON.stringify({
      same: process.env.FIRST_PID === String(process.pid),
      collects: typeof globalThis.gc,
      arenas: process.env.MALLOC_ARENA_MAX,
      flags: process.execArgv.filter((flag) => flag.startsWith('--max-semi-space-size')),
    }));`;
  assert.deepEqual(runModule(script, { ...env, MALLOC_ARENA_MAX: undefined }), {
    same: true,
    collects: 'function',
    arenas: '1',
    flags: ['--max-semi-space-size=4'],
  });
});

/** Not needed by an engine that has nothing to do, each with the file that loads it when it is. */
const LATER: Readonly<Record<string, string>> = {
  '/undici/': 'operations/soap/undici.ts',
  '/mongodb/': 'operations/mongodb/client.ts',
  '/prom-client/': 'portal/metrics.ts',
  '/@fastify/swagger/': 'portal/openapi.ts',
  '/ajv/': 'portal/lazy-schemas.ts',
  '/bullmq/dist/cjs/postgres/': 'queue/link.ts',
};

test('what is not needed yet is not loaded: neither packages nor the undici within Node', () => {
  const files = [
    'cli/commands/run.ts',
    'cli/host.ts',
    'portal/listener.ts',
    'portal/server.ts',
    'services/file-drop/index.ts',
    'services/rest-multipart/index.ts',
    'operations/soap/index.ts',
    'operations/mongodb/index.ts',
    'formats/csv/index.ts',
    'transforms/dtl/index.ts',
  ];
  const script = `
    import module from 'node:module';
    for (const file of ${JSON.stringify(files.map(path))}) await import(file);
    const { openLink } = await import(${JSON.stringify(path('queue/link.ts'))});
    const silent = { info() {}, warn() {}, error() {}, debug() {} };
    const link = await openLink({ connection: { path: '/nowhere' }, queue: 'q', prefix: 'p', logger: silent, onJob: async () => {} });
    await link.close();
    const loaded = Object.keys(module._cache);
    const within = process.moduleLoadList.filter((name) => name.includes('deps/undici'));
    console.log(JSON.stringify({ loaded, within }));
    process.exit();`;
  const { loaded, within } = runModule(script) as { loaded: string[]; within: string[] };
  assert.ok(loaded.some((file) => file.includes('/bullmq/')) && loaded.some((file) => file.includes('/fastify/')));
  const early = Object.entries(LATER).filter(([part]) => loaded.some((file) => file.includes(`/node_modules${part}`)));
  assert.deepEqual(early, [], 'loaded too early; the file beside each name is where it belongs');
  assert.deepEqual(within, [], 'an import of node:http loads it: use portal/node-http.ts');
});
