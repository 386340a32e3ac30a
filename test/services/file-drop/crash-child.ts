/**
 * Runs the scene and dies by SIGKILL just before step N: `crash-child.ts ROOT N`. A step is anything that changes the
 * folders or the engine's state. Without a death it prints the number of steps.
 */
import { readdirSync } from 'node:fs';
import { createRequire, syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

const [root, at] = process.argv.slice(2);
let steps = 0;

function step(): void {
  if (++steps === Number(at)) process.kill(process.pid, 'SIGKILL');
}

// The service's own imports follow these after the call to syncBuiltinESMExports.
const fs = createRequire(import.meta.url)('node:fs/promises');
for (const name of ['mkdir', 'rename', 'rmdir', 'unlink', 'open']) {
  const real = fs[name];
  fs[name] = (...args: unknown[]) => {
    step();
    return real(...args);
  };
}
syncBuiltinESMExports();

const { engineOf, isOver } = await import('./crash-scene.ts');
const { startFileDrop } = await import('../../../services/file-drop/drop.ts');
const { QUICK } = await import('./support.ts');

const engine = engineOf(root!);
const { accept, progress } = engine.context;
const context: typeof engine.context = {
  ...engine.context,
  async accept(request) {
    step();
    const accepted = await accept(request);
    step();
    return accepted;
  },
  async progress(id, reached) {
    step();
    await progress(id, reached);
    step();
  },
};
const handle = await startFileDrop(context, QUICK);
while (
  !isOver(engine) ||
  readdirSync(join(root!, 'inbox', 'work')).length > 0 ||
  readdirSync(join(root!, 'inbox')).length > 3
)
  await pause(5);
await handle.stop();
process.stdout.write(String(steps));
