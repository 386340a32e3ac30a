/** Holds tests against the production that they are for: is there what they name, and how is each input read? */
import { existsSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { withKeys } from '../../engine/config/adapters.ts';
import type { ProblemList } from '../../engine/config/problems.ts';
import { listWords, suggest } from '../../engine/config/suggest.ts';
import { validate } from '../../engine/config/validate.ts';
import { treeAt } from '../../engine/config/yaml.ts';
import type { Production, Route } from '../../engine/contracts/production.ts';
import type { KeyPath } from '../../engine/contracts/resources.ts';
import type { FormatReference } from '../../engine/contracts/service.ts';
import type { Registry } from '../../engine/registry.ts';
import { Type } from '../../engine/schema.ts';
import { TEST_ERRORS, type TestErrorCode } from './errors.ts';
import { type CaseData, type Circumstances, RESERVED } from './schema.ts';
import { TESTS_FOLDER, type TestsFile } from './tests-file.ts';

/** Later than any date that people write into rows, so that `notAfter: today` holds; always the same. */
const ACCEPTED_AT = '2030-01-01T12:00:00Z';
const DEFAULT_NAME = 'test';
const TYPE_KEY = { type: Type.String({ minLength: 1, description: 'Name of the format.' }) };

/** One case, ready to run. */
export interface PreparedCase {
  readonly file: TestsFile;
  readonly index: number;
  readonly data: CaseData;
  /** Milliseconds since 1970. */
  readonly acceptedAt: number;
  readonly fields: Readonly<Record<string, string>>;
  readonly partner: string;
  /** The sender's name for the input. */
  readonly submissionName: string;
  readonly service: string;
  readonly format: FormatReference;
  /** The file to read, absolute; or the input itself. */
  readonly input: { readonly path: string } | { readonly bytes: Uint8Array };
}

/** How an input comes to a route. */
interface Feed {
  readonly service: string;
  readonly format: FormatReference;
}

/** The cases of a file that can run; what is wrong becomes problems of the file. */
export async function prepareTests(
  file: TestsFile,
  production: Production,
  registry: Registry,
  problems: ProblemList,
): Promise<readonly PreparedCase[]> {
  return new Preparation(file, production, registry, problems).cases();
}

class Preparation {
  readonly #file: TestsFile;
  readonly #production: Production;
  readonly #registry: Registry;
  readonly #problems: ProblemList;

  constructor(file: TestsFile, production: Production, registry: Registry, problems: ProblemList) {
    this.#file = file;
    this.#production = production;
    this.#registry = registry;
    this.#problems = problems;
  }

  async cases(): Promise<readonly PreparedCase[]> {
    const { route: name, cases } = this.#file.data;
    const routes = this.#production.routes;
    const route = Object.hasOwn(routes, name) ? routes[name] : undefined;
    if (!route) {
      this.#unknown('TEST_ROUTE_UNKNOWN', ['route'], name, Object.keys(routes));
      return [];
    }
    this.#time([], this.#file.data);
    const prepared: PreparedCase[] = [];
    for (const [index, data] of cases.entries()) {
      const ready = await this.#case(route, index, data);
      if (ready) prepared.push(ready);
    }
    return prepared;
  }

  async #case(route: Route, index: number, data: CaseData): Promise<PreparedCase | undefined> {
    const path = ['cases', index];
    this.#entries(route, [...path, 'expect'], Object.keys(data.expect));
    const acceptedAt = this.#time(path, data) ?? Date.parse(this.#file.data.acceptedAt ?? ACCEPTED_AT);
    const input = this.#input(path, data);
    const submissionName = data.fileName ?? (data.file === undefined ? DEFAULT_NAME : basename(data.file));
    const feed = await this.#feed(path, data, submissionName);
    if (!input || !feed) return undefined;
    const { fields = {}, partner = '' } = { ...this.#file.data, ...data };
    return { file: this.#file, index, data, acceptedAt, fields, partner, submissionName, ...feed, input };
  }

  #entries(route: Route, path: KeyPath, keys: readonly string[]): void {
    const known = [...new Set(route.to.flatMap(({ name, destination }) => [name, destination])), ...RESERVED];
    for (const key of keys) {
      if (!known.includes(key)) this.#unknown('TEST_ENTRY_UNKNOWN', [...path, key], key, known);
    }
  }

  #time(path: KeyPath, { acceptedAt }: Circumstances): number | undefined {
    if (acceptedAt === undefined) return undefined;
    const at = /^\d{4}-\d\d-\d\dT.*(Z|[+-]\d\d:\d\d)$/.test(acceptedAt) ? Date.parse(acceptedAt) : Number.NaN;
    if (Number.isNaN(at))
      this.#add('TEST_TIME', [...path, 'acceptedAt'], acceptedAt, 'a time such as 2024-05-01T08:30:00Z');
    return at;
  }

  #input(path: KeyPath, { rows, file, messages, input }: CaseData): PreparedCase['input'] | undefined {
    const given = Object.entries({ rows, file, messages, input }).filter(([, value]) => value !== undefined);
    if (given.length !== 1) {
      const found =
        given.length === 0
          ? 'none of them'
          : listWords(
              given.map(([key]) => key),
              'and',
            );
      this.#add('TEST_INPUT', path, found, 'one of rows, file, messages or input');
      return undefined;
    }
    if (messages) return { bytes: Buffer.from(messages.map(asMessage).join('')) };
    if (file === undefined) return { bytes: Buffer.from(rows ?? input ?? '') };
    const absolute = join(this.#production.folder, TESTS_FOLDER, file);
    if (existsSync(absolute) && statSync(absolute).isFile()) return { path: absolute };
    this.#add('TEST_FILE_NOT_READABLE', [...path, 'file'], `no file ${TESTS_FOLDER}/${file}`, 'the path of a file');
    return undefined;
  }

  /** By the format of the case or its file; else by the only one that feeds the route; else by the name of the input. */
  async #feed(path: KeyPath, data: CaseData, name: string): Promise<Feed | undefined> {
    const route = this.#file.data.route;
    if (data.format) return this.#givenFormat([...path, 'format']);
    if (this.#file.data.format) return this.#givenFormat(['format']);
    const { feeds, matching } = await this.#feedsOf(route, name);
    const [first, ...others] = feeds;
    if (!first) {
      this.#add('TEST_NOT_FED', ['route'], `${route}, which nothing feeds`, 'a route with a rule, or format:');
      return undefined;
    }
    if (matching) return matching;
    const formats = new Set(feeds.map(({ format }) => JSON.stringify(format)));
    if (others.length === 0 || formats.size === 1) return first;
    const found = `${formats.size} formats that feed ${route}`;
    this.#add('TEST_FORMAT_UNCLEAR', [...path, 'name'], found, 'format: or fileName: in this case');
    return undefined;
  }

  async #feedsOf(route: string, name: string): Promise<{ feeds: readonly Feed[]; matching: Feed | undefined }> {
    const feeds: Feed[] = [];
    let matching: Feed | undefined;
    for (const [service, { type, config }] of Object.entries(this.#production.services)) {
      const definition = await this.#registry.get('service', type);
      const rules = definition.rules(config).filter(({ rule }) => rule.route === route);
      feeds.push(...rules.map(({ rule }) => ({ service, format: rule.format })));
      const rule = definition.match(config, name)?.rule;
      if (rule?.route === route) matching ??= { service, format: rule.format };
    }
    for (const { answersTo } of Object.values(this.#production.destinations)) {
      if (answersTo?.route === route) feeds.push({ service: '', format: answersTo.format });
    }
    return { feeds, matching };
  }

  async #givenFormat(path: KeyPath): Promise<Feed | undefined> {
    const tree = treeAt(this.#file.yaml.tree, path) ?? {};
    const type = treeAt(tree, ['type']);
    const name = typeof type === 'string' ? type : '';
    if (!this.#registry.has('format', name)) {
      const names = this.#registry.names('format');
      const near = suggest(name, names);
      const cure = near ? `write ${near}` : 'name a format';
      this.#issue('UNKNOWN_ADAPTER', [...path, 'type'], name, near ?? listWords(names), cure);
      return undefined;
    }
    const { schema } = await this.#registry.get('format', name);
    const { value, issues } = validate(tree, withKeys(schema, TYPE_KEY), { at: path });
    this.#problems.addIssues(this.#file.file, this.#file.yaml, issues);
    return issues.length === 0 ? { service: '', format: value as FormatReference } : undefined;
  }

  #unknown(code: TestErrorCode, path: KeyPath, found: string, known: readonly string[]): void {
    const near = suggest(found, known);
    this.#add(code, path, found, near ?? listWords(known), near ? `write ${near}` : undefined);
  }

  #add(code: TestErrorCode, path: KeyPath, found: string, expected: string, cure?: string): void {
    this.#issue(code, path, found, expected, cure ?? TEST_ERRORS[code].cure);
  }

  #issue(code: string, path: KeyPath, found: string, expected: string, cure: string): void {
    this.#problems.addIssues(this.#file.file, this.#file.yaml, [{ path, code, found, expected, cure }]);
  }
}

/** A message as it goes over the wire: its lines end with CR. */
function asMessage(text: string): string {
  return `${text.replace(/\r\n|\r|\n/g, '\r').replace(/\r+$/, '')}\r`;
}
