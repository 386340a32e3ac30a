import type { Production } from '../engine/contracts/production.ts';
import type { DuplicatePolicy, Rule } from '../engine/contracts/service.ts';
import { WaybillError } from '../engine/errors.ts';
import type { Registry } from '../engine/registry.ts';

/** The rule by which a service would take a file of this name. @throws WaybillError `SERVICE_UNKNOWN`, `NO_RULE`. */
export async function ruleFor(
  production: Production,
  registry: Registry,
  service: string,
  name: string,
): Promise<{ rule: Rule; duplicates: DuplicatePolicy }> {
  const configured = production.services[service];
  if (!configured) {
    throw new WaybillError(
      'SERVICE_UNKNOWN',
      `The production has no service ${service}; it has ${Object.keys(production.services).join(', ') || 'none'}.`,
    );
  }
  const definition = await registry.get('service', configured.type);
  const match = definition.match(configured.config, name);
  if (match) return match;
  throw new WaybillError(
    'NO_RULE',
    `The service ${service} has no rule for a file of this name: name the file so that a glob of its \`files\` matches.`,
  );
}
