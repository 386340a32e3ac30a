/** Reading CSV in tests as the engine does: scan, then blocks; from memory, in chunks of any size. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { validate } from '../../../engine/config/validate.ts';
import type { BodySource, Format, Scan } from '../../../engine/contracts/format.ts';
import type { Item, ItemBlock } from '../../../engine/contracts/item.ts';
import type { Resources } from '../../../engine/contracts/resources.ts';
import csv, { type CsvConfig } from '../../../formats/csv/index.ts';
import type { RecordMap } from '../../../formats/csv/record-map.ts';
import { RECORD_MAPS } from '../../../formats/csv/record-map-schema.ts';

export const TODAY = '2026-06-15';

/** A body in memory, given out in chunks of this many bytes. */
export function bodyOf(bytes: Uint8Array, chunkBytes = 65_536): BodySource {
  return {
    path: 'memory',
    bytes: bytes.length,
    async *read(start = 0) {
      for (let at = start; at < bytes.length; at += chunkBytes) yield bytes.slice(at, at + chunkBytes);
    },
  };
}

/** A record map as the loader would hand it over: text turned into types, defaults filled in, by the schema. */
export function mapOf(yaml: string): RecordMap {
  const { value, issues } = validate(parse(yaml, { schema: 'failsafe' }), RECORD_MAPS.schema);
  assert.deepEqual(issues, []);
  return value as RecordMap;
}

/** Resources with these record maps and the tables of `maps/tables.yaml`. */
export function resourcesOf(...maps: readonly RecordMap[]): Resources {
  const lists: Record<string, string[]> = parse(mapText('tables'), { schema: 'failsafe' });
  const tables = Object.entries(lists).map(
    ([name, codes]) => [name, { columns: ['code'], rows: codes.map((code) => [code]) }] as const,
  );
  return {
    timeZone: 'America/Denver',
    values: {},
    tables: Object.fromEntries(tables),
    files: { 'record-maps': Object.fromEntries(maps.map((map) => [map.recordMap, map])) },
  };
}

/** Text of `maps/NAME.yaml`. */
export function mapText(name: string): string {
  return readFileSync(fileURLToPath(new URL(`maps/${name}.yaml`, import.meta.url)), 'utf8');
}

/** The format with a record map written as YAML, or without one. */
export function open(config: CsvConfig = {}, yaml?: string): Format {
  if (yaml === undefined) return csv.open(config, { resources: resourcesOf() });
  const map = mapOf(yaml);
  return csv.open({ ...config, recordMap: map.recordMap }, { resources: resourcesOf(map) });
}

/** A scan, with the body to read from: the UTF-8 copy where there is one. */
export interface Scanned {
  readonly scan: Scan;
  readonly body: Uint8Array;
}

export async function scanOf(format: Format, input: string | Uint8Array, chunkBytes?: number): Promise<Scanned> {
  const bytes = typeof input === 'string' ? Buffer.from(input) : input;
  const copy: Uint8Array[] = [];
  const transcode = () => ({
    write: async (chunk: Uint8Array) => {
      copy.push(Uint8Array.from(chunk));
    },
  });
  const scan = await format.scan!(bodyOf(bytes, chunkBytes), { signal: new AbortController().signal, transcode });
  return { scan, body: scan.transcoded ? Buffer.concat(copy) : bytes };
}

export interface ReadOptions {
  readonly chunkBytes?: number;
  readonly maxItems?: number;
  readonly maxBytes?: number;
  readonly from?: { readonly cursor: number; readonly lines: number };
  readonly today?: string;
}

/** The blocks from the beginning, or from a cursor on. */
export async function blocksOf(
  format: Format,
  { scan, body }: Scanned,
  options: ReadOptions = {},
): Promise<ItemBlock[]> {
  const { chunkBytes, maxItems = 1000, maxBytes = 1_000_000, from = scan, today = TODAY } = options;
  const context = { signal: new AbortController().signal, today };
  const reader = await format.read!(bodyOf(body, chunkBytes), scan, from, context);
  const blocks: ItemBlock[] = [];
  for (let block = await reader.next(maxItems, maxBytes); block; block = await reader.next(maxItems, maxBytes)) {
    blocks.push(block);
  }
  await reader.close();
  return blocks;
}

/** All items of an input. */
export async function itemsOf(format: Format, input: string | Uint8Array, options: ReadOptions = {}): Promise<Item[]> {
  const scanned = await scanOf(format, input, options.chunkBytes);
  return (await blocksOf(format, scanned, options)).flatMap((block) => block.items);
}
