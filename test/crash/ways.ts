import type { Way } from './production.ts';

/** The ways of sending that the crash matrix goes through. */
export const WAYS: readonly Way[] = [
  { policy: 'hold' },
  { policy: 'resend' },
  { policy: 'hold', order: 'key' },
  { policy: 'hold', order: 'none' },
  { policy: 'resend', operation: 'mongodb' },
];

export function titleOf({ policy, operation = 'soap', order = 'strict' }: Way): string {
  return `${operation}, order ${order}, in doubt: ${policy}`;
}
