/** Pennsylvania's health department: PHP's own SOAP server with the published WSDL, on a port and with a folder of its own. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { freePort } from '../../scripts/start/free-port.ts';
import { startServer } from './peers.ts';
import { temporaryFolder } from './redis.ts';
import { sharedPath } from './shared.ts';

/** What it allows. */
export const DEPARTMENT_CREDENTIALS = { username: 'elruser', password: 'elrpass' } as const;

/** When a call ends the department's process: before it has kept the file, or after, before it says so. */
export type Death = 'beforeKeeping' | 'afterKeeping';

export interface Department {
  readonly url: string;
  /** Names and contents of the files that it took, in the order of arrival. */
  files(): Promise<readonly { readonly name: string; readonly content: Buffer }[]>;
  /** Starts it, or starts it again at the same address with what it has. @param dies what the next call does to it */
  start(dies?: Death): Promise<void>;
  /** Ends it at once; does nothing where it is not there. */
  stop(): Promise<void>;
}

const SCRIPT = 'peers/php/elr.php';

const DEATHS: Readonly<Record<Death, string>> = {
  beforeKeeping: 'posix_kill(getmypid(), 9);',
  // What it has to say waits in a buffer that nobody empties any more.
  afterKeeping: 'ob_start(); register_shutdown_function(fn() => posix_kill(getmypid(), 9));',
};

/** The department, not there yet. */
export async function absentDepartment(t: TestContext): Promise<Department> {
  const folder = await temporaryFolder(t, 'waybill-elr-');
  const scripts = await temporaryFolder(t, 'waybill-elr-php-');
  const port = await freePort();
  const { username, password } = DEPARTMENT_CREDENTIALS;
  const env = { ELR_VAR: folder, ELR_USER: username, ELR_PASS: password };
  const script = async (dies: Death | undefined) => {
    if (dies === undefined) return sharedPath(SCRIPT);
    const path = join(scripts, `${dies}.php`);
    const text = `<?php\nif ($_SERVER['REQUEST_METHOD'] === 'POST') { ${DEATHS[dies]} }\nrequire getenv('ELR_SCRIPT');\n`;
    await writeFile(path, text);
    return path;
  };
  let end = async (): Promise<void> => undefined;
  return {
    url: `http://127.0.0.1:${port}/`,
    async files() {
      const names = (await readdir(folder)).sort();
      return Promise.all(
        names.map(async (name) => ({
          name: name.replace(/^[\d.]+-/, ''),
          content: await readFile(join(folder, name)),
        })),
      );
    },
    async start(dies) {
      const args = ['-S', `127.0.0.1:${port}`, await script(dies)];
      end = await startServer(t, { command: 'php', args, env: { ...env, ELR_SCRIPT: sharedPath(SCRIPT) }, port });
    },
    stop: () => end(),
  };
}

/** The department, taking calls. */
export async function startDepartment(t: TestContext, dies?: Death): Promise<Department> {
  const department = await absentDepartment(t);
  await department.start(dies);
  return department;
}
