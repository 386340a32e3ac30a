import { subscribe } from 'node:diagnostics_channel';

/** Preloaded into a child process and its threads: kills it, as a power cut would, at the label named by `PULL_AT`. */
const pullAt = process.env.PULL_AT;
if (pullAt) {
  subscribe('waybill:label', (name) => {
    if (name === pullAt) process.kill(process.pid, 'SIGKILL');
  });
}
