/** Loads a production: read, substitute, validate everything, report every problem with its place. Starts nothing. */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { AlertSettings } from '../contracts/alerts.ts';
import type { KeepSettings } from '../contracts/keeping.ts';
import type { Destination, Production } from '../contracts/production.ts';
import { codeOf } from '../errors.ts';
import type { Registry } from '../registry.ts';
import { isRecord, readDestination, readDestinations, readServices, resourceKinds } from './adapters.ts';
import { readAlerts } from './alerts.ts';
import { checkCode } from './code.ts';
import { CONFIG_ERRORS } from './errors.ts';
import { readKeeping } from './keeping-schema.ts';
import { Loading, PRODUCTION_FILE } from './loading.ts';
import type { Problem } from './problems.ts';
import { fileProblemsBy, ProblemList } from './problems.ts';
import type { ProductionShape, RouteShape } from './production-schema.ts';
import { PRODUCTION_SCHEMA } from './production-schema.ts';
import { readResources } from './resources.ts';
import type { Parts } from './routes.ts';
import { checkRoutes, describeDestination, finishedDestination, finishedRoutes } from './routes.ts';
import { substitute } from './substitute.ts';
import { checkListeners, reportDuplicateKeys, reportUnused } from './unused.ts';
import type { YamlFile } from './yaml.ts';
import { isTreeMap, parseYaml, treeAt } from './yaml.ts';

export type { Problem } from './problems.ts';
export { formatProblem } from './problems.ts';

const report = fileProblemsBy(CONFIG_ERRORS);

export interface LoadOptions {
  /** Where `${env:NAME}` is looked up. Default: the environment of the process. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export interface Loaded {
  /** Frozen. Absent where a problem is an error. */
  readonly production?: Production;
  /** Errors and warnings, in the order of files and lines; production.yaml first. */
  readonly problems: readonly Problem[];
}

/** A destination whose secrets were read anew. */
export interface Reloaded {
  readonly destination?: Destination;
  readonly problems: readonly Problem[];
}

/**
 * Loads the production in `folder`. Imports only adapters that it uses. Never throws for what stands in the folder:
 * everything wrong with it is in `problems`, all at once.
 */
export async function loadProduction(folder: string, registry: Registry, options: LoadOptions = {}): Promise<Loaded> {
  const problems = new ProblemList();
  const loading = begin(resolve(folder), registry, problems, options);
  if (!loading) return { problems: problems.sorted() };

  const shape = usableShape(loading.validate(loading.tree, PRODUCTION_SCHEMA, []).value);
  const services = await readServices(loading);
  const destinations = await readDestinations(loading);
  const kinds = await resourceKinds(loading);
  const read = readResources(loading, kinds, shape);
  const { files, resources, faulty } = read;
  const parts: Parts = { shape, services, destinations, files, resources, faulty };
  checkRoutes(loading, parts);
  checkListeners(loading, shape, services);
  const alerts = readAlerts(loading, shape.timeZone);
  const keep = readKeeping(loading);
  reportDuplicateKeys(loading, read.files, read.tables);
  if (problems.hasErrors) return { problems: problems.sorted() };

  reportUnused(loading, parts, read.tables);
  await checkCode(loading, parts);
  if (problems.hasErrors) return { problems: problems.sorted() };
  const production = finished(loading.folder, parts, alerts, keep);
  sources.set(production, loading.yaml);
  return { production, problems: problems.sorted() };
}

/**
 * Reads the variables and files that one destination names anew, for `resume`: a mended password counts without a restart.
 * Everything else is taken from production.yaml as it was when the production was loaded.
 */
export async function reloadDestination(
  production: Production,
  name: string,
  registry: Registry,
  options: LoadOptions = {},
): Promise<Reloaded> {
  const problems = new ProblemList();
  const path = ['destinations', name];
  const loading = begin(production.folder, registry, problems, options, path, sources.get(production));
  const tree = treeAt(loading?.tree, path);
  if (!loading || !isTreeMap(tree)) {
    loading?.unknownName('UNKNOWN_DESTINATION', path, name, Object.keys(production.destinations));
    return { problems: problems.sorted() };
  }
  const read = await readDestination(loading, name, tree, path);
  if (read) describeDestination(loading, read, production.resources);
  if (!read || problems.hasErrors) return { problems: problems.sorted() };
  return { destination: finishedDestination(read, production.resources), problems: problems.sorted() };
}

/** production.yaml as it was when a production was loaded from it. */
const sources = new WeakMap<Production, YamlFile>();

