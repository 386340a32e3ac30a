import { randomBytes } from 'node:crypto';
import { access, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { DuplicatePolicy, ServiceHandle } from '../../../engine/contracts/service.ts';
import type { FileDropConfig } from '../../../services/file-drop/config.ts';
import { startFileDrop, type Times } from '../../../services/file-drop/drop.ts';
import { FakeEngine, type FakeOptions, type LogLine } from '../../support/fake-service-context.ts';

export { until } from '../../support/until.ts';

export const QUICK: Times = {
  retryFirst: 10,
  retryCeiling: 40,
  reconcileEvery: 60_000,
  reconcileRest: 20,
  changedQuiet: 40,
  unknownQuiet: 60,
};

export const FILES: FileDropConfig['files'] = [
  { glob: '*.csv', format: { type: 'csv', recordMap: 'doses' }, route: 'doses' },
  { glob: '*.pdf', format: { type: 'raw' }, route: 'documents' },
];

export interface Drop {
  readonly root: string;
  readonly inbox: string;
  readonly config: FileDropConfig;
  engine: FakeEngine<FileDropConfig>;
  /** Starts the service; it is stopped with the test. */
  start(times?: Partial<Times>): Promise<ServiceHandle>;
  /** Writes a file elsewhere and renames it into the inbox, so that it is whole at once. */
  put(name: string, content: string | Buffer): Promise<void>;
  list(folder: 'work' | 'done' | 'failed' | '.'): Promise<string[]>;
  text(folder: 'done' | 'failed', name: string): Promise<string>;
}

/** A drop folder of its own, with an engine of its own; both go with the test. */
export async function makeDrop(
  t: TestContext,
  config: Partial<FileDropConfig> = {},
  options: Partial<FakeOptions<FileDropConfig>> = {},
): Promise<Drop> {
  const root = await mkdtemp(join(tmpdir(), 'file-drop-'));
  const inbox = join(root, 'inbox');
  await mkdir(inbox);
  await mkdir(join(root, 'outside'));
  const whole: FileDropConfig = { folder: 'inbox', complete: 'renamed', files: FILES, pollEvery: 20, ...config };
  const handles: ServiceHandle[] = [];
  t.after(async () => {
    await Promise.all(handles.map((handle) => handle.stop()));
    await rm(root, { recursive: true, force: true });
  });
  const drop: Drop = {
    root,
    inbox,
    config: whole,
    engine: new FakeEngine({ config: whole, folder: root, ...options }),
    async start(times = {}) {
      const handle = await startFileDrop(drop.engine.context, { ...QUICK, ...times });
      handles.push(handle);
      return handle;
    },
    async put(name, content) {
      const outside = join(root, 'outside', randomBytes(8).toString('hex'));
      await writeFile(outside, content);
      await rename(outside, join(inbox, name));
    },
    async list(folder) {
      return (await readdir(join(inbox, folder)))
        .filter((name) => folder !== '.' || !['work', 'done', 'failed'].includes(name))
        .sort();
    },
    text: (folder, name) => readFile(join(inbox, folder, name), 'utf8'),
  };
  return drop;
}

export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

export function policy(within: number, then: DuplicatePolicy['then']): DuplicatePolicy {
  return { within, then };
}

/** A filter for log lines with this code. */
export function codeIs(code: string): (line: LogLine) => boolean {
  return ({ fields }) => 'code' in fields && fields.code === code;
}
