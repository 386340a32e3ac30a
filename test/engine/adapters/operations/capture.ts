/** An operation for tests: every call is kept, and answered as the test says. */
import { CAREFUL, defineOperation, type MessageOutcome } from '../../../../engine/contracts/operation.ts';
import { Keys } from '../../../../engine/schema.ts';
import { type FakeOperation, fakeOperation } from '../../support.ts';

/** By the production's folder and the destination's name. */
export const opened = new Map<string, FakeOperation>();

const FACTS = {
  carries: { charset: 'utf-8', characters: 'xml10' },
  repeatable: true,
  answers: CAREFUL,
  probes: false,
} as const;

export default defineOperation<Record<string, never>>({
  name: 'capture',
  summary: 'For tests',
  description: 'For tests.',
  schema: Keys({}),
  examples: [],
  errors: {},
  describe: () => FACTS,
  async open(_config, { folder, name }) {
    const key = `${folder}/${name}`;
    const operation = opened.get(key) ?? fakeOperation();
    operation.respond ??= (messages) => ({
      kind: 'outcomes',
      outcomes: messages.map((_, index): MessageOutcome => ({ index, outcome: 'delivered', code: 'OK', words: '' })),
      raw: Buffer.from('ok'),
    });
    opened.set(key, operation);
    return operation;
  },
});
