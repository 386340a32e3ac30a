import { carriesChecks } from './carries.ts';
import { compileCondition } from './conditions.ts';
import type { Format, SearchField } from './contracts/format.ts';
import type { Fault, Item } from './contracts/item.ts';
import type { Carries } from './contracts/operation.ts';
import type { Order, Snapshot } from './contracts/production.ts';
import type { FormatReference } from './contracts/service.ts';
import type {
  Condition,
  OutMessage,
  TransformContext,
  TransformDefinition,
  TransformProgram,
  TransformResult,
} from './contracts/transform.ts';
import { defineErrors, WaybillError } from './errors.ts';
import type { Registry } from './registry.ts';

export const ROUTE_ERRORS = defineErrors({
  ROUTE_UNKNOWN: {
    means: 'A service names a route that the production does not have.',
    cure: "Name one of the production's routes in the service's rule.",
  },
  TRANSFORM_UNKNOWN: {
    means: 'An entry names a transform that the production does not have.',
    cure: 'Add transforms/NAME.yaml or name another transform.',
  },
  TRANSFORM_FAILED: {
    means: 'A condition or a transform threw an error for this item; the item is invalid where it did.',
    cure: 'Look at the transform with the item: waybill transform; report it where the transform is not in code of your own.',
  },
  FORMAT_NOT_VALIDATED: {
    means: 'A route asks for validation, but the format of what feeds it knows no standard to check by.',
    cure: 'Take validate out of the route, or feed it from a format such as hl7-batch.',
  },
  EMPTY_MESSAGE: {
    means: 'A transform made a message without a single character.',
    cure: 'Let it drop the item, or make a message.',
  },
  CONTROL_ID_MISSING: {
    means: 'An HL7 message has no control id (MSH-10), so no answer could ever say that it was taken.',
    cure: 'Ask the sender for whole messages: one that was cut off looks like that. Or set MSH-10 in a transform, as { id: message }.',
  },
  CHARACTER_NOT_CARRIED: {
    means:
      "A value holds a character that the destination's transport cannot carry (XML 1.0), or that its charset does not have.",
    cure: 'Correct the character in the source, or let a transform replace it.',
  },
});

/** One entry of a route, ready to run. */
export interface EntryProgram {
  readonly name: string;
  readonly destination: string;
  /** What people read in a fault: the transform's name, or that there is none. */
  readonly transform: string;
  readonly charset: string;
  /** Names of the items' columns, in the order of their values; none where items are no rows. */
  readonly columns?: readonly string[];
  /** True where items that have bytes are HL7 messages. */
  readonly ofHl7?: boolean;
  readonly when: Condition | undefined;
  readonly program: TransformProgram;
  /** True when the destination's transport can carry the text. */
  readonly carries: (text: string) => boolean;
  /** The same for a message of bytes. */
  readonly carriesBytes: (bytes: Uint8Array) => boolean;
}

/** A route of a snapshot, ready to run over items of one format. */
export interface RouteProgram {
  readonly format: Format;
  /** What is wrong with an item by the standard of its format, where the route asks for it. */
  readonly validate: ((item: Item) => readonly Fault[]) | undefined;
  readonly filters: readonly { readonly drops: Condition; readonly reason: string }[];
  readonly entries: readonly EntryProgram[];
  /** What items can be looked up by; absent or empty: nothing, and nothing is kept of it. */
  readonly search?: readonly SearchField[];
}

/** What each destination's transport can carry, and in which order its messages go (from the running production). */
export type Transports = Readonly<Record<string, Carries & { readonly order?: Order }>>;

/** What one entry makes of a valid item. */
export type EntryResult =
  | { readonly kind: 'message'; readonly message: OutMessage }
  | { readonly kind: 'invalid'; readonly faults: readonly Fault[] }
  | { readonly kind: 'filtered'; readonly reason: string };

/** Opens the format that a rule names. */
export async function openFormat(registry: Registry, snapshot: Snapshot, reference: FormatReference): Promise<Format> {
  const definition = await registry.get('format', reference.type);
  return definition.open(reference, { resources: snapshot.resources });
}

/**
 * Compiles a route once. `carries` says what each destination's transport can carry (from the running production).
 * @throws WaybillError where something of it is missing or wrong.
 */
export async function compileRoute(
  registry: Registry,
  snapshot: Snapshot,
  routeName: string,
  reference: FormatReference,
  carries: Readonly<Record<string, Carries>>,
): Promise<RouteProgram> {
  const route = snapshot.routes[routeName];
  if (!route)
    throw new WaybillError(
      'ROUTE_UNKNOWN',
      `The snapshot has no route ${routeName}: name one of its routes in the service's rule.`,
    );
  const format = await openFormat(registry, snapshot, reference);
  const columns = format.columns ?? [];
  const ofHl7 = (await registry.get('format', reference.type)).gives === 'hl7';
  const known = { values: snapshot.resources.values, pathProblem: format.pathProblem };
  const entries = route.to.map(async (entry): Promise<EntryProgram> => {
    const transport = carries[entry.destination] ?? { charset: 'utf-8', characters: 'any' };
    return {
      name: entry.name,
      destination: entry.destination,
      transform: entry.transform ?? '',
      charset: transport.charset,
      columns,
      ofHl7,
      when: entry.when === undefined ? undefined : compileCondition(entry.when, columns, known),
      program: entry.transform === undefined ? AS_IT_CAME : await compileTransform(registry, snapshot, entry.transform),
      ...carriesChecks(transport),
    };
  });
  return {
    format,
    validate: route.validate ? await validatorOf(format, reference) : undefined,
    filters: route.filter.map(({ dropWhen, reason }) => ({
      drops: compileCondition(dropWhen, columns, known),
      reason,
    })),
    entries: await Promise.all(entries),
    search: [...(format.searchable ?? []), ...(route.search ?? []).map((path) => searchField(path, columns))],
  };
}

