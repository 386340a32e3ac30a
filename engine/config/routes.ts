/** Routes: do services, entries, transforms, destinations and conditions fit each other? */
import { compileCondition } from '../conditions.ts';
import type { Format } from '../contracts/format.ts';
import type { OperationFacts } from '../contracts/operation.ts';
import type { BatchSettings, Destination, DoubtSettings, Route } from '../contracts/production.ts';
import type { KeyPath, Resources } from '../contracts/resources.ts';
import { destinationOutcomes } from '../engine-outcomes.ts';
import { overrideProblem } from '../outcome-overrides.ts';
import type { ReadDestination, ReadFormat, ReadRule, ReadService } from './adapters.ts';
import { isRecord } from './adapters.ts';
import { deliverySettings, doubtOf, SINGLY } from './delivery-schema.ts';
import type { Loading } from './loading.ts';
import type { ProductionShape, RouteShape } from './production-schema.ts';
import type { ReadFile } from './resources.ts';
import { listWords, suggest } from './suggest.ts';

/** Folder of the files that entries name under `transform`. */
export const TRANSFORM_FOLDER = 'transforms';

/** What feeds a route, as far as conditions and transforms see it. */
interface Feed {
  /** Names of files that the format names, by their key: `recordMap: doses`. */
  readonly named: Readonly<Record<string, string>>;
  readonly columns: readonly string[];
  /** What transforms for its items have under `from`; `undefined` where nothing is known of them. */
  readonly kind: string | undefined;
  /** What is wrong with a path into an item that is no row. */
  readonly pathProblem?: Format['pathProblem'] | undefined;
}

/** Everything that the checks of routes look at. */
export interface Parts {
  readonly shape: ProductionShape;
  readonly services: readonly ReadService[];
  readonly destinations: readonly ReadDestination[];
  readonly files: readonly ReadFile[];
  /** Files with errors: what follows from them is not told again. */
  readonly faulty: ReadonlySet<ReadFile>;
  readonly resources: Resources;
}

/** Checks rules, formats, routes, entries and destinations against each other; everything wrong becomes a problem. */
export function checkRoutes(loading: Loading, parts: Parts): void {
  for (const service of parts.services) for (const rule of service.rules) checkRule(loading, parts, rule);
  for (const [name, route] of Object.entries(parts.shape.routes)) checkRoute(loading, parts, name, route);
  for (const destination of parts.destinations) checkDestination(loading, parts, destination);
}

/** The routes as the engine runs them, with every entry named. */
export function finishedRoutes(shape: ProductionShape): Readonly<Record<string, Route>> {
  const routes: Record<string, Route> = Object.create(null);
  for (const [name, { onInvalidRow, validate, filter, search, to }] of Object.entries(shape.routes)) {
    const entries = to.map((entry) => Object.freeze({ ...entry, name: entry.name ?? entry.destination }));
    const searched = search ? { search } : {};
    routes[name] = Object.freeze({ onInvalidRow, validate, filter, ...searched, to: Object.freeze(entries) });
  }
  return Object.freeze(routes);
}

/** A destination as the engine runs it. Its adapter has described it without a problem before. */
export function finishedDestination(read: ReadDestination, resources: Resources): Destination {
  const { shape, config, format, definition, answerFormat } = read;
  const { format: _, ...given } = shape.batch ?? SINGLY;
  const most = given.mode === 'single' ? { ...given, maxMessages: 1 } : given;
  const limits = withinLargest(most, definition.describe(config, resources), format ? ENVELOPE : 0);
  const batch = Object.freeze(format ? { ...limits, format: format.reference } : limits);
  const { answersTo: route } = shape;
  const rule = route !== undefined && answerFormat ? { route, format: answerFormat.reference } : undefined;
  const answersTo = rule ? { answersTo: Object.freeze(rule) } : {};
  return Object.freeze({
    type: definition.name,
    config,
    batch,
    ...deliverySettings(shape, resources.timeZone),
    ...answersTo,
  });
}

/** Room for the envelope of a batch, bytes. */
const ENVELOPE = 1024;

/** No batch is planned that the receiver is known not to take. */
function withinLargest<T extends Pick<BatchSettings, 'maxMessages' | 'maxBytes'>>(
  limits: T,
  { largest = {} }: OperationFacts,
  envelope: number,
): T {
  const { messages = limits.maxMessages, bytes = Number.POSITIVE_INFINITY } = largest;
  const maxMessages = Math.min(limits.maxMessages, messages);
  return { ...limits, maxMessages, maxBytes: Math.min(limits.maxBytes, Math.max(bytes - envelope, 1)) };
}

