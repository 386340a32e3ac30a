import type { ActGoal, ActGroup, ActProgress, NewAct } from '../../engine/contracts/acting.ts';
import { label } from '../../engine/labels.ts';
import { MESSAGE_STATES, type MessageState } from '../../engine/states.ts';
import { StoreError } from '../errors.ts';
import { type Member, membersIn, moveMembers } from './acting-members.ts';
import { readBatch, readParts } from './batches.ts';
import type { Database, Row } from './database.ts';
import { appendEvent, number, text } from './rows.ts';
import { markSettled } from './write-counters.ts';
import { resolve } from './write-decisions.ts';

/** Acts on messages: decided whole, done part by part. Each function is one member of a group. */

/** Submissions whose event is written in one go. */
const TOLD_AT_ONCE = 500;

/** Keeps what was decided: from now on it is done, if need be by the next run. */
export function recordAct(db: Database, act: NewAct): { act: number } {
  const id = db.insert(
    'INSERT INTO acts (verb, goal, event, filter, who, reason, at, count, parts) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
    act.verb,
    act.goal,
    act.event,
    act.filter,
    act.who,
    act.reason,
    act.at,
    act.count,
    act.parts.length,
  );
  act.parts.forEach(({ groups, count }, part) => {
    db.run(
      'INSERT INTO act_parts (act, part, count, groups) VALUES (?, ?, ?, ?)',
      id,
      part,
      count,
      JSON.stringify(groups),
    );
  });
  label('act.beforeCommit');
  return { act: id };
}

/** Does the next part of an act; after the last one, writes its events. Done twice, it is done once. */
export function continueAct(db: Database, request: { act: number; at: number }): ActProgress {
  const act = db.get('SELECT * FROM acts WHERE id = ?', request.act);
  if (!act) throw new StoreError('STORE_STALE', `There is no act ${request.act}.`);
  if (text(act, 'state') === 'done') return { finished: true, changed: 0 };
  const at = request.at;
  if (number(act, 'next_part') >= number(act, 'parts')) return conclude(db, act, at);
  const part = db.get(
    'SELECT groups, count FROM act_parts WHERE act = ? AND part = ?',
    request.act,
    number(act, 'next_part'),
  );
  const groups = JSON.parse(text(part ?? {}, 'groups')) as ActGroup[];
  const changed = new Tally();
  const goal = text(act, 'goal') as ActGoal;
  for (const group of groups.filter(({ whole }) => whole)) {
    if (!resolveWhole(db, act, group, at, changed)) changeMembers(db, [group], goal, at, changed);
  }
  changeMembers(
    db,
    groups.filter(({ whole }) => !whole),
    goal,
    at,
    changed,
  );
  changed.write(db, request.act);
  db.run(
    'UPDATE acts SET next_part = next_part + 1, done = done + ?, skipped = skipped + ? WHERE id = ?',
    changed.total,
    number(part ?? {}, 'count') - changed.total,
    request.act,
  );
  label('act.partBeforeCommit');
  return { finished: false, changed: changed.total };
}

/** How many messages were changed, by submission and destination. */
class Tally {
  total = 0;
  readonly #counts = new Map<string, { submission: number; destination: string; n: number }>();

  add(submission: number, destination: string, n: number): void {
    if (n === 0) return;
    this.total += n;
    const key = `${submission} ${destination}`;
    const known = this.#counts.get(key);
    if (known) known.n += n;
    else this.#counts.set(key, { submission, destination, n });
  }

  write(db: Database, act: number): void {
    for (const { submission, destination, n } of this.#counts.values())
      db.run(
        `INSERT INTO act_submissions (act, submission, destination, done) VALUES (?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET done = done + excluded.done`,
        act,
        submission,
        destination,
        n,
      );
  }
}

/** Decides about a batch as a whole, so that it may be sent again as itself; false where it is no longer whole. */
function resolveWhole(db: Database, act: Row, group: ActGroup, at: number, changed: Tally): boolean {
  const batch = readBatch(db, group.batch ?? 0);
  if (batch.state !== 'inDoubt' || !batch.whole || batch.count !== group.count) return false;
  const to = text(act, 'goal');
  if (to !== 'delivered' && to !== 'rejected' && to !== 'queued' && to !== 'cancelled') return false;
  resolve(db, { batch: batch.id, to, reason: text(act, 'reason'), who: text(act, 'who'), at });
  for (const part of readParts(db, batch.id)) changed.add(part.submission, batch.destination, part.count);
  return true;
}

function changeMembers(db: Database, groups: readonly ActGroup[], goal: ActGoal, at: number, changed: Tally): void {
  const found = groups.map((group) => ({ state: group.state, members: membersIn(db, group, goal) }));
  for (const [state, same] of Map.groupBy(found, (each) => each.state)) {
    refuseTransition(state, goal);
    const members = same.flatMap((each) => each.members);
    moveMembers(db, members, state, goal);
    for (const { submission, destination, n } of bySubmission(members)) changed.add(submission, destination, n);
    markSettled(
      db,
      members.map(({ submission }) => submission),
      at,
    );
  }
}

function refuseTransition(from: MessageState, to: ActGoal): void {
  const next: readonly string[] = MESSAGE_STATES[from].next;
  if (!next.includes(to)) throw new StoreError('STORE_STALE', `Messages that are ${from} cannot become ${to}.`);
}

function bySubmission(members: readonly Member[]) {
  return [...Map.groupBy(members, ({ submission, destination }) => `${submission} ${destination}`).values()].flatMap(
    (same) => (same[0] ? [{ ...same[0], n: same.length }] : []),
  );
}

/** One event for each submission and destination, some at a time; then the act is done. */
function conclude(db: Database, act: Row, at: number): ActProgress {
  const id = number(act, 'id');
  const untold = db.all(
    'SELECT submission, destination, done FROM act_submissions WHERE act = ? AND told = 0 ORDER BY submission LIMIT ?',
    id,
    TOLD_AT_ONCE,
  );
  for (const row of untold) {
    appendEvent(db, {
      at,
      who: text(act, 'who'),
      what: text(act, 'event'),
      submission: number(row, 'submission'),
      destination: text(row, 'destination'),
      detail: {
        to: text(act, 'goal'),
        messages: number(row, 'done'),
        filter: text(act, 'filter'),
        reason: text(act, 'reason'),
        act: id,
      },
    });
    db.run(
      'UPDATE act_submissions SET told = 1 WHERE act = ? AND submission = ? AND destination = ?',
      id,
      number(row, 'submission'),
      text(row, 'destination'),
    );
  }
  const finished = untold.length < TOLD_AT_ONCE;
  if (finished) db.run(`UPDATE acts SET state = 'done', ended_at = ? WHERE id = ?`, at, id);
  label('act.partBeforeCommit');
  return { finished, changed: 0 };
}
