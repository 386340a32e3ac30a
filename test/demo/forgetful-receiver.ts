/** A receiver whose books are wrong: it takes every message, and leaves the first one out of its log. */
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';
import { resolveDialect } from '../../operations/soap/dialect.ts';
import { startTwin } from '../../operations/soap/twin/index.ts';

const { values } = parseArgs({ options: { log: { type: 'string' } } });
const log = values.log ?? '';
const whole = `${log}.whole`;
const dialect = resolveDialect('cdc-iis-2011', { timeZone: 'UTC', values: {}, tables: {}, files: {} });
const twin = await startTwin({ dialect, log: whole });

const server = createServer(async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const type = request.headers['content-type'] ?? '';
  const body =
    request.method === 'POST' ? { method: 'POST', headers: { 'content-type': type }, body: Buffer.concat(chunks) } : {};
  const answer = await fetch(new URL(request.url ?? '/', twin.url), body);
  writeFileSync(log, readFileSync(whole, 'utf8').replace(/^.*\n/, ''));
  response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? 'text/plain' });
  response.end(Buffer.from(await answer.arrayBuffer()));
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address !== null && typeof address !== 'string') console.log(`http://127.0.0.1:${address.port}/soap`);
});
process.once('SIGTERM', () => {
  server.close();
  server.closeAllConnections();
  void twin.close();
});
