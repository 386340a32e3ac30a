/**
 * The scene of the crash tests: four files of which one is routed, one refused, one a duplicate and one unknown, and an
 * engine that plays its part by itself and keeps its state in a file.
 */
import { mkdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RejectedItem } from '../../../engine/contracts/service.ts';
import type { FileDropConfig } from '../../../services/file-drop/config.ts';
import { FakeEngine } from '../../support/fake-service-context.ts';
import { FILES } from './support.ts';

export const SCENE: readonly (readonly [string, string])[] = [
  ['1-routed.csv', 'a,b\n1,2\n'],
  ['2-refused.csv', 'a,b\n"1\n'],
  ['3-again.csv', 'a,b\n1,2\n'],
  ['4-unknown.doc', 'a letter'],
];

const CONFIG: FileDropConfig = { folder: 'inbox', complete: { marker: '.done' }, files: FILES, pollEvery: 10 };

export async function setScene(root: string): Promise<void> {
  await mkdir(join(root, 'inbox'));
  await writeFile(statePath(root), '[]');
  for (const [index, [name, content]] of SCENE.entries()) {
    await writeFile(join(root, 'inbox', name), content);
    await utimes(join(root, 'inbox', name), 1000 + index, 1000 + index);
    await writeFile(join(root, 'inbox', `${name}.done`), '');
  }
}

/** The engine with what its state file holds. */
export function engineOf(root: string): FakeEngine<FileDropConfig> {
  return new FakeEngine<FileDropConfig>({
    config: CONFIG,
    folder: root,
    statePath: statePath(root),
    afterAccept: goOn,
  });
}

/** Does what the engine has left to do with a submission. */
export function goOn(engine: FakeEngine<FileDropConfig>, id: string): void {
  const { view } = engine.submissions.get(id)!;
  if (view.name.includes('refused')) {
    if (view.state === 'accepted')
      engine.refuse(id, { code: 'BAD_QUOTE', reason: 'a quote is not closed', line: 2, column: 1 });
    return;
  }
  if (view.state === 'accepted') engine.route(id, { rejected: [row(id)] });
  if (!view.settled) engine.settle(id);
}

/** True when there is nothing left to do for the service. */
export function isOver(engine: FakeEngine<FileDropConfig>): boolean {
  return (
    engine.submissions.size >= 2 && [...engine.submissions.values()].every(({ progress }) => progress === 'closed')
  );
}

function row(id: string): RejectedItem {
  return {
    waybillId: `${id}-1`,
    line: 2,
    fields: ['1', '2'],
    faults: [{ code: 'REQUIRED', column: 'a', line: 2, reason: 'needed' }],
  };
}

function statePath(root: string): string {
  return join(root, 'state.json');
}
