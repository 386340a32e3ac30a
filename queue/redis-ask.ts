/** Asks a Redis a few things over a connection of its own, with a time limit; never throws, never retries. */
import { Redis } from 'ioredis';
import { messageOf } from '../engine/errors.ts';

/** Where a Redis is and who we are to it. */
export type RedisAddress =
  /** A unix socket. */
  | { readonly path: string; readonly username?: string; readonly password?: string; readonly db?: number }
  | {
      readonly host: string;
      readonly port: number;
      readonly username?: string;
      readonly password?: string;
      readonly db?: number;
      /** Present: TLS, with the name to check the certificate against. */
      readonly tls?: { readonly servername: string };
    };

export type RedisAnswer =
  /** One reply for each command; an error of a command stands as `Error` in its place. */
  | { readonly kind: 'answered'; readonly replies: readonly unknown[] }
  /** Nobody listens there, or it refused us. */
  | { readonly kind: 'absent'; readonly reason: string }
  /** Something took the connection and said nothing in time. */
  | { readonly kind: 'silent' };

export type RedisCommand = readonly [string, ...string[]];

/**
 * Sends commands one after the other.
 * @param withinMs for everything together, in milliseconds
 */
export async function askRedis(
  address: RedisAddress,
  commands: readonly RedisCommand[],
  withinMs: number,
): Promise<RedisAnswer> {
  const client = new Redis({
    ...address,
    lazyConnect: true,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    enableReadyCheck: false,
  });
  let lastError: unknown;
  // Without a listener ioredis prints; the reason is told in the answer.
  client.on('error', (error: unknown) => {
    lastError = error;
  });
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<RedisAnswer>((resolve) => {
    timer = setTimeout(() => resolve({ kind: 'silent' }), withinMs);
  });
  try {
    return await Promise.race([silence, ask(client, commands)]);
  } catch (error) {
    return { kind: 'absent', reason: messageOf(lastError ?? error) };
  } finally {
    clearTimeout(timer);
    client.disconnect();
  }
}

async function ask(client: Redis, commands: readonly RedisCommand[]): Promise<RedisAnswer> {
  await client.connect();
  const replies: unknown[] = [];
  for (const [name, ...args] of commands) {
    replies.push(await client.call(name, ...args).catch((error: unknown) => error));
  }
  return { kind: 'answered', replies };
}
