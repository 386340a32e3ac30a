import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { bodySource } from '../engine/bodies.ts';
import { snapshotOf } from '../engine/config/hash.ts';
import type { Format, ItemReader } from '../engine/contracts/format.ts';
import type { Item } from '../engine/contracts/item.ts';
import type { Production } from '../engine/contracts/production.ts';
import type { FormatReference } from '../engine/contracts/service.ts';
import { today } from '../engine/dates.ts';
import { WaybillError } from '../engine/errors.ts';
import type { Registry } from '../engine/registry.ts';

/** How a file is read on its way to a transform, and the route that it takes. */
export interface Feed {
  readonly format: FormatReference;
  /** Absent where a record map was named. */
  readonly route?: string;
  readonly service?: string;
}

/**
 * The way by which a file of this name comes to a transform; where no pattern matches the name, the first service that
 * feeds a route with it. @throws WaybillError `TRANSFORM_NOT_FED`.
 */
export async function feedOf(
  production: Production,
  registry: Registry,
  transform: string,
  file: string,
): Promise<Feed> {
  const routes = Object.entries(production.routes).filter(([, { to }]) =>
    to.some((entry) => entry.transform === transform),
  );
  const names = new Set(routes.map(([name]) => name));
  const feeds: Feed[] = [];
  for (const [service, { type, config }] of Object.entries(production.services)) {
    const definition = await registry.get('service', type);
    const match = definition.match(config, basename(file));
    if (match && names.has(match.rule.route)) return { ...match.rule, service };
    feeds.push(...definition.rules(config).map(({ rule }) => ({ ...rule, service })));
  }
  const feed = feeds.find(({ route }) => names.has(route ?? ''));
  if (feed) return feed;
  throw new WaybillError(
    'TRANSFORM_NOT_FED',
    `No service of the production feeds a route with the transform ${transform}: name the record map with --record-map, or the format with --format.`,
  );
}

/** Which item of a file: by a line that it lies on, by its number from 1, or the only one. */
export type Wanted = { readonly line: number } | { readonly item: number } | 'only';

/** An item and its number in the file, from 1. */
export interface FoundItem {
  readonly item: Item;
  readonly number: number;
}

/**
 * Reads one item of a file, as the engine would: the whole file is scanned first.
 * @throws RefusedError where the file as a whole cannot be taken; WaybillError `LINE_UNKNOWN`.
 */
export async function readItem(
  format: Format,
  production: Production,
  path: string,
  wanted: Wanted,
): Promise<FoundItem> {
  if (!format.scan || !format.read)
    throw new WaybillError('FORMAT_NOT_READABLE', 'The format of this file can only be written.');
  const folder = await mkdtemp(join(tmpdir(), 'waybill-transform-'));
  try {
    const copy = join(folder, 'copy');
    const file = await open(copy, 'w', 0o600);
    const { signal } = new AbortController();
    const scan = await format
      .scan(await bodySource(path), {
        signal,
        transcode: () => ({ write: async (chunk) => file.appendFile(chunk) }),
      })
      .finally(() => file.close());
    const source = await bodySource(scan.transcoded ? copy : path);
    const context = { signal, today: today(Date.now(), snapshotOf(production).resources.timeZone) };
    const reader = await format.read(source, scan, { cursor: scan.cursor, lines: scan.lines }, context);
    const found = await findItem(reader, wanted).finally(() => reader.close());
    if (found && (wanted !== 'only' || scan.items === 1)) return found;
    throw new WaybillError('LINE_UNKNOWN', notFound(path, wanted, scan.items));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function findItem(reader: ItemReader, wanted: Wanted): Promise<FoundItem | undefined> {
  let before = 0;
  for (;;) {
    const block = await reader.next(1000, 4_000_000);
    if (!block) return undefined;
    const at = block.items.findIndex((item, index) => isWanted(item, before + index + 1, wanted));
    const item = block.items[at];
    if (item) return { item, number: before + at + 1 };
    if (block.end) return undefined;
    before += block.items.length;
  }
}

function isWanted(item: Item, number: number, wanted: Wanted): boolean {
  if (wanted === 'only') return true;
  return 'item' in wanted ? number === wanted.item : item.line <= wanted.line && wanted.line <= item.lastLine;
}

function notFound(path: string, wanted: Wanted, items: number): string {
  if (wanted === 'only') return `${path} has ${items} items: say which one with --line N or --item N.`;
  if ('item' in wanted) return `${path} has no item ${wanted.item}: there are ${items}.`;
  return `${path} has no item at line ${wanted.line}: it is the header, an empty line, or after the end (${items} items).`;
}
