/** `npm run demo`; `npm run demo -- --folder DIR` writes into another folder than `data/demo`. */
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { PROJECT_FOLDER } from '../../engine/registry.ts';
import { WAYBILL } from '../start/children.ts';
import { untilToldToStop } from '../start/signals.ts';
import { demo } from './demo.ts';

const { values } = parseArgs({ options: { folder: { type: 'string' } }, strict: true });
process.exitCode = await demo({
  root: resolve(values.folder ?? join(PROJECT_FOLDER, 'data', 'demo')),
  receiver: [WAYBILL, 'twin'],
  signal: untilToldToStop(),
});
