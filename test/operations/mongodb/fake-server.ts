/** A server that speaks just enough of the wire protocol to answer what a test wants: errors that no real one makes on demand. */
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { BSON, type Document } from 'mongodb';
import { cleanUp } from '../../support/redis.ts';

const OP_REPLY = 1;
const OP_QUERY = 2004;
const OP_MSG = 2013;

const HELLO: Document = {
  ok: 1,
  helloOk: true,
  ismaster: true,
  isWritablePrimary: true,
  maxBsonObjectSize: 16_777_216,
  maxMessageSizeBytes: 48_000_000,
  maxWriteBatchSize: 100_000,
  minWireVersion: 0,
  maxWireVersion: 21,
  readOnly: false,
};

/** The command of a message, whose list may stand in a section of its own. */
function commandOf(message: Buffer): Document {
  if (message.readInt32LE(12) === OP_QUERY) {
    const name = message.indexOf(0, 20);
    return BSON.deserialize(message.subarray(name + 9));
  }
  return BSON.deserialize(message.subarray(21, 21 + message.readInt32LE(21)));
}

function reply(message: Buffer, document: Document): Buffer {
  const body = BSON.serialize(document);
  const legacy = message.readInt32LE(12) === OP_QUERY;
  const head = Buffer.alloc(legacy ? 36 : 21);
  head.writeInt32LE(head.length + body.length, 0);
  head.writeInt32LE(message.readInt32LE(4), 8);
  head.writeInt32LE(legacy ? OP_REPLY : OP_MSG, 12);
  if (legacy) head.writeInt32LE(1, 32);
  return Buffer.concat([head, body]);
}

/** Answers hello and ping by itself, and anything else by `answer`; `undefined` closes the connection, `silence` says nothing. */
export async function fakeServer(
  t: TestContext,
  answer: (command: Document) => Document | 'silence' | undefined,
  hello: Document = {},
): Promise<string> {
  const sockets = new Set<Socket>();
  const respond = (socket: Socket, message: Buffer): void => {
    const command = commandOf(message);
    if ('hello' in command || 'ismaster' in command || 'isMaster' in command) {
      socket.write(reply(message, { ...HELLO, ...hello }));
      return;
    }
    const document = 'ping' in command || 'endSessions' in command ? { ok: 1 } : answer(command);
    if (document === undefined) socket.destroy();
    else if (document !== 'silence') socket.write(reply(message, document));
  };
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    let kept = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      kept = Buffer.concat([kept, chunk]);
      while (kept.length >= 4 && kept.length >= kept.readInt32LE(0)) {
        const message = kept.subarray(0, kept.readInt32LE(0));
        kept = kept.subarray(message.length);
        respond(socket, message);
      }
    });
  });
  return `mongodb://127.0.0.1:${await listening(t, server, sockets)}/`;
}

/** Has a server listen until the end of the test, when these sockets end with it; gives its port. */
export async function listening(t: TestContext, server: Server, sockets: ReadonlySet<Socket>): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUp(t, () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
