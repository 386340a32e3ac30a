/** SOAP servers on other people's stacks (PHP, Spyne), each on a free port with a folder of its own, gone after the test. */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { freePort } from '../../scripts/start/free-port.ts';
import { cleanUp, temporaryFolder } from './redis.ts';
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

async function untilReady(child: ChildProcess, port: number, what: string): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!(await takesConnections(port))) {
    if (child.exitCode !== null) throw new Error(`${what} ended with ${child.exitCode}`);
    if (Date.now() > deadline) throw new Error(`${what} takes no connections`);
    await wait(20);
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

/** How to start a server of other people. */
export interface ServerCommand {
  readonly command: string;
  readonly args: readonly string[];
  /** Added to the environment. */
  readonly env: Readonly<Record<string, string>>;
  /** On which it listens. */
  readonly port: number;
}

/** Starts it and waits until it takes connections; gives what ends it. Ended by its own id after the test. */
export async function startServer(
  t: TestContext,
  { command, args, env, port }: ServerCommand,
): Promise<() => Promise<void>> {
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: 'ignore' });
  cleanUp(t, () => end(child));
  await untilReady(child, port, command);
  return () => end(child);
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
  const folder = await temporaryFolder(t, `waybill-peer-${kind}-`);
  const port = at ?? (await freePort());
  const [command, args] =
    kind === 'php'
      ? ['php', ['-S', `127.0.0.1:${port}`, sharedPath('peers/php/iis.php')]]
      : [PYTHON, [sharedPath('peers/spyne/server.py'), String(port)]];
  const stop = await startServer(t, { command, args, env: { ...env, IIS_VAR: folder }, port });
  return {
    url: `http://127.0.0.1:${port}/`,
    async arrived() {
      if (!existsSync(folder)) return [];
      const names = (await readdir(folder)).filter((name) => name.endsWith('.hl7')).sort();
      return Promise.all(names.map((name) => readFile(join(folder, name))));
    },
    stop,
  };
}
