/** A TLS server of openssl that ends the handshake with whoever has no certificate. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { freePort } from '../../scripts/start/free-port.ts';
import { Certificates } from './certificates.ts';
import { takesConnections } from './peers.ts';
import { cleanUp, temporaryFolder } from './redis.ts';

export interface AskingServer {
  readonly port: number;
  /** PEM of the CA of its certificate. */
  readonly ca: string;
}

/** Starts it on a port of 127.0.0.1; it ends with the test. */
export async function askingServer(t: TestContext): Promise<AskingServer> {
  const folder = await temporaryFolder(t, 'waybill-asking-');
  const made = new Certificates(folder);
  made.authority('ca');
  made.issue('server', 'ca', 'subjectAltName=IP:127.0.0.1');
  const port = await freePort();
  const own = ['-cert', 'server.pem', '-key', 'server.key'];
  const asks = ['-CAfile', 'ca.pem', '-Verify', '1', '-verify_return_error'];
  const server = spawn('openssl', ['s_server', '-accept', String(port), ...own, ...asks, '-quiet'], {
    cwd: folder,
    stdio: 'ignore',
  });
  cleanUp(t, async () => {
    const ended = once(server, 'exit');
    server.kill('SIGKILL');
    await ended;
  });
  while (!(await takesConnections(port))) assert.equal(server.exitCode, null);
  return { port, ca: made.pem('ca.pem') };
}
