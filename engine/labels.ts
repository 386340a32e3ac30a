import { channel } from 'node:diagnostics_channel';

/**
 * Steps of the way of a message, by name, for tests that pull the plug at exactly one of them. Costs nothing while
 * nobody listens.
 */
const labels = channel('waybill:label');

/** Says that this step has just been reached: `accept.renamed`, `file.claimed`, ... */
export function label(name: string): void {
  if (labels.hasSubscribers) labels.publish(name);
}
