/** A receiver whose mood a test changes: two twins behind one door, of which one refuses what the other one takes. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { resolveDialect } from '../../operations/soap/dialect.ts';
import { type Scenario, startTwin } from '../../operations/soap/twin/index.ts';
import { readTwinLog, type TakenMessage } from '../support/crash.ts';
import { RECEIVER_CREDENTIALS } from '../support/receiver.ts';
import { cleanUp } from '../support/redis.ts';

/**
 * `takes`: everything. `refuses`: answers AE to each message whose control id ends in 7. `cuts`: the connection ends
 * without an answer, and nothing was taken. `cutsAfter`: the same, and everything was taken.
 */
export type Mood = 'takes' | 'refuses' | 'cuts' | 'cutsAfter';

export interface MoodyReceiver {
  readonly url: string;
  mood: Mood;
  /** What it took, whatever it said. */
  taken(): readonly TakenMessage[];
}

const STERN: Scenario = {
  scenario: 'stern',
  seed: 1,
  timeZone: 'UTC',
  rules: [{ do: [{ sin: 'code', code: 'AE', controlId: '*7' }] }],
};

/** Starts it on a free port of the loopback interface; closed after the test. */
export async function startMoody(t: TestContext, folder: string, name: string): Promise<MoodyReceiver> {
  const dialect = resolveDialect('cdc-iis-2011', { timeZone: 'UTC', values: {}, tables: {}, files: {} });
  const logs = [join(folder, `${name}-mild.log`), join(folder, `${name}-stern.log`)];
  const [mildLog = '', sternLog = ''] = logs;
  const common = { dialect, credentials: RECEIVER_CREDENTIALS, logMessages: true };
  const mild = await startTwin({ ...common, log: mildLog });
  const stern = await startTwin({ ...common, log: sternLog, scenario: STERN });
  const server = createServer((request, response) => {
    handle(request, response).catch(() => response.destroy());
  });
  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { mood } = receiver;
    if (mood === 'cuts') return void response.destroy();
    const twin = mood === 'refuses' ? stern : mild;
    const body = Buffer.concat(chunks);
    const headers = { 'content-type': request.headers['content-type'] ?? 'text/plain' };
    const method = request.method ?? 'POST';
    const answer = await fetch(new URL(request.url ?? '/', twin.url), {
      method,
      headers,
      ...(method === 'POST' ? { body } : {}),
    });
    const bytes = Buffer.from(await answer.arrayBuffer());
    if (mood === 'cutsAfter') return void response.destroy();
    response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? 'text/plain' });
    response.end(bytes);
  }
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the door listens on no port');
  const receiver: MoodyReceiver = {
    url: `http://127.0.0.1:${address.port}/soap`,
    mood: 'takes',
    taken: () => logs.flatMap(readTwinLog),
  };
  cleanUp(t, async () => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
    await mild.close();
    await stern.close();
  });
  return receiver;
}
