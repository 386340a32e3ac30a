import type { AlertSource } from '../alerts/gather.ts';
import type { Alerts } from '../alerts/index.ts';
import type { Destination, Production } from '../engine/contracts/production.ts';
import type { Logger } from '../engine/contracts/runtime.ts';

/** What the alerts of a running engine are made of. */
export interface AlertingOptions {
  readonly production: Production;
  readonly dataFolder: string;
  readonly source: AlertSource;
  readonly instance: () => string;
  readonly logger: Logger;
  readonly freshDestination: (name: string) => Promise<Destination>;
}

/** The alerts of a production; imported only where it has some. They hear events from now on, and look once started. */
export async function alertsOf(options: AlertingOptions): Promise<Alerts | undefined> {
  const { alerts: settings } = options.production;
  if (!settings) return undefined;
  const { openAlerts } = await import('../alerts/index.ts');
  return openAlerts({ ...options, settings, clock: { now: Date.now } });
}
