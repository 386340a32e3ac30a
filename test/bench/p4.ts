import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, createReadStream, mkdtempSync, rmSync, statSync } from 'node:fs';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { writeDoses } from './generate.ts';
import { type Job, print, spread } from './job.ts';
import { MAIN } from './p1.ts';
import { firstLine, peakRss, programPages, startNode, stopProcess } from './processes.ts';

const PRODUCTION = fileURLToPath(new URL('./productions/p4', import.meta.url));
/** Rows of about 130 bytes: 100 MB. */
const ROWS = 770_000;
const BOUNDARY = 'bench-4f1c0a7e';
const BEFORE = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="doses"; filename="doses.csv"\r\nContent-Type: text/csv\r\n\r\n`;
const AFTER = `\r\n--${BOUNDARY}--\r\n`;

interface Upload {
  readonly seconds: number;
  readonly rss: number;
  /** Of it, pages of the Node program. */
  readonly program: number;
}

/** P4: a multipart upload of 100 MB until its receipt, durable; beside it busboy to a flushed file. */
export const p4: Job = {
  name: 'p4',
  summary: 'one multipart upload of 100 MB to a durable receipt; beside it busboy to a flushed file',
  async run({ rows = ROWS, runs = 5 }) {
    const folder = mkdtempSync(join(tmpdir(), 'waybill-bench-'));
    try {
      const file = join(folder, 'doses.csv');
      await writeDoses(file, rows, 20_240_117);
      // A first small upload on both sides: the code is loaded, and the partner's key is known.
      const small = join(folder, 'small.csv');
      await writeDoses(small, 10, 1);
      const megabytes = statSync(file).size / 1e6;
      const engine: Upload[] = [];
      const bare: Upload[] = [];
      for (let run = 0; run < runs; run += 1) {
        bare.push(await bareUpload(file, small));
        engine.push(await engineUpload(folder, file, small));
      }
      const rates = engine.map(({ seconds }) => megabytes / seconds);
      const bareRates = bare.map(({ seconds }) => megabytes / seconds);
      const ratios = rates.map((rate, index) => rate / (bareRates[index] ?? Number.NaN));
      console.log(`  ${megabytes.toFixed(0)} MB, ${runs} runs of each side in turn, a new process for each`);
      print('engine MB/s', spread(rates));
      print('busboy to a file MB/s', spread(bareRates));
      print('ratio', spread(ratios), 2);
      print('engine peak RSS MB', spread(engine.map(({ rss }) => rss / 1e6)));
      print('  of it pages of Node', spread(engine.map(({ program }) => program / 1e6)));
      print('busboy peak RSS MB', spread(bare.map(({ rss }) => rss / 1e6)));
      return {
        megabytes,
        runs,
        megabytesPerSecond: spread(rates).median,
        ratioToBusboy: spread(ratios).median,
        peakRssBytes: spread(engine.map(({ rss }) => rss)).max,
        programPagesBytes: spread(engine.map(({ program }) => program)).median,
      };
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

async function bareUpload(file: string, small: string): Promise<Upload> {
  const server = startNode([fileURLToPath(new URL('./busboy-to-file.ts', import.meta.url))], {});
  try {
    const url = await firstLine(server);
    await send(url, small, {});
    const seconds = await send(url, file, {});
    return { seconds, rss: peakRss(server.pid ?? 0), program: programPages(server.pid ?? 0) };
  } finally {
    await stopProcess(server);
  }
}

/** Until the receipt: what is read of the file afterwards is the job P1. */
async function engineUpload(folder: string, file: string, small: string): Promise<Upload> {
  const run = mkdtempSync(join(folder, 'run-'));
  const config = join(run, 'config');
  cpSync(PRODUCTION, config, { recursive: true });
  const added = execFileSync(process.execPath, [MAIN, 'partner', 'add', 'bench', config, '--json'], {
    env: { ...process.env, REGISTRY_PASSWORD: 'bench' },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const { key } = JSON.parse(added.toString()) as { key: string };
  const engine = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', MAIN, 'run', config, '--data', join(run, 'data')],
    {
      env: { ...process.env, REGISTRY_PASSWORD: 'bench' },
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  try {
    const address = await listening(engine.stderr);
    engine.stderr.resume();
    const authorization = `Bearer ${key}`;
    await send(`${address}/uploads`, small, { authorization });
    const seconds = await send(`${address}/uploads`, file, { authorization });
    return { seconds, rss: peakRss(engine.pid ?? 0), program: programPages(engine.pid ?? 0) };
  } finally {
    await stopProcess(engine);
    rmSync(run, { recursive: true, force: true });
  }
}

/** The listener's address, from the log. */
async function listening(output: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface({ input: output })) {
    if (!line.startsWith('{')) throw new Error(`the engine did not start: ${line}`);
    const said = JSON.parse(line) as { host?: string; port?: number };
    if (said.port !== undefined && said.host !== undefined) return `http://${said.host}:${said.port}`;
  }
  throw new Error('the engine ended before it listened');
}

/** Sends the file as the one part of a form. @returns seconds until the answer. */
async function send(url: string, file: string, headers: Readonly<Record<string, string>>): Promise<number> {
  const length = BEFORE.length + statSync(file).size + AFTER.length;
  const began = performance.now();
  const request = httpRequest(url, {
    method: 'POST',
    headers: { ...headers, 'content-type': `multipart/form-data; boundary=${BOUNDARY}`, 'content-length': length },
  });
  const answered = once(request, 'response') as Promise<[IncomingMessage]>;
  await pipeline(form(file), request);
  const [response] = await answered;
  response.resume();
  await once(response, 'end');
  if (response.statusCode !== 202) throw new Error(`the upload was answered ${response.statusCode}`);
  return (performance.now() - began) / 1000;
}

async function* form(file: string): AsyncGenerator<string | Buffer> {
  yield BEFORE;
  yield* createReadStream(file, { highWaterMark: 256 * 1024 }) as AsyncIterable<Buffer>;
  yield AFTER;
}
