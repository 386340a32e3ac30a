/** Whether people's acts hold: what the ledger says of them, and what the receivers have. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { unpackMessages } from '../../engine/blocks.ts';
import { BodyFolder } from '../../engine/bodies.ts';
import { bodiesFolder } from '../../engine/services.ts';
import { openLedger } from '../../store/sqlite/client.ts';
import type { TakenMessage } from '../support/crash.ts';
import type { TestProduction } from '../support/production.ts';
import type { Round, WantedMessage } from './acting-round.ts';
import { type Ask, verifyProblems } from './audit.ts';

export interface ActingAudit {
  readonly messages: number;
  readonly lost: number;
  readonly doubled: number;
  /** Sentences; none where all holds. */
  readonly problems: readonly string[];
}

/** The conservation law, as it must hold of what a death left, too. */
export function lawProblems(production: TestProduction): readonly string[] {
  return asking(production, verifyProblems);
}

/** Compares everything of these rounds, once all is settled. */
export function auditActs(
  production: TestProduction,
  rounds: readonly Round[],
  taken: readonly TakenMessage[],
): ActingAudit {
  return asking(production, (ask) => {
    const wanted = rounds.flatMap((round) => round.messages);
    const came = Map.groupBy(taken, ({ controlId }) => controlId);
    const known = new Set(wanted.map(({ controlId }) => controlId));
    const strangers = [...came.keys()].filter((id) => !known.has(id));
    const times = wanted.map(({ controlId }) => came.get(controlId)?.length ?? 0);
    return {
      messages: wanted.length,
      lost: times.filter((n) => n === 0).length,
      doubled: times.filter((n) => n > 1).length,
      problems: [
        ...wanted.flatMap((message) => messageProblems(ask, message, came.get(message.controlId) ?? [])),
        ...strangers.map((id) => `a receiver has ${id}, which was never to be sent`),
        ...rounds.flatMap((round) => [...actProblems(ask, round), ...purgeProblems(production, ask, round)]),
        ...rounds.flatMap(countProblems),
        ...remains(production),
        ...verifyProblems(ask),
      ],
    };
  });
}

function asking<T>(production: TestProduction, look: (ask: Ask) => T): T {
  const ledger = openLedger(join(production.data, 'ledger.db'));
  try {
    return look(ledger.ask);
  } finally {
    ledger.close();
  }
}

/** A receiver has it once, as it was to be; where it is not purged, the ledger has the same bytes. */
function messageProblems(ask: Ask, wanted: WantedMessage, came: readonly TakenMessage[]): string[] {
  const { controlId, family, submission, item, version, state, purged } = wanted;
  const problems = came.length === 1 ? [] : [`the receivers have ${controlId} ${came.length} times`];
  for (const { message } of came)
    if (!message.includes(`|${family}`)) problems.push(`${controlId} came with the text of another version or row`);
  if (purged) return problems;
  const found = ask('locateItem', { submission, item })?.messages.find((each) => each.version === version);
  if (found?.state !== state) problems.push(`${controlId} is ${found?.state ?? 'not there'}, not ${state}`);
  const packed = found && ask('bodyBlock', { bodyBlock: found.bodyBlock });
  const body = packed && Buffer.from(unpackMessages(packed.body).body(found.position)).toString('utf8');
  if (body?.trim() !== came[0]?.message.trim()) problems.push(`${controlId}: the ledger no longer has what was sent`);
  return problems;
}

