import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { bodySource } from '../engine/bodies.ts';
import { snapshotOf } from '../engine/config/hash.ts';
import type { Format } from '../engine/contracts/format.ts';
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
    `No service of the production feeds a route with the transform ${transform}: name the record map with --record-map.`,
  );
}

/**
 * Reads the item at a line of a file, as the engine would: the whole file is scanned first.
 * @throws RefusedError where the file as a whole cannot be taken; WaybillError `LINE_UNKNOWN`.
 */
export async function readItemAt(format: Format, production: Production, path: string, line: number): Promise<Item> {
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
    try {
      for (
        let block = await reader.next(1000, 4_000_000);
        block;
        block = block.end ? undefined : await reader.next(1000, 4_000_000)
      ) {
        const item = block.items.find((each) => each.line <= line && line <= each.lastLine);
        if (item) return item;
      }
    } finally {
      await reader.close();
    }
    throw new WaybillError(
      'LINE_UNKNOWN',
      `${path} has no item at line ${line}: it is the header, an empty line, or after the end (${scan.items} items).`,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
