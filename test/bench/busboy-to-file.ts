/** The same upload without an engine: busboy to a file that is flushed, then the answer. Prints its address. */
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import busboy from 'busboy';

const folder = mkdtempSync(join(tmpdir(), 'waybill-bench-'));
let uploads = 0;

async function receive(request: IncomingMessage): Promise<void> {
  const form = busboy({ headers: request.headers });
  const parts: Promise<void>[] = [];
  form.on('file', (_name, stream) => {
    uploads += 1;
    const path = join(folder, String(uploads));
    parts.push(pipeline(stream, createWriteStream(path)).then(() => flush(path)));
  });
  await pipeline(request, form);
  await Promise.all(parts);
}

async function flush(path: string): Promise<void> {
  const file = await open(path, 'r+');
  await file.datasync();
  await file.close();
  rmSync(path);
}

const server = createServer((request, response) => {
  receive(request).then(
    () => response.writeHead(202).end(),
    () => response.writeHead(500).end(),
  );
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  console.log(`http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/uploads`);
});
process.once('SIGTERM', () => {
  rmSync(folder, { recursive: true, force: true });
  process.exit(0);
});
