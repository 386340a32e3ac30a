/** The key `api`: where operators act over the network. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadProduction } from '../../../engine/config/load.ts';
import { loadAdapters } from '../../../engine/registry.ts';
import { temporaryProduction } from '../../support/production.ts';

test('the API is local unless something encrypts, and has a port of its own', async (t) => {
  const { config, edit, write } = await temporaryProduction(t);
  const registry = await loadAdapters();
  await write('secrets/password', 'x\n');
  const env = { REGISTRY_URL: 'http://127.0.0.1:9/soap', REGISTRY_USER: 'u', REGISTRY_FACILITY: 'F' };
  const load = () => loadProduction(config, registry, { env });
  let before = 'timeZone: UTC\n';
  const withApi = async (lines: string) => {
    await edit('production.yaml', before, `timeZone: UTC\n${lines}`);
    before = `timeZone: UTC\n${lines}`;
    const { production, problems } = await load();
    return {
      api: production?.api,
      codes: problems.filter(({ warning }) => !warning).map(({ code, path }) => `${code} ${path}`),
    };
  };
  assert.deepEqual(
    { ...(await withApi('api: { port: 9470 }\n')).api },
    { host: '127.0.0.1', port: 9470, behindProxy: false },
  );
  assert.deepEqual((await withApi('api: { host: 0.0.0.0, port: 9470 }\n')).codes, ['API_OPEN api.host']);
  assert.deepEqual((await withApi('api: { host: 0.0.0.0, port: 9470, behindProxy: true }\n')).codes, []);
  assert.deepEqual((await withApi('api: { port: 9470 }\nmonitor: { port: 9470 }\n')).codes, ['NOT_ALLOWED api.port']);
  assert.deepEqual((await withApi('api: { port: 9470, key: x }\n')).codes, ['UNKNOWN_KEY api.key']);
});
