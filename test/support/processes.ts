/** Processes as the system knows them: a number may come again, with another time of start. */
import { readFileSync } from 'node:fs';
import { sendSignal } from './redis.ts';

export interface KnownProcess {
  readonly pid: number;
  /** When it began, in the system's own count; `undefined` where there is no /proc, or no such process. */
  readonly since: string | undefined;
}

/** The process that has this number now. */
export function processOf(pid: number): KnownProcess {
  return { pid, since: statOf(pid)?.since };
}

/** Whether it has ended, though another may have its number by now, or its parent has not asked yet (a zombie). */
export function hasEnded({ pid, since }: KnownProcess): boolean {
  if (since === undefined) return !sendSignal(pid, 0);
  const now = statOf(pid);
  return now === undefined || now.since !== since || now.state === 'Z';
}

/** Fields 3 and 22 of /proc/PID/stat (proc(5)), counted behind the name, which may hold anything. */
function statOf(pid: number): { readonly state: string; readonly since: string } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0] ?? '', since: fields[19] ?? '' };
  } catch {
    // No /proc here, or it ended just now.
    return undefined;
  }
}
