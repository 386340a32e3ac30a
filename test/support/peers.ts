/** SOAP servers on other people's stacks (PHP, Spyne), each on a free port with a folder of its own, gone after the test. */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { freePort } from '../../scripts/start/free-port.ts';
import { sharedPath } from './shared.ts';

export type PeerKind = 'php' | 'spyne';

export interface Peer {
  /** Where to send. */
  readonly url: string;
  /** What arrived, after the peer's XML parsing, in the order of arrival. */
  arrived(): Promise<readonly Buffer[]>;
  /** Ends it before the test does, so that another one can take its port. */
  stop(): Promise<void>;
}

export const PEER_CREDENTIALS = { username: 'iisuser', password: 'iispass', organisation: 'FAC001' } as const;

const PYTHON = '/usr/bin/python3';

function installed(kind: PeerKind): boolean {
  const probe =
    kind === 'php'
      ? spawnSync('php', ['-r', 'exit(extension_loaded("soap") ? 0 : 1);'])
      : spawnSync(PYTHON, ['-c', 'import spyne']);
  return probe.status === 0;
}

/** Why a test that needs this peer is skipped on a person's machine; in CI a missing one is an error. */
export function peerSkip(kind: PeerKind): string | false {
  const reason = !existsSync(sharedPath('peers'))
    ? 'the folder of peers is not there'
    : installed(kind)
      ? false
      : `the stack of the ${kind} peer is not installed`;
  if (reason !== false && process.env.CI) throw new Error(`${reason}; CI runs every test`);
  return reason;
}

/** Whether something listens on this port of the loopback interface. */
export async function takesConnections(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

async function untilReady(child: ChildProcess, port: number, kind: PeerKind): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!(await takesConnections(port))) {
    if (child.exitCode !== null) throw new Error(`the ${kind} peer ended with ${child.exitCode}`);
    if (Date.now() > deadline) throw new Error(`the ${kind} peer takes no connections`);
    await wait(20);
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

/**
 * Starts a peer; `env` is added to its environment (`IIS_MAX`). Ended by its own id after the test.
 * @param at a port that was free a moment ago; any where it is absent
 */
export async function startPeer(
  t: TestContext,
  kind: PeerKind,
  env: Readonly<Record<string, string>> = {},
  at?: number,
): Promise<Peer> {
  const folder = await mkdtemp(join(tmpdir(), `waybill-peer-${kind}-`));
  const port = at ?? (await freePort());
  const [command, args] =
    kind === 'php'
      ? ['php', ['-S', `127.0.0.1:${port}`, sharedPath('peers/php/iis.php')]]
      : [PYTHON, [sharedPath('peers/spyne/server.py'), String(port)]];
  const child = spawn(command, args, { env: { ...process.env, ...env, IIS_VAR: folder }, stdio: 'ignore' });
  t.after(async () => {
    await end(child);
    await rm(folder, { recursive: true, force: true });
  });
  await untilReady(child, port, kind);
  return {
    url: `http://127.0.0.1:${port}/`,
    async arrived() {
      if (!existsSync(folder)) return [];
      const names = (await readdir(folder)).filter((name) => name.endsWith('.hl7')).sort();
      return Promise.all(names.map((name) => readFile(join(folder, name))));
    },
    stop: () => end(child),
  };
}
