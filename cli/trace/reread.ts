import { existsSync } from 'node:fs';
import { zstdDecompressSync } from 'node:zlib';
import { BodyFolder, bodySource } from '../../engine/bodies.ts';
import { parseSnapshot } from '../../engine/config/hash.ts';
import type { Format } from '../../engine/contracts/format.ts';
import type { Item } from '../../engine/contracts/item.ts';
import type { Carries } from '../../engine/contracts/operation.ts';
import type { LocatedItem, SubmissionRow } from '../../engine/contracts/store.ts';
import { today } from '../../engine/dates.ts';
import { WaybillError } from '../../engine/errors.ts';
import { submissionId } from '../../engine/ids.ts';
import type { Registry } from '../../engine/registry.ts';
import { compileRoute, type RouteProgram } from '../../engine/route-program.ts';
import { bodiesFolder } from '../../engine/services.ts';
import type { Reading } from '../ledger.ts';

const BLOCK_ITEMS = 1000;
const BLOCK_BYTES = 4_000_000;

/** A row as it was read, and the route as it was when the submission was accepted. */
export interface Reread {
  readonly item: Item;
  readonly columns: readonly string[];
  readonly route: RouteProgram;
}

/**
 * Reads an item's row again, from the first byte of its block, and compiles the route that it took out of the pinned
 * snapshot. Needs no engine. What a destination's transport can carry is not asked again: the ledger says what it refused.
 * @throws WaybillError `LEDGER_PART_MISSING` where the body or the snapshot is gone.
 */
export async function rereadItem(
  open: Reading,
  row: SubmissionRow,
  located: LocatedItem,
  registry: Registry,
): Promise<Reread> {
  const { scan } = row;
  const bodies = new BodyFolder(bodiesFolder(open.dataFolder));
  const path = scan?.transcoded === true ? bodies.copy(row.number) : bodies.original(row.number);
  const packed = open.ledger.ask('snapshot', { hash: row.snapshot });
  if (!scan || !existsSync(path))
    throw gone(`The body of ${submissionId(open.instance, row.number)} (${path}) is no longer kept.`);
  if (!packed) throw gone(`The snapshot ${row.snapshot} is no longer kept.`);
  const snapshot = parseSnapshot(zstdDecompressSync(packed).toString('utf8'));
  const anything: Readonly<Record<string, Carries>> = {};
  const route = await compileRoute(registry, snapshot, row.route, row.format, anything);
  const reader = await openReader(route.format, path, row, located, today(row.acceptedAt, snapshot.resources.timeZone));
  try {
    for (let first = located.block.firstItem; ; ) {
      const block = await reader.next(BLOCK_ITEMS, BLOCK_BYTES);
      const item = block?.items[located.item - first];
      if (item) return { item, columns: route.format.columns ?? [], route };
      if (!block || block.end) throw gone(`The body (${path}) ends before item ${located.item}.`);
      first += block.items.length;
    }
  } finally {
    await reader.close();
  }
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