function checkRule(loading: Loading, parts: Parts, rule: ReadRule): void {
  const routes = loading.names('routes');
  if (!routes.includes(rule.route)) loading.unknownName('UNKNOWN_ROUTE', [...rule.path, 'route'], rule.route, routes);
  if (!rule.format) return;
  const format = openFormat(loading, parts, rule.format);
  if (format && !format.read) {
    loading.issue(
      'CANNOT_READ',
      [...rule.format.path, 'type'],
      rule.format.definition.name,
      'a format that reads items',
    );
  }
}

/** Opens a format to see whether it can work with its settings. */
function openFormat(loading: Loading, parts: Parts, { definition, reference, path }: ReadFormat): Format | undefined {
  if (namesBroken(parts, reference, definition.resources ?? [])) return undefined;
  try {
    return definition.open(reference, { resources: parts.resources });
  } catch (error) {
    reportUnusable(loading, parts.files, error, path, reference, definition.resources ?? []);
    return undefined;
  }
}

type Kinds = NonNullable<ReadFormat['definition']['resources']>;

/** True where the settings name a file that has problems of its own. */
function namesBroken(parts: Parts, settings: unknown, kinds: Kinds): boolean {
  return namedFiles(settings, kinds).some(({ kind, name }) =>
    parts.files.some((file) => file.kind === kind && file.name === name && parts.faulty.has(file)),
  );
}

function namedFiles(settings: unknown, kinds: Kinds) {
  if (!isRecord(settings)) return [];
  return kinds.flatMap((kind) => {
    const name = settings[kind.key];
    return typeof name === 'string' ? [{ kind, name }] : [];
  });
}

/** What an adapter threw; where it names a file that does not exist, the problem stands at that name, with a suggestion. */
function reportUnusable(
  loading: Loading,
  files: readonly ReadFile[],
  error: unknown,
  path: KeyPath,
  settings: unknown,
  kinds: Kinds,
) {
  const missing = namedFiles(settings, kinds).find(
    ({ kind, name }) => !files.some((file) => file.kind === kind && file.name === name),
  );
  const issue = loading.issueOf(error, missing && !pathOfError(error) ? [...path, missing.kind.key] : path);
  if (!missing) return loading.issues([issue]);
  const { folder } = missing.kind;
  const names = files.filter((file) => file.kind === missing.kind).map((file) => file.name);
  const near = suggest(missing.name, names);
  const cure = near ? `write ${near}` : `add ${folder}/${missing.name}.yaml, or correct the name`;
  return loading.issues([{ ...issue, expected: near ?? `the name of a file in ${folder}/`, cure }]);
}

function pathOfError(error: unknown): boolean {
  return isRecord(error) && isRecord(error.place) && error.place.path !== undefined;
}

function checkRoute(loading: Loading, parts: Parts, name: string, route: RouteShape): void {
  const path = ['routes', name];
  const feeds = feedsOf(loading, parts, name, route);
  for (const [index, { dropWhen }] of route.filter.entries()) {
    checkCondition(loading, parts, [...path, 'filter', index, 'dropWhen'], dropWhen, feeds);
  }
  checkSearch(loading, [...path, 'search'], route.search ?? [], feeds);
  const names = new Set<string>();
  for (const [index, entry] of route.to.entries()) {
    const at = [...path, 'to', index];
    checkEntry(loading, parts, at, entry, feeds);
    const entryName = entry.name ?? entry.destination;
    const key = entry.name === undefined ? 'destination' : 'name';
    if (names.has(entryName))
      loading.issue('DUPLICATE_ENTRY', [...at, key], `${entryName} again`, 'names of its own for each');
    names.add(entryName);
  }
}

/** What items can be looked up by is a column or path of something that feeds the route. */
function checkSearch(loading: Loading, path: KeyPath, search: readonly string[], feeds: readonly Feed[]): void {
  for (const [index, name] of search.entries()) {
    const known = ({ columns, pathProblem }: Feed) =>
      columns.length > 0 ? columns.includes(name) : pathProblem?.(name) === undefined;
    if (feeds.length === 0 || feeds.some(known)) continue;
    const columns = feeds.flatMap((feed) => feed.columns);
    const wanted =
      suggest(name, columns) ?? (columns.length > 0 ? listWords(columns) : `a path of ${feeds[0]?.kind ?? 'the item'}`);
    loading.issue('UNKNOWN_SEARCH_PATH', [...path, index], name, wanted);
  }
}

type EntryShape = RouteShape['to'][number];

