/** Runs a child in our place: the same terminal, our signals, and its end is ours. */
import { spawn } from 'node:child_process';

const FORWARDED = ['SIGTERM', 'SIGINT', 'SIGHUP'];

/**
 * Starts the program, hands signals on, and resolves with how it ended.
 * @param {string} program
 * @param {readonly string[]} args
 * @param {import('node:child_process').SpawnOptions} [options]
 * @returns {Promise<{ code: number | null, signal: NodeJS.Signals | null }>}
 */
export function runChild(program, args, options = {}) {
  const child = spawn(program, args, { stdio: 'inherit', ...options });
  const forward = (signal) => child.kill(signal);
  for (const signal of FORWARDED) process.on(signal, forward);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      for (const name of FORWARDED) process.off(name, forward);
      resolve({ code, signal });
    });
  });
}

/**
 * Ends this process as the child ended: with its code, or by its signal.
 * @param {{ code: number | null, signal: NodeJS.Signals | null }} end
 */
export function endAs({ code, signal }) {
  if (signal !== null) {
    process.kill(process.pid, signal);
    // A signal that does not end us (SIGKILL of the child alone always does): the shell's own number for it.
    setTimeout(() => process.exit(1), 1_000);
    return;
  }
  process.exitCode = code ?? 1;
}
