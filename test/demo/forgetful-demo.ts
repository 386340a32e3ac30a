/** The demo with the forgetful receiver. */
import { fileURLToPath } from 'node:url';
import { demo } from '../../scripts/demo/demo.ts';
import { untilToldToStop } from '../../scripts/start/signals.ts';

process.exitCode = await demo({
  root: process.argv[2] ?? '',
  receiver: [fileURLToPath(new URL('./forgetful-receiver.ts', import.meta.url))],
  signal: untilToldToStop(),
});
