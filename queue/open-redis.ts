/** Which Redis a production uses: the private one of its data folder, or the one that REDIS_URL names. */
import type { Logger } from '../engine/contracts/runtime.ts';
import { WaybillError } from '../engine/errors.ts';
import { QUEUE_ERRORS, type QueueErrorCode } from './errors.ts';
import { askRedis, type RedisAddress } from './redis-ask.ts';
import { type PrivateRedis, startRedisServer } from './redis-server.ts';

const ANSWER_WITHIN_MS = 5_000;

/** Something that people should know about a Redis of their own; nothing is lost by it. */
export interface RedisWarning {
  readonly code: QueueErrorCode;
  /** A sentence with the cure; never the password. */
  readonly message: string;
}

export interface OpenedRedis {
  /** For `openHandover`. */
  readonly connection: RedisAddress;
  readonly warnings: readonly RedisWarning[];
  /** The private server, where there is one. */
  readonly private?: PrivateRedis;
  /** Ends the private server; leaves a Redis of the user's alone. */
  close(): Promise<void>;
}

export interface OpenRedisOptions {
  readonly dataFolder: string;
  readonly logger: Logger;
  /** `REDIS_URL`; absent or empty: the private server. */
  readonly url?: string | undefined;
}

/**
 * Starts or takes over the private redis-server, or looks at the one the user names. One that does not answer is a
 * warning only: the hand-over connects when it is there.
 * @throws WaybillError REDIS_URL_INVALID, and what `startRedisServer` throws
 */
export async function openRedis(options: OpenRedisOptions): Promise<OpenedRedis> {
  if (options.url === undefined || options.url === '') {
    const server = await startRedisServer(options);
    return { connection: { path: server.socket }, warnings: [], private: server, close: () => server.stop() };
  }
  const connection = parseRedisUrl(options.url);
  const warnings = [...warnAboutRoute(connection), ...(await warnAboutSettings(connection))];
  return { connection, warnings, close: async () => {} };
}

/**
 * Reads `redis://user:password@host:port/db`, `rediss://...` (TLS) or `unix:///path?db=1`.
 * @throws WaybillError REDIS_URL_INVALID; the message never holds the text, which may hold a password
 */
export function parseRedisUrl(text: string): RedisAddress {
  const url = URL.parse(text);
  if (!url || !['redis:', 'rediss:', 'unix:'].includes(url.protocol)) throw invalidUrl('is no address of a Redis');
  const who = {
    ...(url.username === '' ? {} : { username: decodeURIComponent(url.username) }),
    ...(url.password === '' ? {} : { password: decodeURIComponent(url.password) }),
    ...database(url),
  };
  if (url.protocol === 'unix:') return { path: decodeURIComponent(url.pathname), ...who };
  if (url.hostname === '') throw invalidUrl('names no host');
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const tls = url.protocol === 'rediss:' ? { tls: { servername: host } } : {};
  return { host, port: url.port === '' ? 6379 : Number(url.port), ...who, ...tls };
}

function database(url: URL): { db?: number } {
  const text = url.protocol === 'unix:' ? (url.searchParams.get('db') ?? '') : url.pathname.replace(/^\//, '');
  if (text === '') return {};
  if (!/^\d{1,5}$/.test(text)) throw invalidUrl('names a database that is no number');
  return { db: Number(text) };
}

function invalidUrl(what: string): WaybillError {
  return new WaybillError(
    'REDIS_URL_INVALID',
    `REDIS_URL ${what}. ${QUEUE_ERRORS.REDIS_URL_INVALID.cure} (A user or password with special characters must be percent-encoded.)`,
  );
}

function warnAboutRoute(connection: RedisAddress): RedisWarning[] {
  if ('path' in connection || isLoopback(connection.host)) return [];
  const warnings: RedisWarning[] = [];
  if (!connection.tls) warnings.push(warning('REDIS_WITHOUT_TLS'));
  if (connection.password === undefined) warnings.push(warning('REDIS_WITHOUT_PASSWORD'));
  return warnings;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

async function warnAboutSettings(connection: RedisAddress): Promise<RedisWarning[]> {
  const answer = await askRedis(
    connection,
    [
      ['CONFIG', 'GET', 'maxmemory-policy'],
      ['CONFIG', 'GET', 'appendonly'],
      ['INFO', 'memory'],
      ['INFO', 'persistence'],
    ],
    ANSWER_WITHIN_MS,
  );
  if (answer.kind !== 'answered') {
    const reason = answer.kind === 'absent' ? answer.reason : 'no answer within 5 s';
    return [warning('REDIS_UNREACHABLE', reason)];
  }
  const [policyReply, appendReply, memory, persistence] = answer.replies;
  // Managed servers refuse CONFIG; INFO says the same where it is allowed.
  const policy = setting(policyReply) ?? field(memory, 'maxmemory_policy');
  const append = setting(appendReply) ?? field(persistence, 'aof_enabled');
  const warnings: RedisWarning[] = [];
  if (policy === undefined || append === undefined) warnings.push(warning('REDIS_NOT_CHECKED'));
  if (policy !== undefined && policy !== 'noeviction') warnings.push(warning('REDIS_EVICTS', policy));
  if (append !== undefined && append !== 'yes' && append !== '1') warnings.push(warning('REDIS_NOT_PERSISTENT'));
  return warnings;
}

function setting(reply: unknown): string | undefined {
  return Array.isArray(reply) && typeof reply[1] === 'string' ? reply[1] : undefined;
}

function field(info: unknown, name: string): string | undefined {
  return typeof info === 'string' ? new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] : undefined;
}

function warning(code: QueueErrorCode, detail?: string): RedisWarning {
  const { means, cure } = QUEUE_ERRORS[code];
  return { code, message: `${means}${detail === undefined ? '' : ` (${detail})`} ${cure}` };
}