/** Each act stands there once, is done whole, and is told once; so does each edit and each correction. */
function actProblems(ask: Ask, round: Round): string[] {
  const acts = ask('acts', { limit: 1000 });
  const eventsOf = (submission: number) => ask('events', { submission, limit: 1000 });
  const problems = round.acts.flatMap(({ reason, event, submission, count }) => {
    const [act, ...more] = acts.filter((each) => each.reason === reason);
    if (!act || more.length > 0) return [`${reason}: stands ${act ? more.length + 1 : 0} times among the acts`];
    const told = eventsOf(submission).filter(({ what, detail }) => what === event && detail.act === act.act);
    const { state, done, skipped } = act;
    return state === 'done' &&
      done === count &&
      skipped === 0 &&
      told.length === 1 &&
      told[0]?.detail.messages === count
      ? []
      : [`${reason}: ${state}, ${done} of ${count} done, ${skipped} skipped, told ${told.length} times`];
  });
  const ofMixed = eventsOf(round.of('mixed'));
  for (const { reason, event } of round.edits) {
    const told = ofMixed.filter(({ what, detail }) => what === event && detail.reason === reason).length;
    if (told !== 1) problems.push(`${reason}: told ${told} times`);
  }
  const corrected = ofMixed.filter(({ what }) => what === 'replaced').length;
  if (corrected !== 2) problems.push(`${round.name('mixed')}: ${corrected} corrections are told of, not 2`);
  return problems;
}

function countProblems(round: Round): string[] {
  return Object.entries(round.ends).flatMap(([name, wanted]) => {
    const found = round.counts(name);
    const same = (a: object, b: object) =>
      JSON.stringify(Object.entries(a).sort()) === JSON.stringify(Object.entries(b).sort());
    return same(found, wanted) ? [] : [`${name}: ${JSON.stringify(found)} instead of ${JSON.stringify(wanted)}`];
  });
}

/** What was to go is gone, in ledger and folder, and was told once a kind; the files of all others are there. */
function purgeProblems(production: TestProduction, ask: Ask, round: Round): string[] {
  const bodies = new BodyFolder(bodiesFolder(production.data));
  const gone = round.purged.flatMap((submission) => {
    const row = ask('submission', { submission });
    const events = ask('events', { submission, limit: 1000 }).filter(({ what }) => what === 'purged');
    const kinds = events.map(({ detail }) => String(detail.what)).sort();
    const whole = row?.bodiesPurgedAt !== undefined && row.purgedAt !== undefined && kinds.join() === 'bodies,ledger';
    const left = rowsOf(production, submission);
    const file = existsSync(bodies.original(submission)) || existsSync(bodies.copy(submission));
    return whole && left.length === 0 && !file
      ? []
      : [
          `submission ${submission} is half purged: told of ${kinds.join()}, left: ${left.join()}${file ? ' and its file' : ''}`,
        ];
  });
  const kept = Object.keys(round.ends).flatMap((name) => round.submission(name) ?? []);
  const lost = kept.filter((number) => !round.purged.includes(number) && !existsSync(bodies.original(number)));
  return [...gone, ...lost.map((number) => `submission ${number} is not purged, and its file is gone`)];
}

/** Tables that still have something of a submission. */
function rowsOf(production: TestProduction, submission: number): string[] {
  return reading(production, (db) =>
    ['messages', 'body_blocks', 'item_blocks', 'search_digests', 'edited_rows', 'purges'].filter(
      (table) => db.prepare(`SELECT 1 AS one FROM ${table} WHERE submission = ? LIMIT 1`).get(submission) !== undefined,
    ),
  );
}

/** Nothing stands there without that of which it is a part. */
function remains(production: TestProduction): string[] {
  const loose = {
    'bodies of no block': 'SELECT count(*) AS n FROM bodies WHERE id NOT IN (SELECT id FROM body_blocks)',
    'purges that are open': 'SELECT count(*) AS n FROM purges',
    'acts that are not done': "SELECT count(*) AS n FROM acts WHERE state <> 'done'",
    'attempts that have no end': 'SELECT count(*) AS n FROM attempts WHERE ended_at IS NULL',
    'parts of a batch that is gone':
      'SELECT count(*) AS n FROM batch_parts WHERE batch NOT IN (SELECT id FROM batches)',
  };
  return reading(production, (db) =>
    Object.entries(loose).flatMap(([what, sql]) => {
      const n = Number(db.prepare(sql).get()?.n);
      return n === 0 ? [] : [`${n} ${what}`];
    }),
  );
}

function reading<T>({ data }: TestProduction, look: (db: DatabaseSync) => T): T {
  const db = new DatabaseSync(join(data, 'ledger.db'), { readOnly: true, timeout: 5000 });
  try {
    return look(db);
  } finally {
    db.close();
  }
}