/** Messages with lanes by a key: what feeds them has it. */
function checkKey(loading: Loading, parts: Parts, entry: EntryShape, feeds: readonly Feed[]): void {
  const order = parts.destinations.find(({ name }) => name === entry.destination)?.shape.order;
  if (typeof order !== 'object') return;
  const paths = typeof order.key === 'string' ? [order.key] : order.key;
  for (const { columns, pathProblem, kind } of feeds) {
    const known = (path: string) => (columns.length > 0 ? columns.includes(path) : pathProblem?.(path) === undefined);
    if (paths.some(known)) continue;
    const at = ['destinations', entry.destination, 'order', 'key'];
    const wanted = columns.length > 0 ? listWords(columns) : `a path of ${kind ?? 'the item'}`;
    loading.issue('UNKNOWN_KEY_PATH', at, paths.join(', '), wanted);
  }
}

function checkEntry(loading: Loading, parts: Parts, path: KeyPath, entry: EntryShape, feeds: readonly Feed[]): void {
  checkKey(loading, parts, entry, feeds);
  const destinations = loading.names('destinations');
  if (!destinations.includes(entry.destination)) {
    loading.unknownName('UNKNOWN_DESTINATION', [...path, 'destination'], entry.destination, destinations);
  }
  if (entry.when !== undefined) checkCondition(loading, parts, [...path, 'when'], entry.when, feeds);
  if (entry.transform === undefined) {
    if (feeds.some(({ columns }) => columns.length > 0))
      loading.issue('TRANSFORM_MISSING', [...path, 'destination'], 'rows without a transform', 'transform: NAME');
    return;
  }
  checkTransform(loading, parts, [...path, 'transform'], entry.transform, feeds);
}

/** Under `from` of a transform for rows. */
const ROWS = 'recordMap';

/** What a transform is written for: `hl7`, or the first key of `{ hl7: ADT_A01 }`; `undefined` where it does not say. */
function kindOf(from: unknown): string | undefined {
  if (typeof from === 'string') return from;
  return isRecord(from) ? Object.keys(from)[0] : undefined;
}

function checkTransform(loading: Loading, parts: Parts, path: KeyPath, name: string, feeds: readonly Feed[]): void {
  const transforms = parts.files.filter(({ kind }) => kind.folder === TRANSFORM_FOLDER);
  const matching = transforms.filter((file) => file.name === name);
  const [transform, second] = matching;
  if (!transform) {
    const names = transforms.map((file) => file.name);
    loading.unknownName('UNKNOWN_TRANSFORM', path, name, names);
    return;
  }
  if (second) {
    loading.issue('AMBIGUOUS_TRANSFORM', path, `${transform.file} and ${second.file}`, 'one of them');
    return;
  }
  const from = isRecord(transform.data) && isRecord(transform.data.from) ? transform.data.from : {};
  const written = isRecord(transform.data) ? kindOf(transform.data.from) : undefined;
  for (const { kind } of feeds) {
    if (kind === undefined || written === undefined || written === kind) continue;
    loading.issue('FORMAT_MISMATCH', path, `${name}, which is written for ${written}`, `one with from: ${kind}`);
  }
  for (const { named } of feeds) {
    for (const [key, fed] of Object.entries(named)) {
      const wanted = from[key];
      if (typeof wanted !== 'string' || wanted === fed) continue;
      loading.issue(
        'RECORD_MAP_MISMATCH',
        path,
        `${name}, which is written for ${key} ${wanted}`,
        `one for ${key} ${fed}`,
      );
    }
  }
}

function checkCondition(loading: Loading, parts: Parts, path: KeyPath, text: string, feeds: readonly Feed[]): void {
  for (const { columns, pathProblem } of feeds) {
    try {
      compileCondition(text, columns, { values: parts.resources.values, pathProblem });
    } catch (error) {
      loading.issues([loading.issueOf(error, path)]);
    }
  }
}

/** What feeds a route: the formats of its rules, or, where none is sound, what its transforms say that they are written for. */
function feedsOf(loading: Loading, parts: Parts, name: string, route: RouteShape): readonly Feed[] {
  const rules = parts.services.flatMap((service) => service.rules).filter((rule) => rule.route === name);
  const answers = parts.destinations.filter(({ shape }) => shape.answersTo === name);
  const formats = [...rules.map(({ format }) => format), ...answers.map(({ answerFormat }) => answerFormat)].flatMap(
    (format) => (format ? [format] : []),
  );
  if (formats.length > 0) return formats.flatMap((format) => feedOf(loading, parts, format));
  const transforms = parts.files.filter(
    (file) => file.kind.folder === TRANSFORM_FOLDER && route.to.some(({ transform }) => transform === file.name),
  );
  return transforms.flatMap(({ data }) => {
    const recordMap = isRecord(data) && isRecord(data.from) ? data.from.recordMap : undefined;
    const file = parts.files.find((each) => each.kind.key === 'recordMap' && each.name === recordMap && each.sound);
    return file ? [{ named: {}, columns: columnsOf(file.data), kind: ROWS }] : [];
  });
}

