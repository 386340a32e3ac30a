/**
 * Writes a file in pieces and keeps it open all the while: `slow-writer.ts PATH PIECES PAUSE_MS`. Piece n is the line `n`.
 */
import { open } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';

const [path, pieces, ms] = process.argv.slice(2);
const handle = await open(path!, 'a');
for (let piece = 0; piece < Number(pieces); piece++) {
  await handle.write(`${piece}\n`);
  await pause(Number(ms));
}
await handle.close();
