/** What tests of keeping and purging do to a ledger. */
import type { RetentionRow } from '../../engine/contracts/keeping.ts';
import type { Database } from '../../store/sqlite/database.ts';

export const DAY = 86_400_000;

/** Bodies and ledger rows in days, for every state and for none. */
export function keepDays(bodies: number | undefined, ledger: number | undefined, route = ''): RetentionRow[] {
  const ms = (days: number | undefined) => (days === undefined ? undefined : days * DAY);
  const states = [
    undefined,
    'delivered',
    'rejected',
    'failed',
    'invalid',
    'filtered',
    'cancelled',
    'replaced',
  ] as const;
  return states.map((state) => ({ route, state, bodies: ms(bodies), ledger: ms(ledger) }));
}

/** As if it had settled so many days ago. */
export function age(db: Database, submission: number, days: number): void {
  db.run('UPDATE submissions SET settled_at = unixepoch() * 1000 - ? WHERE number = ?', days * DAY, submission);
  db.run('UPDATE body_blocks SET routed_at = unixepoch() * 1000 - ? WHERE submission = ?', days * DAY, submission);
}
