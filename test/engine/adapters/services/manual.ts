/** A service for tests: takes in what a test hands to its context, under one rule. */
import { defineService, type FormatReference, type ServiceContext } from '../../../../engine/contracts/service.ts';
import { Keys, Type } from '../../../../engine/schema.ts';
import { policy } from '../../support.ts';

interface Config {
  readonly format: FormatReference;
  readonly route: string;
  /** Starting it fails. */
  readonly broken?: boolean;
}

interface Started {
  readonly context: ServiceContext<unknown>;
  /** Submissions that were told of, in turn. */
  readonly told: string[];
  stopped: boolean;
}

/** What was started, by the production's folder and the service's name. */
export const started = new Map<string, Started>();

const ruleOf = ({ format, route }: Config) => ({ format, route });

export default defineService<Config>({
  name: 'manual',
  summary: 'For tests',
  description: 'For tests.',
  schema: Keys({
    format: Type.Object({ type: Type.String() }, { additionalProperties: true }),
    route: Type.String(),
    broken: Type.Optional(Type.Boolean()),
  }),
  examples: [],
  errors: {},
  rules: (config) => [{ rule: ruleOf(config), path: [] }],
  match: (config) => ({ rule: ruleOf(config), duplicates: policy('report') }),
  async start(context) {
    if (context.config.broken === true) throw new Error('this service cannot start');
    const entry: Started = { context, told: [], stopped: false };
    started.set(`${context.folder}/${context.name}`, entry);
    context.onChange((id) => entry.told.push(id));
    return {
      async stop() {
        entry.stopped = true;
      },
    };
  },
});
