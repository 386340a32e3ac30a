/** A format for tests whose scan ends the thread, as a fault in native code would. */
import { defineFormat } from '../../../../engine/contracts/format.ts';
import { Keys } from '../../../../engine/schema.ts';

export default defineFormat<Record<string, never>>({
  name: 'fatal',
  summary: 'For tests',
  description: 'For tests.',
  schema: Keys({}),
  examples: [],
  errors: {},
  open: () => ({ scan: async () => process.exit(3) }),
});