/** None where the format cannot be opened: what follows from that is not worth a problem. */
function feedOf(loading: Loading, parts: Parts, format: ReadFormat): readonly Feed[] {
  const opened = openFormat(loading, parts, format);
  if (!opened) return [];
  const files = namedFiles(format.reference, format.definition.resources ?? []);
  return [
    {
      named: Object.fromEntries(files.map(({ kind, name }) => [kind.key, name])),
      columns: opened.columns ?? [],
      kind: (opened.columns ?? []).length > 0 ? ROWS : format.definition.gives,
      pathProblem: opened.pathProblem,
    },
  ];
}

/** Names of the columns of a record map. */
function columnsOf(data: unknown): readonly string[] {
  const columns = isRecord(data) ? data.columns : undefined;
  if (!Array.isArray(columns)) return [];
  return columns.flatMap((column: unknown) =>
    isRecord(column) && typeof column.name === 'string' ? [column.name] : [],
  );
}

/** Answers go to a route that reads them, and never round and round. */
function checkAnswers(loading: Loading, parts: Parts, { name, shape, answerFormat }: ReadDestination): void {
  const route = shape.answersTo;
  const path = ['destinations', name, 'answersTo'];
  if (route === undefined) {
    if (shape.answerFormat)
      loading.issue('ANSWERS_NOWHERE', ['destinations', name, 'answerFormat'], 'no answersTo', 'answersTo: ROUTE');
    return;
  }
  const routes = loading.names('routes');
  if (!routes.includes(route)) {
    loading.unknownName('UNKNOWN_ROUTE', path, route, routes);
    return;
  }
  const opened = answerFormat && openFormat(loading, parts, answerFormat);
  if (opened && !opened.read)
    loading.issue('CANNOT_READ', path, answerFormat.definition.name, 'answerFormat: a format that reads items');
  if (reaches(parts, route, name, new Set()))
    loading.issue('ANSWERS_LOOP', path, `${route}, which leads back to ${name}`, 'a route that leads elsewhere');
}

/** Whether what enters a route can come to a destination, also by the answers of others. */
function reaches(parts: Parts, route: string, destination: string, seen: Set<string>): boolean {
  if (seen.has(route)) return false;
  seen.add(route);
  const sentTo = (parts.shape.routes[route]?.to ?? []).map((entry) => entry.destination);
  if (sentTo.includes(destination)) return true;
  return parts.destinations.some(
    ({ name, shape }) =>
      shape.answersTo !== undefined && sentTo.includes(name) && reaches(parts, shape.answersTo, destination, seen),
  );
}

function checkDestination(loading: Loading, parts: Parts, destination: ReadDestination): void {
  checkAnswers(loading, parts, destination);
  const { definition, config, format } = destination;
  const opened = format && openFormat(loading, parts, format);
  if (opened && !opened.write) {
    loading.issue('CANNOT_WRITE', [...format.path, 'type'], format.definition.name, 'a format that writes');
  }
  if (!namesBroken(parts, config, definition.resources ?? [])) {
    describeDestination(loading, destination, parts.resources, parts.files);
  }
}

/** What is done about messages in doubt must be harmless, and possible. */
function checkDoubt(loading: Loading, path: KeyPath, doubt: DoubtSettings, facts: OperationFacts): void {
  const resends = doubt.policy === 'resend' || doubt.afterDeadline === 'resend';
  if (resends && !facts.repeatable) {
    const found = 'resend, for a receiver that may take the same message twice';
    loading.issue('RESEND_NOT_SAFE', path, found, 'hold');
  }
  if (doubt.policy === 'probe' && !facts.probes)
    loading.issue('PROBE_NOT_POSSIBLE', path, 'probe, for a receiver that cannot be asked', 'hold');
}

/** Asks the adapter whether its settings can be used, and holds what it promises against `inDoubt`. */
export function describeDestination(
  loading: Loading,
  { name, definition, config, shape }: ReadDestination,
  resources: Resources,
  files: readonly ReadFile[] = [],
): void {
  const path = ['destinations', name];
  try {
    const facts = definition.describe(config, resources);
    checkDoubt(loading, [...path, 'inDoubt'], doubtOf(shape.inDoubt), facts);
    const outcomes = destinationOutcomes(definition);
    const mode = (shape.batch ?? SINGLY).mode;
    for (const [code, override] of Object.entries(shape.outcomes)) {
      const problem = overrideProblem(code, override, { repeatable: facts.repeatable, mode, outcomes });
      if (problem !== undefined)
        loading.issue('OUTCOME_OVERRIDE', [...path, 'outcomes', code], problem, 'another line, or none');
    }
  } catch (error) {
    reportUnusable(loading, files, error, path, config, definition.resources ?? []);
  }
}
