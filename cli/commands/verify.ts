import { existsSync } from 'node:fs';
import { BodyFolder, hashFile } from '../../engine/bodies.ts';
import type { VerifyPage } from '../../engine/contracts/store.ts';
import { submissionId } from '../../engine/ids.ts';
import { bodiesFolder } from '../../engine/services.ts';
import { type Command, DATA_FLAG, EXIT, JSON_FLAG } from '../command.ts';
import { dataFolder } from '../folders.ts';
import { type Reading, reading } from '../ledger.ts';
import { counted, printJson, printLines, wantsJson } from '../output.ts';

type Verified = VerifyPage['submissions'][number];

/** Something that does not hold, as a sentence. */
interface Mismatch {
  readonly submission: string;
  /** The entry of the route, where it is about one. */
  readonly entry?: string;
  readonly what: string;
}

interface Totals {
  submissions: number;
  items: number;
  rows: number;
  bodies: number;
  bytes: number;
  /** Submissions of which only the bodies, and those of which all but counts, is purged or being purged. */
  bodiesPurged: number;
  purged: number;
}

export const verify: Command = {
  name: 'verify',
  summary:
    'Check that every item read has its rows in the ledger, in every entry, and that every body is the one that was taken in.',
  usage: '',
  flags: { ...DATA_FLAG, ...JSON_FLAG },
  run(invocation) {
    return reading(dataFolder(invocation), async (open) => {
      const { totals, mismatches } = await verifyAll(open);
      if (wantsJson(invocation)) printJson(invocation, { ok: mismatches.length === 0, checked: totals, mismatches });
      else {
        const { submissions, items, rows, bodies, bytes, bodiesPurged, purged } = totals;
        printLines(invocation, [
          ...mismatches.map(
            ({ submission, entry, what }) => `${submission}${entry === undefined ? '' : ` ${entry}`}: ${what}`,
          ),
          `checked: ${counted(submissions, 'submission')}, ${counted(items, 'item')} against ${counted(rows, 'row')} of the ledger and their counters, SHA-256 of ${bodies} ${bodies === 1 ? 'body' : 'bodies'} (${counted(bytes, 'byte')})`,
          ...(bodiesPurged + purged === 0
            ? []
            : [
                `purged: the bodies of ${counted(bodiesPurged, 'submission')}, everything but the counts of ${counted(purged, 'submission')}`,
              ]),
          mismatches.length === 0
            ? 'Everything holds.'
            : `${counted(mismatches.length, 'thing')} that ${mismatches.length === 1 ? 'does' : 'do'} not hold.`,
        ]);
      }
      return mismatches.length === 0 ? EXIT.ok.code : EXIT.mismatch.code;
    });
  },
};

/** Page by page, so that no read of the ledger is long and the memory stays the same. */
async function verifyAll(open: Reading): Promise<{ totals: Totals; mismatches: readonly Mismatch[] }> {
  const totals: Totals = { submissions: 0, items: 0, rows: 0, bodies: 0, bytes: 0, bodiesPurged: 0, purged: 0 };
  const mismatches: Mismatch[] = [];
  for (let after: number | undefined = 0; after !== undefined; ) {
    const page: VerifyPage = open.ledger.ask('verify', { after });
    for (const one of page.submissions)
      mismatches.push(...ledgerMismatches(open, one, totals), ...(await bodyMismatches(open, one, totals)));
    after = page.next;
  }
  return { totals, mismatches };
}

function ledgerMismatches({ instance }: Reading, one: Verified, totals: Totals): Mismatch[] {
  const submission = submissionId(instance, one.submission);
  totals.submissions += 1;
  totals.items += one.itemsRouted;
  for (const { rows } of one.entries) totals.rows += rows;
  const unread: Mismatch[] =
    one.state === 'routed' && one.items !== one.itemsRouted
      ? [{ submission, what: `the scan counted ${one.items ?? 'no'} items, ${one.itemsRouted} were read` }]
      : [];
  return [
    ...unread,
    ...one.entries.flatMap(({ name, mismatches }) => mismatches.map((what) => ({ submission, entry: name, what }))),
  ];
}

/** The original's size and SHA-256, and its UTF-8 copy's where the scan made one. */
async function bodyMismatches(
  { ledger, instance, dataFolder: folder }: Reading,
  one: Verified,
  totals: Totals,
): Promise<Mismatch[]> {
  if (one.purged !== undefined) return countPurged(totals, one.purged);
  const submission = submissionId(instance, one.submission);
  const bodies = new BodyFolder(bodiesFolder(folder));
  const scan = ledger.ask('submission', { submission: one.submission })?.scan;
  const copyHash = scan?.transcoded === true ? scan.details.copyHash : undefined;
  const files = [{ path: bodies.original(one.submission), hash: one.hash, what: 'the body' }];
  if (typeof copyHash === 'string')
    files.push({ path: bodies.copy(one.submission), hash: copyHash, what: 'the UTF-8 copy of the body' });
  const found: Mismatch[] = [];
  for (const { path, hash, what } of files) {
    totals.bodies += 1;
    if (!existsSync(path)) found.push({ submission, what: `${what} is missing (${path})` });
    else if ((await hashFile(path)) !== hash)
      found.push({ submission, what: `${what} is not the one that was taken in: its SHA-256 differs (${path})` });
  }
  totals.bytes += one.bytes;
  // A purge may have begun since its rows were looked at.
  const now = found.length > 0 ? ledger.ask('submission', { submission: one.submission }) : undefined;
  return now?.bodiesPurgedAt === undefined ? found : countPurged(totals, 'bodies');
}

/** What is purged need not be there. */
function countPurged(totals: Totals, what: NonNullable<Verified['purged']>): [] {
  totals[what === 'bodies' ? 'bodiesPurged' : 'purged'] += 1;
  return [];
}
