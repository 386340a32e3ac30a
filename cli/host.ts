import { mkdirSync } from 'node:fs';
import { basename } from 'node:path';
import { Acting } from '../engine/acting.ts';
import { BodyFolder } from '../engine/bodies.ts';
import { loadProduction, reloadDestination } from '../engine/config/load.ts';
import { formatProblem } from '../engine/config/problems.ts';
import type { Production } from '../engine/contracts/production.ts';
import type { Logger } from '../engine/contracts/runtime.ts';
import { Engine } from '../engine/engine.ts';
import { messageOf, WaybillError } from '../engine/errors.ts';
import { emit } from '../engine/events.ts';
import { Keeping } from '../engine/keeping.ts';
import type { Registry } from '../engine/registry.ts';
import { bodiesFolder } from '../engine/services.ts';
import { socketPath } from '../engine/socket-path.ts';
import type { ActingSource } from '../portal/acting/routes.ts';
import type { ReceiptSource } from '../portal/receipts.ts';
import { openHandover } from '../queue/handover.ts';
import { openRedis } from '../queue/open-redis.ts';
import { takeLock } from '../store/lock.ts';
import { openStore } from '../store/sqlite/client.ts';
import { alertsOf } from './alerting.ts';
import { ledgerPath } from './folders.ts';
import { ruleFor } from './rule.ts';

export interface HostOptions {
  readonly production: Production;
  readonly registry: Registry;
  readonly adapters: readonly string[];
  readonly dataFolder: string;
  readonly logger: (name: string) => Logger;
  readonly orphans: 'refuse' | 'hold';
  /** The ledger's thread died: nothing can be promised any more. */
  readonly onDeath: (error: Error) => void;
}

export interface Host {
  readonly engine: Engine;
  stop(): Promise<void>;
}

/**
 * Everything of a running engine, put together: lock, ledger, Redis, engine, portal. Ends what it began where a later part
 * cannot start. @throws WaybillError where something keeps it from starting.
 */
export async function startHost(options: HostOptions): Promise<Host> {
  const { dataFolder, production, registry, logger } = options;
  const closers: (() => Promise<void> | void)[] = [];
  const stop = () => closeAll(closers.splice(0).reverse());
  try {
    mkdirSync(dataFolder, { recursive: true, mode: 0o700 });
    const lock = takeLock(dataFolder, 'an engine');
    closers.push(() => lock.release());
    // Neither needs the other, and each waits for a thread or a process to start; what serves HTTP is loaded meanwhile.
    const serving = import('../portal/server.ts');
    const [store, redis] = await together(
      openStore({ path: ledgerPath(dataFolder), onDeath: options.onDeath }),
      openRedis({ dataFolder, logger: logger('redis'), url: process.env.REDIS_URL }),
      closers,
    );
    for (const { code, message } of redis.warnings) logger('redis').warn({ code }, message);
    const listener = await listenerOf(production, registry, {
      receipt: (id) => engine.receipt(id),
      report: (id) => engine.report(id),
      rejected: (id) => engine.rejected(id),
    });
    const alerts = await alertsOf({
      production,
      dataFolder,
      source: {
        ask: (question, request) => store.ask({ question, with: request }),
        storeTrouble: () => engine.storeTrouble,
        redisReady: () => handover.ready(),
      },
      instance: () => engine.facts.instance,
      logger: logger('alerts'),
      freshDestination: (name) => freshDestination(production, registry, name),
    });
    if (alerts) closers.push(() => alerts.close());
    const engine: Engine = new Engine({
      production,
      registry,
      store,
      dataFolder,
      clock: { now: Date.now },
      logger,
      adapters: options.adapters,
      orphans: options.orphans,
      ...(listener ? { listener } : {}),
      freshDestination: (name) => freshDestination(production, registry, name),
    });
    await engine.start();
    let stopping = false;
    closers.push(() => engine.stop());
    const handover = await openHandover({
      connection: redis.connection,
      host: engine.facts.instance,
      logger: logger('queue'),
      onWake: (lane) => engine.wake(lane),
    });
    closers.push(() => handover.close());
    handover.onReady(() => void engine.sweep());
    engine.handOver(handover);
    const acting = new Acting({
      store,
      facts: engine.facts,
      clock: { now: Date.now },
      knows: (destination) => Object.hasOwn(production.destinations, destination),
      changed: () => engine.sweep(),
    });
    closers.push(() => acting.stop());
    const api = await apiOf(production, {
      acting,
      commands: {
        resume: (destination, who, why) => engine.decisions.resume(destination, who, why),
        release: (request) => engine.decisions.release(request),
        cancel: (request) => engine.decisions.cancel(request),
      },
    });
    if (api) {
      closers.push(() => api.close());
      emit('apiOpened', { host: api.host, port: api.port });
    }
    acting.goOn();
    const keeping = new Keeping({
      store,
      bodies: new BodyFolder(bodiesFolder(dataFolder)),
      clock: { now: Date.now },
      keep: production.keep,
      timeZone: production.resources.timeZone,
    });
    closers.push(() => keeping.stop());
    await keeping.start();
    if (listener) {
      // Requests come to their end before the engine closes its doors.
      closers.push(() => listener.close());
      emit('listenerOpened', await listener.open());
    }
    const { openPortal } = await serving;
    const portal = await openPortal({
      socket: socketPath(dataFolder, 'control.sock'),
      monitor: production.monitor,
      acting,
      keeping,
      source: {
        storeWell: () => engine.storeWell,
        storeTrouble: () => engine.storeTrouble,
        redisReady: () => handover.ready(),
        stopping: () => stopping,
        ask: (question, request) => store.ask({ question, with: request }),
      },
      commands: {
        resume: (destination, who, why) => engine.decisions.resume(destination, who, why),
        resolve: (request) => engine.decisions.resolve(request),
        release: (request) => engine.decisions.release(request),
        cancel: (request) => engine.decisions.cancel(request),
        transports: () => engine.transports,
        newVersions: (request) => engine.decisions.newVersions(request),
        submit: async ({ service, name, again, body }) =>
          engine.accept(service, {
            body,
            name: basename(name),
            again,
            ...(await ruleFor(production, registry, service, name)),
          }),
      },
    });
    closers.push(() => portal.close());
    alerts?.start();
    // The engine stops first, and as long as a call in flight takes, health says so.
    closers.push(() => {
      stopping = true;
      void keeping.stop();
      return engine.stop();
    });
    return { engine, stop };
  } catch (error) {
    // Why it could not start is what counts, not what could not be closed after it.
    await Promise.allSettled([stop()]);
    throw error;
  }
}

