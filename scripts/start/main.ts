/** `npm start`; `npm start -- FOLDER --data DIR` takes another production or data folder, in the words of `waybill run`. */
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { PROJECT_FOLDER } from '../../engine/registry.ts';
import { untilToldToStop } from './signals.ts';
import { start } from './start.ts';

const { values, positionals } = parseArgs({
  options: { data: { type: 'string' } },
  allowPositionals: true,
  strict: true,
});
process.exitCode = await start({
  production: resolve(positionals[0] ?? join(PROJECT_FOLDER, 'config')),
  data: resolve(values.data ?? process.env.WAYBILL_DATA ?? join(PROJECT_FOLDER, 'data')),
  signal: untilToldToStop(),
});
