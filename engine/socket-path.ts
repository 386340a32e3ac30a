import { createHash } from 'node:crypto';
import { mkdirSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { WaybillError } from './errors.ts';

/** The longest path that a unix socket may have everywhere, with a little room. */
const LONGEST = 100;

/**
 * Path of a socket of a data folder: inside it, or in a short runtime folder of this user where the path would be too long.
 * The same data folder always gives the same path.
 * @throws WaybillError `RUNTIME_FOLDER` where the runtime folder belongs to somebody else.
 */
export function socketPath(dataFolder: string, name: string): string {
  const inside = join(resolve(dataFolder), name);
  if (Buffer.byteLength(inside) <= LONGEST) return inside;
  const short = createHash('sha256').update(resolve(dataFolder)).digest('hex').slice(0, 16);
  const runtime = join(tmpdir(), `waybill-${short}`);
  mkdirSync(runtime, { recursive: true, mode: 0o700 });
  const { uid, mode } = statSync(runtime);
  if (uid !== process.getuid?.() || (mode & 0o077) !== 0) {
    throw new WaybillError(
      'RUNTIME_FOLDER',
      `The folder ${runtime} for sockets is open to others or belongs to another user: remove it, or use a data folder with a shorter path.`,
    );
  }
  return join(runtime, name);
}
