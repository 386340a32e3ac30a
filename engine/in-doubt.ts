import type { Store } from './contracts/store.ts';

/**
 * What a destination's policy decides about a batch in doubt. `resend` puts its messages back among those that are sent;
 * `hold` leaves it to a person. The decision is an event in the trace.
 * @returns true where it was decided.
 */
export async function decideInDoubt(
  store: Pick<Store, 'resolve'>,
  policy: 'hold' | 'resend',
  batch: number,
  at: number,
): Promise<boolean> {
  if (policy === 'hold') return false;
  await store.resolve({
    batch,
    to: 'queued',
    reason: 'the destination says that repeating is harmless (inDoubt: resend)',
    who: 'policy',
    at,
  });
  return true;
}