/** A column of the items' record map, or a path into items that are no rows. */
function searchField(path: string, columns: readonly string[]): SearchField {
  const index = columns.indexOf(path);
  if (columns.length > 0) return { name: path, value: (item) => item.values[index] ?? '' };
  return { name: path, value: (item) => item.path?.(path) ?? '' };
}

/** Opens the format's check of items. @throws WaybillError where it has none. */
async function validatorOf(format: Format, reference: FormatReference): Promise<(item: Item) => readonly Fault[]> {
  if (format.validator) return format.validator();
  throw new WaybillError(
    'FORMAT_NOT_VALIDATED',
    `The format ${reference.type} has no standard to check items by: take validate out of the route.`,
  );
}

/** An entry without a transform sends what came, byte for byte. */
const AS_IT_CAME: TransformProgram = {
  run: asItCame,
  explain: (item) => ({ result: asItCame(item), lineage: [] }),
};

function asItCame(item: Item): TransformResult {
  const { bytes, controlId = '' } = item;
  if (bytes && bytes.length > 0) return { kind: 'message', message: { text: '', bytes, controlId } };
  const reason = 'this item has no bytes of its own to send as it came';
  return { kind: 'invalid', faults: [{ code: 'EMPTY_MESSAGE', line: item.line, reason }] };
}

/** Compiles a transform by the language in which the production has it. */
export async function compileTransform(
  registry: Registry,
  snapshot: Snapshot,
  name: string,
): Promise<TransformProgram> {
  for (const definition of await registry.all('transform')) {
    if (hasTransform(definition, snapshot, name)) return definition.compile(name, snapshot.resources);
  }
  throw new WaybillError(
    'TRANSFORM_UNKNOWN',
    `The production has no transform ${name}: add transforms/${name}.yaml or name another one.`,
  );
}

function hasTransform(definition: TransformDefinition, snapshot: Snapshot, name: string): boolean {
  return definition.resources.some(({ folder, extensions }) =>
    extensions.some((extension) => {
      const key = extension === 'yaml' ? folder : `${folder}.${extension}`;
      const files = snapshot.resources.files[key];
      return files !== undefined && Object.hasOwn(files, name);
    }),
  );
}

/** Runs one entry over a valid item. Never throws: what goes wrong makes the item invalid in this entry alone. */
export function runEntry(entry: EntryProgram, item: Item, context: TransformContext): EntryResult {
  try {
    if (entry.when && !entry.when(item, context))
      return { kind: 'filtered', reason: "the entry's condition `when` does not hold" };
    const result = entry.program.run(item, context);
    if (result.kind === 'dropped') return { kind: 'filtered', reason: result.reason };
    if (result.kind === 'invalid') return result;
    const { text, bytes, controlId } = result.message;
    const isHl7 = bytes ? entry.ofHl7 : text.startsWith('MSH');
    if (isHl7 && controlId === '') return { kind: 'invalid', faults: [withoutControlId(item)] };
    if (bytes) return entry.carriesBytes(bytes) ? result : { kind: 'invalid', faults: notCarried(entry, item) };
    if (text === '') return { kind: 'invalid', faults: [emptyMessage(entry, item)] };
    return entry.carries(text) ? result : { kind: 'invalid', faults: notCarried(entry, item) };
  } catch (error) {
    return { kind: 'invalid', faults: [thrownFault(error, item, `the transform ${entry.transform}`)] };
  }
}

/** What was thrown for one item, as its fault. The message of a foreign error may quote a value, so only its name is told. */
export function thrownFault(error: unknown, item: Item, what: string): Fault {
  if (error instanceof WaybillError) return { code: error.code, line: item.line, reason: `${what}: ${error.message}` };
  const name = error instanceof Error ? error.name : 'something';
  return { code: 'TRANSFORM_FAILED', line: item.line, reason: `${what} threw ${name}` };
}

function emptyMessage(entry: EntryProgram, item: Item): Fault {
  return { code: 'EMPTY_MESSAGE', line: item.line, reason: `the transform ${entry.transform} made an empty message` };
}

function withoutControlId(item: Item): Fault {
  const reason = 'the message has no control id, by which its answer could name it; it may have been cut off';
  return { code: 'CONTROL_ID_MISSING', column: 'MSH-10', line: item.line, reason };
}

function notCarried(entry: EntryProgram, item: Item): Fault[] {
  const column = entry.columns?.[item.values.findIndex((value) => !entry.carries(value))];
  return [
    {
      code: 'CHARACTER_NOT_CARRIED',
      ...(column === undefined ? {} : { column }),
      line: item.line,
      reason: `a character of this row cannot be carried to ${entry.destination} (its transport takes ${entry.charset} and no control characters)`,
    },
  ];
}
