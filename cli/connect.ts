import type { CheckResult, Operation } from '../engine/contracts/operation.ts';
import type { Production } from '../engine/contracts/production.ts';
import { codeOf, messageOf } from '../engine/errors.ts';
import type { Registry } from '../engine/registry.ts';
import { openRedis, type RedisWarning } from '../queue/open-redis.ts';

/** Longest time for all checks of one destination, milliseconds. */
const CHECK_WITHIN = 60_000;
const SILENT = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** Every destination of a production with what its `check` found: host, certificate, contract, credentials, each by itself. */
export async function checkDestinations(
  production: Production,
  registry: Registry,
): Promise<Readonly<Record<string, readonly CheckResult[]>>> {
  const names = Object.keys(production.destinations);
  const results = await Promise.all(names.map((name) => checkDestination(production, registry, name)));
  return Object.fromEntries(names.map((name, at) => [name, results[at] ?? []]));
}

async function checkDestination(
  production: Production,
  registry: Registry,
  name: string,
): Promise<readonly CheckResult[]> {
  const destination = production.destinations[name];
  let operation: Operation | undefined;
  try {
    const definition = await registry.get('operation', destination?.type ?? '');
    operation = await definition.open(destination?.config, {
      name,
      folder: production.folder,
      logger: SILENT,
      resources: production.resources,
    });
    return await operation.check(AbortSignal.timeout(CHECK_WITHIN));
  } catch (error) {
    return [{ what: 'settings', ok: false, detail: messageOf(error), code: codeOf(error) }];
  } finally {
    await operation?.close();
  }
}

/** What people should know about the Redis that REDIS_URL names; nothing where the private one is used. */
export async function redisWarnings(dataFolder: string): Promise<readonly RedisWarning[]> {
  const url = process.env.REDIS_URL;
  if (url === undefined || url === '') return [];
  const redis = await openRedis({ dataFolder, logger: SILENT, url });
  await redis.close();
  return redis.warnings;
}
