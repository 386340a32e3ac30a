/** New versions of messages: a row that was edited is run again, a message is taken as it is given. */
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { MessagePacker } from './blocks.ts';
import type { Fault, Item } from './contracts/item.ts';
import type { NewVersions } from './contracts/store.ts';
import type { TransformContext } from './contracts/transform.ts';
import { type EntryResult, type RouteProgram, runEntry, thrownFault } from './route-program.ts';
import { MESSAGE_STATES, type MessageState } from './states.ts';

/** A new version as it is asked for, in JSON; bytes are base64. */
export interface VersionRequest {
  readonly replaces: number;
  readonly from: MessageState;
  readonly state: 'queued' | 'filtered';
  readonly body: string;
  /** What an answer will name the message by; empty where it has no such name. */
  readonly controlId: string;
  readonly lane?: number;
}

/** New versions as they are asked for, in JSON: what `NewVersions` says in bytes. */
export interface VersionsRequest
  extends Pick<NewVersions, 'submission' | 'item' | 'kind' | 'who' | 'reason' | 'changed'> {
  /** The fields of the edited row. */
  readonly row?: readonly string[];
  /** Digests of its searchable fields, base64. */
  readonly search: readonly string[];
  readonly versions: readonly VersionRequest[];
}

/** States that a newer version may take the place of. */
export const REPLACEABLE: readonly MessageState[] = (Object.keys(MESSAGE_STATES) as MessageState[]).filter((state) =>
  (MESSAGE_STATES[state].next as readonly string[]).includes('replaced'),
);

/** Packs what was asked for, as the ledger takes it. */
export function packVersions(request: VersionsRequest, at: number): NewVersions {
  const { row, search, versions, ...rest } = request;
  return {
    ...rest,
    at,
    row: row && packRow(row),
    search: search.map(bytesOf),
    versions: versions.map(({ body, controlId, ...version }) => {
      const bytes = bytesOf(body);
      return { ...version, body: packed(bytes, controlId), bytes: bytes.length };
    }),
  };
}

function bytesOf(base64: string): Uint8Array {
  return new Uint8Array(Buffer.from(base64, 'base64'));
}

function packed(bytes: Uint8Array, controlId: string): Uint8Array {
  if (bytes.length === 0) return bytes;
  const packer = new MessagePacker(bytes.length + 1024);
  packer.addBytes(bytes, controlId);
  return packer.pack();
}

/** Largest row that is unpacked, bytes: as large as the largest record of a file may be made. */
const MOST_ROW_BYTES = 1_000_000_000;

/** Fields of an edited row, as they are kept. */
export function packRow(fields: readonly string[]): Uint8Array {
  const params = { [constants.ZSTD_c_compressionLevel]: 1 };
  return new Uint8Array(zstdCompressSync(Buffer.from(JSON.stringify(fields), 'utf8'), { params }));
}

export function unpackRow(packedRow: Uint8Array): readonly string[] {
  return JSON.parse(zstdDecompressSync(packedRow, { maxOutputLength: MOST_ROW_BYTES }).toString('utf8')) as string[];
}

/** What became of an edited row in one entry. */
export interface EntryRerun {
  readonly entry: string;
  readonly result: EntryResult;
}

/**
 * Runs an edited row through its route as a row of a file is: record map, the standard where the route asks for it,
 * filters, then each of these entries. Only the rule `unique` is not asked again: what it needs is gone when routing ends.
 * @param contextOf the context for the entry with this index
 * @returns faults of the row as a whole, or what became of it in each entry
 */
export function rerunRow(
  route: RouteProgram,
  item: Item,
  entries: readonly string[],
  contextOf: (entry: number) => TransformContext,
): { readonly faults: readonly Fault[] } | { readonly entries: readonly EntryRerun[] } {
  const faults = item.faults.length > 0 ? item.faults : (route.validate?.(item) ?? []);
  if (faults.length > 0) return { faults };
  const dropped = filteredBy(route, item, contextOf(0));
  if (typeof dropped === 'object') return { faults: [dropped] };
  return {
    entries: route.entries.flatMap((program, index) => {
      if (!entries.includes(program.name)) return [];
      const result: EntryResult =
        dropped === undefined ? runEntry(program, item, contextOf(index)) : { kind: 'filtered', reason: dropped };
      return [{ entry: program.name, result }];
    }),
  };
}

/** The reason of the first filter that leaves the item out, or the fault of a filter that cannot be asked about it. */
function filteredBy(route: RouteProgram, item: Item, context: TransformContext): string | Fault | undefined {
  try {
    return route.filters.find(({ drops }) => drops(item, context))?.reason;
  } catch (error) {
    return thrownFault(error, item, 'a filter of the route (`dropWhen`)');
  }
}
