import { once } from 'node:events';
import { createServer } from 'node:net';
import { StartError } from './errors.ts';

/** A TCP port of the loopback interface that was free a moment ago. @throws StartError where there is none */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new StartError('No TCP port is free.');
  return address.port;
}
