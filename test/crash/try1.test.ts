import test from 'node:test';
import { LABELS, runChain } from './matrix.ts';
const only = process.env.ONLY;
for (const policy of ['hold','resend'] as const)
test('all '+policy, async (t) => {
  const started = performance.now();
  const pulls = LABELS.filter(({label}) => !only || label.includes(only)).map(({label, most, fault='kill'}) => ({label, fault, nth: Math.min(most, 2)}));
  console.log(await runChain(t, { policy, pulls }), performance.now() - started);
});
