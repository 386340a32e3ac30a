import { defineErrors } from '../engine/errors.ts';

/** Codes of the hand-over on Redis. */
export const QUEUE_ERRORS = defineErrors({
  REDIS_SERVER_MISSING: {
    means: 'No redis-server program was found on the PATH, and no REDIS_URL was given.',
    cure: 'Install it (Debian and Ubuntu: `apt-get install redis-server`), or set REDIS_URL to a Redis of yours.',
  },
  REDIS_START_FAILED: {
    means: 'The private redis-server ended, or did not answer, while it was being started.',
    cure: 'Read the last lines of `redis/redis.log` in the data folder; mend what they name (disk space, permissions, a damaged append-only file).',
  },
  REDIS_NOT_ANSWERING: {
    means: 'A redis-server that an earlier run left behind holds the data folder and does not answer.',
    cure: 'Continue or end the process that the message names, then start again.',
  },
  REDIS_NOT_OURS: {
    means: 'Another Redis answers on the socket of this data folder.',
    cure: 'End that process, or give this engine a data folder of its own.',
  },
  REDIS_URL_INVALID: {
    means: 'REDIS_URL is not an address of a Redis.',
    cure: 'Write `redis://HOST:PORT/DB`, `rediss://...` for TLS, or `unix:///path/to/socket`.',
  },
  REDIS_UNREACHABLE: {
    means:
      'The Redis that REDIS_URL names does not answer now; work goes on inside this process and hand-overs begin when it is back.',
    cure: 'Check its address, its password and whether it runs.',
  },
  REDIS_EVICTS: {
    means:
      'The Redis may throw entries away when its memory is full, because its `maxmemory-policy` is not `noeviction`.',
    cure: 'Set `maxmemory-policy noeviction` in its configuration.',
  },
  REDIS_NOT_PERSISTENT: {
    means: 'The Redis has no append-only file, so a restart forgets every hand-over; the engine makes them again.',
    cure: 'Set `appendonly yes` in its configuration.',
  },
  REDIS_NOT_CHECKED: {
    means: 'The Redis does not tell how it is configured.',
    cure: 'Ask whoever runs it for `maxmemory-policy noeviction` and an append-only file.',
  },
  REDIS_WITHOUT_TLS: {
    means: 'The Redis is on another machine and the connection to it is not encrypted.',
    cure: 'Use `rediss://`.',
  },
  REDIS_WITHOUT_PASSWORD: {
    means: 'The Redis is on another machine and REDIS_URL holds no password.',
    cure: 'Give it a user and a password.',
  },
});

export type QueueErrorCode = keyof typeof QUEUE_ERRORS;
