import type { Format } from './contracts/format.ts';
import type { Production, Snapshot } from './contracts/production.ts';
import type { Registry } from './registry.ts';
import { openFormat } from './route-program.ts';

/** Names of the formats by which the inputs of a production are read: rules of services, and answers that go to routes. */
export async function formatsInUse(production: Production, registry: Registry): Promise<readonly string[]> {
  const names = new Set<string>();
  for (const { type, config } of Object.values(production.services)) {
    const definition = await registry.get('service', type);
    for (const { rule } of definition.rules(config)) names.add(rule.format.type);
  }
  for (const { answersTo } of Object.values(production.destinations)) if (answersTo) names.add(answersTo.format.type);
  return [...names];
}

/** What reads the acknowledgements of an operation where the batch has no format; `undefined` where there are none. */
export async function answerFormat(registry: Registry, type: string, content: Snapshot): Promise<Format | undefined> {
  const { answerFormat: name } = await registry.get('operation', type);
  return name === undefined ? undefined : openFormat(registry, content, { type: name });
}