interface Closable {
  close(): Promise<void> | void;
}

/** Both, closed later in the reverse order; where one fails, the other is among what is to be closed. @throws what failed */
async function together<A extends Closable, B extends Closable>(
  first: Promise<A>,
  second: Promise<B>,
  closers: (() => Promise<void> | void)[],
): Promise<readonly [A, B]> {
  for (const opened of await Promise.allSettled([first, second]))
    if (opened.status === 'fulfilled') closers.push(() => opened.value.close());
  return [await first, await second];
}

/** The listener for partners, where a service takes requests; imported only then. */
async function listenerOf(production: Production, registry: Registry, receipts: ReceiptSource) {
  const { listen: settings, services } = production;
  const types = Object.values(services).map(({ type }) => registry.get('service', type));
  if (!settings || !(await Promise.all(types)).some(({ listens }) => listens)) return undefined;
  const { openListener } = await import('../portal/listener.ts');
  return openListener({ settings, production, receipts, clock: { now: Date.now } });
}

/** The API of operators, where the production serves it over the network; imported only then. */
async function apiOf({ api: settings, name, folder }: Production, source: ActingSource) {
  if (!settings) return undefined;
  const { openApi } = await import('../portal/acting/server.ts');
  return openApi({ ...source, settings, production: { name, folder }, clock: { now: Date.now } });
}

/** Closes one part after the other, also after one that cannot be closed. @throws what the first of those threw. */
async function closeAll(closers: readonly (() => Promise<void> | void)[]): Promise<void> {
  const failed: unknown[] = [];
  for (const close of closers) {
    try {
      await close();
    } catch (error) {
      failed.push(error);
    }
  }
  if (failed.length > 0) throw failed[0];
}

/** Loads a production or throws with every problem in the message. */
export async function loadOrThrow(folder: string, registry: Registry): Promise<Production> {
  const { production, problems } = await loadProduction(folder, registry);
  if (production) return production;
  throw new ConfigurationError(problems.map((problem) => formatProblem(problem)));
}

/** The production has problems; each is one line. */
class ConfigurationError extends WaybillError {
  readonly lines: readonly string[];

  constructor(lines: readonly string[]) {
    super('CONFIGURATION', lines.join('\n'));
    this.lines = lines;
  }
}

async function freshDestination(production: Production, registry: Registry, name: string) {
  const { destination, problems } = await reloadDestination(production, name, registry);
  if (destination) return destination;
  throw new WaybillError(
    'DESTINATION_NOT_OPENED',
    problems.map((problem) => formatProblem(problem)).join('; ') || messageOf('its settings cannot be read'),
  );
}
