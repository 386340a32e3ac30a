import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Job, print, spread } from './job.ts';
import { MAIN } from './p1.ts';
import { firstLine, programPages, ready, rssNow, startNode, stopProcess, until } from './processes.ts';

const PRODUCTION = fileURLToPath(new URL('./productions/p5', import.meta.url));
/** An engine that has nothing to do for so long is idle, milliseconds. */
const IDLE = 5000;

interface Start {
  readonly ms: number;
  readonly rss: number;
  /** Of it, pages of the Node program. */
  readonly program: number;
}

/** P5: from the start of the process until it listens, with every adapter in use, and its memory when it is idle. */
export const p5: Job = {
  name: 'p5',
  summary: 'process start to listening, idle memory; beside it the imports of the same packages alone',
  async run({ runs = 5 }) {
    await engineStart();
    const engine: Start[] = [];
    const imports: Start[] = [];
    for (let run = 0; run < runs; run += 1) {
      imports.push(await importsStart());
      engine.push(await engineStart());
    }
    console.log(`  ${runs} runs of each side in turn, after one that fills the compile cache`);
    print('engine start ms', spread(engine.map(({ ms }) => ms)));
    print('imports alone ms', spread(imports.map(({ ms }) => ms)));
    print('engine idle RSS MB', spread(engine.map(({ rss }) => rss / 1e6)), 1);
    print('  of it pages of Node', spread(engine.map(({ program }) => program / 1e6)), 1);
    print('imports alone RSS MB', spread(imports.map(({ rss }) => rss / 1e6)), 1);
    return {
      runs,
      startMs: spread(engine.map(({ ms }) => ms)).median,
      importsMs: spread(imports.map(({ ms }) => ms)).median,
      idleRssBytes: spread(engine.map(({ rss }) => rss)).median,
      programPagesBytes: spread(engine.map(({ program }) => program)).median,
    };
  },
};

/** A data folder of its own each time: what a new engine does at its first start is part of it. */
async function engineStart(): Promise<Start> {
  const folder = mkdtempSync(join(tmpdir(), 'waybill-bench-'));
  const data = join(folder, 'data');
  const began = performance.now();
  const engine = startNode([MAIN, 'run', PRODUCTION, '--data', data, '--log-level', 'warn'], {
    BENCH_INBOX: join(folder, 'inbox'),
    REGISTRY_URL: 'http://127.0.0.1:9/',
    REGISTRY_PASSWORD: 'bench',
    MONGODB_URL: 'mongodb://127.0.0.1:9/',
  });
  try {
    await until(() => ready(join(data, 'control.sock')), 30_000, 'the engine to be ready');
    const ms = performance.now() - began;
    await wait(IDLE);
    return { ms, rss: rssNow(engine.pid ?? 0), program: programPages(engine.pid ?? 0) };
  } finally {
    await stopProcess(engine);
    rmSync(folder, { recursive: true, force: true });
  }
}

async function importsStart(): Promise<Start> {
  const began = performance.now();
  const child = startNode([fileURLToPath(new URL('./imports-alone.ts', import.meta.url))], {});
  try {
    await firstLine(child);
    const pid = child.pid ?? 0;
    return { ms: performance.now() - began, rss: rssNow(pid), program: programPages(pid) };
  } finally {
    await stopProcess(child);
  }
}
