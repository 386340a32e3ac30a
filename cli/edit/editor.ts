/** A message in the person's own editor. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WaybillError } from '../../engine/errors.ts';

/**
 * Shows a message in `$VISUAL`, `$EDITOR` or `vi`, and gives what was saved. The file is readable by its owner only and is
 * gone afterwards. Segments stand in lines of their own.
 * @throws WaybillError `EDITOR_FAILED`
 */
export function inEditor(bytes: Uint8Array): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), 'waybill-edit-'));
  const path = join(folder, 'message.txt');
  try {
    const hl7 = Buffer.from(bytes.subarray(0, 3)).toString('latin1') === 'MSH';
    const shown = hl7
      ? Buffer.from(bytes)
          .toString('latin1')
          .replace(/\r(?!\n)/g, '\n')
      : undefined;
    writeFileSync(path, shown === undefined ? bytes : Buffer.from(shown, 'latin1'), { mode: 0o600 });
    run(path);
    const saved = readFileSync(path);
    return hl7 ? Buffer.from(saved.toString('latin1').replace(/\r?\n/g, '\r'), 'latin1') : saved;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function run(path: string): void {
  const editor = process.env.VISUAL || process.env.EDITOR || 'vi';
  // As other tools take it: a command line, such as `code --wait`.
  const ended = spawnSync(`${editor} "$WAYBILL_EDITED"`, {
    shell: true,
    stdio: 'inherit',
    env: { ...process.env, WAYBILL_EDITED: path },
  });
  if (ended.status === 0) return;
  const how = ended.error ? 'could not be started' : `ended with ${ended.signal ?? ended.status}`;
  throw new WaybillError(
    'EDITOR_FAILED',
    `The editor ${how}; nothing was changed. Set VISUAL or EDITOR, or use --file.`,
  );
}
