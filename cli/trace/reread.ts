import { existsSync } from 'node:fs';
import { zstdDecompressSync } from 'node:zlib';
import { BodyFolder, bodySource } from '../../engine/bodies.ts';
import { parseSnapshot } from '../../engine/config/hash.ts';
import type { Format } from '../../engine/contracts/format.ts';
import type { Item } from '../../engine/contracts/item.ts';
import type { Snapshot } from '../../engine/contracts/production.ts';
import type { LocatedItem, SubmissionRow } from '../../engine/contracts/store.ts';
import { today } from '../../engine/dates.ts';
import { WaybillError } from '../../engine/errors.ts';
import { submissionId } from '../../engine/ids.ts';
import type { Registry } from '../../engine/registry.ts';
import { compileRoute, type RouteProgram, type Transports } from '../../engine/route-program.ts';
import { bodiesFolder } from '../../engine/services.ts';
import type { Reading } from '../ledger.ts';
import { localTime } from '../output.ts';

const BLOCK_ITEMS = 1000;
const BLOCK_BYTES = 4_000_000;

/** A row as it was read, and the route as it was when the submission was accepted. */
export interface Reread {
  readonly item: Item;
  readonly columns: readonly string[];
  readonly route: RouteProgram;
  readonly snapshot: Snapshot;
  /** What `today` means in its rules. */
  readonly today: string;
}

/**
 * Reads an item's row again, from the first byte of its block, and compiles the route that it took out of the pinned
 * snapshot. Needs no engine. Unless `transports` are given, what they can carry is not asked again: the ledger says it.
 * @throws WaybillError `PURGED` where the body is; `LEDGER_PART_MISSING` where the body or the snapshot is gone.
 */
export async function rereadItem(
  open: Reading,
  row: SubmissionRow,
  located: LocatedItem,
  registry: Registry,
  transports: Transports = {},
): Promise<Reread> {
  const { scan, bodiesPurgedAt } = row;
  if (bodiesPurgedAt !== undefined) {
    const id = submissionId(open.instance, row.number);
    throw new WaybillError('PURGED', `The bodies of ${id} were purged on ${localTime(bodiesPurgedAt)}.`);
  }
  const bodies = new BodyFolder(bodiesFolder(open.dataFolder));
  const path = scan?.transcoded === true ? bodies.copy(row.number) : bodies.original(row.number);
  if (!scan || !existsSync(path))
    throw gone(`The body of ${submissionId(open.instance, row.number)} (${path}) is no longer kept.`);
  const snapshot = snapshotOf(open, row);
  const route = await compileRoute(registry, snapshot, row.route, row.format, transports);
  const day = today(row.acceptedAt, snapshot.resources.timeZone);
  const reader = await openReader(route.format, path, row, located, day);
  try {
    for (let first = located.block.firstItem; ; ) {
      const block = await reader.next(BLOCK_ITEMS, BLOCK_BYTES);
      const item = block?.items[located.item - first];
      if (item) return { item, columns: route.format.columns ?? [], route, snapshot, today: day };
      if (!block || block.end) throw gone(`The body (${path}) ends before item ${located.item}.`);
      first += block.items.length;
    }
  } finally {
    await reader.close();
  }
}

/** The production as it was when the submission was accepted. @throws WaybillError `LEDGER_PART_MISSING` */
export function snapshotOf({ ledger }: Reading, row: SubmissionRow): Snapshot {
  const packed = ledger.ask('snapshot', { hash: row.snapshot });
  if (!packed) throw gone(`The snapshot ${row.snapshot} is no longer kept.`);
  return parseSnapshot(zstdDecompressSync(packed).toString('utf8'));
}

async function openReader(format: Format, path: string, row: SubmissionRow, { block }: LocatedItem, day: string) {
  if (!format.read || !row.scan) throw gone(`Nothing says how the body (${path}) is to be read.`);
  return format.read(
    await bodySource(path),
    row.scan,
    { cursor: block.cursor, lines: block.lines },
    { signal: new AbortController().signal, today: day },
  );
}

function gone(sentence: string): WaybillError {
  return new WaybillError(
    'LEDGER_PART_MISSING',
    `${sentence} Restore the data folder if it should be there; waybill verify lists what is missing.`,
  );
}
