import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readlinkSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { Client } from 'undici';

/** Clock ticks a second in /proc (always 100 on Linux for user space). */
const TICK_MICROS = 10_000;

/** Resident memory of a process now, bytes. */
export function rssNow(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
}

/** How much of a process's resident memory now is pages of its program's file, bytes: all processes of it share them. */
export function programPages(pid: number): number {
  const program = readlinkSync(`/proc/${pid}/exe`);
  let ours = false;
  let kilobytes = 0;
  for (const line of readFileSync(`/proc/${pid}/smaps`, 'utf8').split('\n')) {
    if (/^[0-9a-f]+-[0-9a-f]+ /.test(line)) ours = line.endsWith(program);
    else if (ours) kilobytes += Number(/^Rss:\s+(\d+) kB/.exec(line)?.[1] ?? 0);
  }
  return kilobytes * 1024;
}

/** CPU time so far of a process and its threads, microseconds. */
export function cpuMicros(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MICROS;
}

/** Highest resident memory of a process so far, bytes. */
export function peakRss(pid: number): number {
  return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
}

/** Starts Node on a file of this project. */
export function startNode(args: readonly string[], env: Readonly<Record<string, string>>): ChildProcess {
  return spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** The first line that a process prints. */
export async function firstLine(child: ChildProcess): Promise<string> {
  if (!child.stdout) throw new Error('the process has no output');
  const lines = createInterface({ input: child.stdout });
  const [line] = (await once(lines, 'line')) as [string];
  lines.close();
  child.stdout.resume();
  return line;
}

/** All that a process prints until it ends; throws where it fails. */
export async function output(child: ChildProcess): Promise<string> {
  let text = '';
  child.stdout?.on('data', (chunk: Buffer) => (text += chunk.toString('utf8')));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`a process of the benchmark ended with ${code}`);
  return text;
}

export async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'exit');
}

/** Looks every few milliseconds until something is there; throws after the limit. */
export async function until<T>(
  look: () => Promise<T | undefined> | T | undefined,
  limitMs: number,
  what: string,
): Promise<T> {
  const end = Date.now() + limitMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > end) throw new Error(`waited ${limitMs} ms for ${what}`);
    await wait(25);
  }
}

/** Whether an engine listens on its control socket. */
export async function ready(socketPath: string): Promise<true | undefined> {
  const body = await ask(socketPath, '/health/ready');
  return body === undefined ? undefined : true;
}

/** What an engine answers on its control socket; `undefined` where it does not. */
export async function ask(socketPath: string, path: string): Promise<string | undefined> {
  const client = new Client('http://localhost', { socketPath });
  try {
    const answer = await client.request({ path, method: 'GET' });
    return await answer.body.text();
  } catch {
    return undefined;
  } finally {
    await client.close();
  }
}