/** Reads and substitutes production.yaml. With `only`, issues of substitution outside of that path do not count. */
function begin(
  folder: string,
  registry: Registry,
  problems: ProblemList,
  options: LoadOptions,
  only: readonly string[] = [],
  read?: YamlFile,
): Loading | undefined {
  const yaml = read ?? readProductionFile(folder, problems);
  if (!yaml) return undefined;
  problems.addSyntax(PRODUCTION_FILE, yaml);
  if (!isTreeMap(yaml.tree)) {
    if (yaml.issues.length === 0)
      report(problems, 'WRONG_SHAPE', PRODUCTION_FILE, 'no keys', 'a map that begins with production');
    return undefined;
  }
  const substituted = substitute(yaml.tree, { folder, env: options.env ?? process.env });
  problems.redactWith((sentence) => substituted.redact(sentence));
  const issues = substituted.issues.filter(({ path }) => only.every((step, index) => path[index] === step));
  problems.addIssues(PRODUCTION_FILE, yaml, issues);
  const tree = isTreeMap(substituted.tree) ? substituted.tree : yaml.tree;
  return new Loading(folder, registry, problems, yaml, tree, substituted);
}

function readProductionFile(folder: string, problems: ProblemList): YamlFile | undefined {
  const path = join(folder, PRODUCTION_FILE);
  try {
    if (existsSync(path)) return parseYaml(new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path)));
    report(
      problems,
      'PRODUCTION_NOT_FOUND',
      PRODUCTION_FILE,
      `no ${PRODUCTION_FILE} in ${folder}`,
      'the folder of a production',
    );
  } catch (error) {
    const found = error instanceof TypeError ? 'bytes that are not UTF-8' : codeOf(error);
    report(problems, 'PRODUCTION_NOT_FOUND', PRODUCTION_FILE, found, `a ${PRODUCTION_FILE} that can be read`);
  }
  return undefined;
}

/** What can be used of a production that may have issues: parts that are missing or of another shape are left out. */
function usableShape(value: unknown): ProductionShape {
  const given = isRecord(value) ? value : {};
  const { listen, monitor, api } = given;
  return {
    ...(isAddress<NonNullable<ProductionShape['listen']>>(listen) ? { listen } : {}),
    ...(isAddress<NonNullable<ProductionShape['monitor']>>(monitor) ? { monitor } : {}),
    ...(isAddress<NonNullable<ProductionShape['api']>>(api) ? { api } : {}),
    production: textOr(given.production, ''),
    timeZone: textOr(given.timeZone, 'UTC'),
    values: keptEntries(given, 'values', (each): each is string => typeof each === 'string'),
    tables: keptEntries(
      given,
      'tables',
      (each): each is { file: string } => isRecord(each) && typeof each.file === 'string',
    ),
    services: keptEntries(given, 'services', isTyped),
    destinations: keptEntries(given, 'destinations', isTyped),
    routes: keptEntries(given, 'routes', isRoute),
  };
}

function recordAt(value: Readonly<Record<string, unknown>>, key: string): Readonly<Record<string, unknown>> {
  const inner = value[key];
  return isRecord(inner) ? inner : {};
}

function keptEntries<T>(
  value: Readonly<Record<string, unknown>>,
  key: string,
  fits: (each: unknown) => each is T,
): Readonly<Record<string, T>> {
  const kept: Record<string, T> = Object.create(null);
  for (const [name, each] of Object.entries(recordAt(value, key))) if (fits(each)) kept[name] = each;
  return Object.freeze(kept);
}

function textOr(value: unknown, other: string): string {
  return typeof value === 'string' ? value : other;
}

function isAddress<T>(value: unknown): value is T {
  return isRecord(value) && typeof value.host === 'string' && typeof value.port === 'number';
}

function isTyped(value: unknown): value is { type: string } {
  return isRecord(value);
}

function isRoute(value: unknown): value is RouteShape {
  if (!isRecord(value) || !Array.isArray(value.filter) || !Array.isArray(value.to)) return false;
  const filters = value.filter.every((each) => hasTexts(each, ['dropWhen'], []));
  return filters && value.to.every((each) => hasTexts(each, ['destination'], ['transform', 'name', 'when']));
}

function hasTexts(value: unknown, required: readonly string[], optional: readonly string[]): boolean {
  if (!isRecord(value) || required.some((key) => typeof value[key] !== 'string')) return false;
  return optional.every((key) => value[key] === undefined || typeof value[key] === 'string');
}

function finished(
  folder: string,
  { shape, services, destinations, resources }: Parts,
  alerts: AlertSettings | undefined,
  keep: KeepSettings | undefined,
): Production {
  const running: Record<string, { readonly type: string; readonly config: unknown }> = Object.create(null);
  for (const { name, type, config } of services) running[name] = Object.freeze({ type, config });
  const sending: Record<string, Destination> = Object.create(null);
  for (const destination of destinations) sending[destination.name] = finishedDestination(destination, resources);
  return Object.freeze({
    name: shape.production,
    folder,
    resources,
    services: Object.freeze(running),
    routes: finishedRoutes(shape),
    destinations: Object.freeze(sending),
    ...(shape.listen ? { listen: Object.freeze(shape.listen) } : {}),
    ...(shape.monitor ? { monitor: shape.monitor } : {}),
    ...(shape.api ? { api: Object.freeze(shape.api) } : {}),
    ...(alerts ? { alerts } : {}),
    ...(keep ? { keep } : {}),
  });
}
