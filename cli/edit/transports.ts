import { loadAdapters, type Registry } from '../../engine/registry.ts';
import type { Transports } from '../../engine/route-program.ts';
import type { Invocation } from '../command.ts';
import { askEngine } from '../control.ts';
import { adapterFolders, productionFolder } from '../folders.ts';
import { loadOrThrow } from '../host.ts';

/**
 * What each destination's transport can carry: of the running engine, or of the production's folder where none runs.
 * @throws WaybillError `CONFIGURATION` where no engine runs and the production has problems.
 */
export async function transportsOf(
  dataFolder: string,
  folder: string | undefined,
  registry: Registry,
): Promise<Transports> {
  const running = await runningTransports(dataFolder);
  if (running) return running;
  const production = await loadOrThrow(productionFolder(folder), registry);
  const transports: Record<string, Transports[string]> = {};
  for (const [name, destination] of Object.entries(production.destinations)) {
    const definition = await registry.get('operation', destination.type);
    const { carries } = definition.describe(destination.config, production.resources);
    transports[name] = { ...carries, order: destination.order };
  }
  return transports;
}

/** The same of the running engine; `undefined` where none runs. */
export async function runningTransports(dataFolder: string): Promise<Transports | undefined> {
  const reached = await askEngine(dataFolder, { method: 'GET', path: '/control/transports' });
  return reached.kind === 'answered' ? (reached.body as Transports) : undefined;
}

/** The adapters of a command line. */
export function registryOf(invocation: Invocation): Promise<Registry> {
  return loadAdapters(adapterFolders(invocation));
}
