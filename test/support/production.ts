/** A temporary copy of a production of `test/productions/`, with a data folder and an inbox beside it. */
import { cp, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { PROJECT_FOLDER } from '../../engine/registry.ts';
import { temporaryFolder } from './redis.ts';

export interface TestProduction {
  /** Holds `config`, `data` and `inbox`; gone after the test. */
  readonly root: string;
  readonly config: string;
  readonly data: string;
  readonly inbox: string;
  /** Writes a file of the production; its folder is made. */
  write(file: string, text: string): Promise<void>;
  /** Changes a file of the production; fails where `from` does not stand in it. */
  edit(file: string, from: string, to: string): Promise<void>;
  /** Puts a file into the inbox under its final name in one step, as a careful sender does. */
  drop(name: string, content: string | Uint8Array): Promise<void>;
  /** Writes a file beside the production, for `waybill submit`; gives its path. */
  file(name: string, content: string | Uint8Array): Promise<string>;
}

/** Copies a production into a folder of its own. */
export async function temporaryProduction(t: TestContext, name = 'small'): Promise<TestProduction> {
  const root = await temporaryFolder(t, 'waybill-');
  const [config, data, inbox] = [join(root, 'config'), join(root, 'data'), join(root, 'inbox')];
  await cp(join(PROJECT_FOLDER, 'test', 'productions', name), config, { recursive: true });
  const put = async (path: string, content: string | Uint8Array) => {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
  };
  return {
    root,
    config,
    data,
    inbox,
    write: (file, text) => put(join(config, file), text),
    async edit(file, from, to) {
      const path = join(config, file);
      const text = await readFile(path, 'utf8');
      if (!text.includes(from)) throw new Error(`${file} does not hold ${JSON.stringify(from)}`);
      await writeFile(
        path,
        text.replace(from, () => to),
      );
    },
    async drop(file, content) {
      const hidden = join(inbox, `.${file}.part`);
      await put(hidden, content);
      await rename(hidden, join(inbox, file));
    },
    async file(file, content) {
      const path = join(root, file);
      await put(path, content);
      return path;
    },
  };
}

/** Adds the service `partners`, which takes uploads at `/uploads` of this port; its parts as YAML: `{ name: ... }`. */
export async function withUploads(production: TestProduction, port: number, parts: readonly string[]): Promise<void> {
  const lines = parts.map((part) => `      - ${part}\n`);
  await production.edit(
    'production.yaml',
    'services:\n',
    `listen: { host: 127.0.0.1, port: ${port} }
services:
  partners:
    type: rest-multipart
    path: /uploads
    parts:
${lines.join('')}`,
  );
}

export const DOSES_HEADER = 'chart,family,given,born,sex,vaccine,given_on';

/** Rows of made-up people for `productions/small`: every one valid, and all different for `from` up to 9,999 rows. */
export function dosesCsv(rows: number, from = 1): string {
  const lines = Array.from({ length: rows }, (_, index) => {
    const n = from + index;
    const sex = n % 2 === 0 ? 'male' : 'female';
    return `S${String(n).padStart(4, '0')},Sample${n},Person${n},19${String(10 + (n % 80))}-03-0${1 + (n % 9)},${sex},${100 + (n % 50)},2024-04-${String(1 + (n % 28)).padStart(2, '0')}`;
  });
  return `${[DOSES_HEADER, ...lines].join('\n')}\n`;
}
