/** Reads scenarios: a YAML file, or the sins that a request itself asks for in its header `x-twin`. */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { CONFIG_ERRORS } from '../../../engine/config/errors.ts';
import { formatProblem, type Problem, ProblemList } from '../../../engine/config/problems.ts';
import { validate } from '../../../engine/config/validate.ts';
import { isTreeList, isTreeMap, parseYaml, type Tree, treeAt } from '../../../engine/config/yaml.ts';
import type { Issue, KeyPath } from '../../../engine/contracts/resources.ts';
import { codeOf, WaybillError } from '../../../engine/errors.ts';
import { Keys, Size, Type, Words } from '../../../engine/schema.ts';
import type { Dialect } from '../dialect.ts';
import { SOAP_ERRORS, type SoapErrorCode } from '../errors.ts';
import type { Rule, Scenario, When } from './scenario.ts';
import { isEarly, SIN_NAMES, SIN_SCHEMA, SINS, type Sin } from './sins.ts';

const TIME = '([01]\\d|2[0-3]):[0-5]\\d';

const WHEN = Keys(
  {
    request: Type.Optional(
      Type.String({
        pattern: '^[1-9]\\d*(-([1-9]\\d*)?)?$',
        description: 'Number of the request, from 1: 3, 2-5 or 4-. Of its purpose, where purpose stands beside it.',
      }),
    ),
    every: Type.Optional(Type.Integer({ minimum: 1, description: 'Every so many requests, counted alike.' })),
    probability: Type.Optional(Type.Number({ minimum: 0, maximum: 1, description: 'Drawn by the seed.' })),
    purpose: Type.Optional(
      Words(['submit', 'test', 'status'], {
        description: "submit: brings messages. test: the dialect's probe. status: asks what became of something.",
      }),
    ),
    controlId: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 200,
        description: 'One of its messages has such a control id (MSH-10); * stands for any text.',
      }),
    ),
    messagesOver: Type.Optional(Type.Integer({ minimum: 0, description: 'It brings more messages than that.' })),
    bytesOver: Type.Optional(Size({ description: 'Its body is larger.' })),
    between: Type.Optional(
      Type.String({ pattern: `^${TIME}-${TIME}$`, description: 'Time of day, such as 22:00-06:00.' }),
    ),
    onceTaken: Type.Optional(Type.Integer({ minimum: 0, description: 'So many messages or more were taken before.' })),
    untilTaken: Type.Optional(Type.Integer({ minimum: 1, description: 'Fewer messages than that were taken before.' })),
  },
  { description: 'All that stands here must hold; without it the rule acts on every request.' },
);

/** The language of a scenario's file. */
export const SCENARIO_SCHEMA = Keys({
  scenario: Type.String({
    pattern: '^[a-z0-9][a-z0-9-]*$',
    description: 'its name, in small letters, digits and dashes',
  }),
  seed: Type.Integer({ minimum: 0, default: 1, description: 'The same seed draws the same.' }),
  timeZone: Type.Unsafe({
    type: 'string',
    'x-waybill': 'timeZone',
    default: 'UTC',
    description: 'For between.',
  }),
  rules: Type.Array(
    Keys({
      name: Type.Optional(Type.String({ minLength: 1, description: 'For people.' })),
      when: Type.Optional(WHEN),
      times: Type.Optional(Type.Integer({ minimum: 1, description: 'Acts at most so many times.' })),
      do: Type.Union([SIN_SCHEMA, Type.Array(SIN_SCHEMA, { minItems: 1 })], {
        description: 'A sin, or several at once; a sin without keys may be written as its name.',
      }),
    }),
    { minItems: 1, description: 'From top to bottom; the first that fits acts.' },
  ),
});

/** A scenario that cannot be played. The message has a line for each problem. */
export class ScenarioError extends WaybillError {
  readonly problems: readonly Problem[];

  constructor(file: string, problems: readonly Problem[]) {
    super('SOAP_TWIN_SCENARIO', problems.map(formatProblem).join('\n'), { file });
    this.problems = problems;
  }
}

/** A sin that is written as its name alone, as the map that the schema knows. */
function spelledOut(tree: Tree): Tree {
  if (typeof tree === 'string') return { sin: tree };
  return isTreeList(tree) ? tree.map((each) => (typeof each === 'string' ? { sin: each } : each)) : tree;
}

function withSinsSpelledOut(tree: Tree): Tree {
  if (!isTreeMap(tree) || !isTreeList(tree.rules)) return tree;
  const rules = tree.rules.map((rule) =>
    isTreeMap(rule) && rule.do !== undefined ? { ...rule, do: spelledOut(rule.do) } : rule,
  );
  return { ...tree, rules };
}

/** True for a sin that is written as its name alone: what is wrong inside it is wrong with the name. */
function isName(tree: Tree | undefined): boolean {
  return typeof tree === 'string';
}

function issue(code: SoapErrorCode, path: KeyPath, found: string, expected: string): Issue {
  return { path, code, found, expected, cure: SOAP_ERRORS[code].cure };
}

/** What is wrong with a sin that its schema cannot know. */
function sinIssues(sin: Sin, dialect: Dialect, path: KeyPath): readonly Issue[] {
  if (sin.sin === 'too-large' && sin.messages === undefined && sin.bytes === undefined) {
    return [issue('SOAP_TWIN_SIN', path, 'too-large without a limit', 'messages, bytes or both')];
  }
  const group = SINS[sin.sin].group;
  if (group === 'status' && !dialect.status) {
    return [issue('SOAP_TWIN_SIN', path, `${sin.sin} with ${dialect.dialect}`, 'a dialect with a status query')];
  }
  if (sin.sin === 'success-false' && !dialect.answer.success) {
    return [issue('SOAP_TWIN_SIN', path, `success-false with ${dialect.dialect}`, 'a dialect with a success flag')];
  }
  if (sin.sin === 'fault') {
    const known = [...Object.keys(dialect.faults).filter((name) => name !== 'other'), 'Sender', 'Receiver'];
    if (known.includes(sin.fault)) return [];
    const words = [...new Set(known)].join(', ');
    return [issue('SOAP_TWIN_SIN', [...path, 'fault'], sin.fault, `a fault of ${dialect.dialect}: ${words}`)];
  }
  return [];
}

function ruleIssues({ when, do: sins }: Rule, dialect: Dialect, path: KeyPath, written: Tree | undefined) {
  const at = (index: number): KeyPath => (isTreeList(written) ? [...path, 'do', index] : [...path, 'do']);
  const early = sins.find(isEarly);
  const later = (['purpose', 'controlId', 'messagesOver'] as const).filter((key) => when?.[key] !== undefined);
  return [
    ...sins.flatMap((sin, index) => sinIssues(sin, dialect, at(index))),
    ...(early === undefined
      ? []
      : later.map((key) =>
          issue('SOAP_TWIN_EARLY', [...path, 'when', key], `${key} beside ${early.sin}`, 'what the headers say'),
        )),
    ...(early !== undefined && sins.length > 1
      ? [issue('SOAP_TWIN_EARLY', [...path, 'do'], `${early.sin} and others`, `${early.sin} alone`)]
      : []),
  ];
}

interface Written {
  readonly scenario: string;
  readonly seed: number;
  readonly timeZone: string;
  readonly rules: readonly (Omit<Rule, 'do'> & { readonly when?: When; readonly do: Sin | readonly Sin[] })[];
}

function isList(sins: Sin | readonly Sin[]): sins is readonly Sin[] {
  return Array.isArray(sins);
}

/**
 * A scenario from its text.
 * @param file its name in messages
 * @throws ScenarioError with every problem and its place
 */
export function parseScenario(text: string, file: string, dialect: Dialect): Scenario {
  const yaml = parseYaml(text);
  const problems = new ProblemList();
  problems.addSyntax(file, yaml);
  if (yaml.tree === undefined) {
    if (yaml.issues.length === 0)
      problems.addIssues(file, yaml, [
        {
          path: [],
          code: 'WRONG_SHAPE',
          found: 'an empty file',
          expected: 'a map that begins with scenario',
          cure: CONFIG_ERRORS.WRONG_SHAPE.cure,
        },
      ]);
    throw new ScenarioError(file, problems.sorted());
  }
  const tree = withSinsSpelledOut(yaml.tree);
  const { value, issues } = validate(tree, SCENARIO_SCHEMA);
  const where = (path: KeyPath): KeyPath => (isName(treeAt(yaml.tree, path.slice(0, -1))) ? path.slice(0, -1) : path);
  problems.addIssues(
    file,
    yaml,
    issues.map((each) => ({ ...each, path: where(each.path) })),
  );
  if (problems.hasErrors) throw new ScenarioError(file, problems.sorted());
  const written = value as Written;
  const rules = written.rules.map((rule): Rule => ({ ...rule, do: isList(rule.do) ? rule.do : [rule.do] }));
  const more = rules.flatMap((rule, index) => {
    const path = ['rules', index];
    const given = written.rules[index]?.do;
    return ruleIssues(rule, dialect, path, given !== undefined && isList(given) ? [] : undefined);
  });
  problems.addIssues(file, yaml, more);
  if (problems.hasErrors) throw new ScenarioError(file, problems.sorted());
  return { scenario: written.scenario, seed: written.seed, timeZone: written.timeZone, rules };
}

/**
 * A scenario from a file in UTF-8.
 * @throws ScenarioError; WaybillError SOAP_TWIN_SCENARIO_FILE where it cannot be read
 */
export function readScenario(path: string, dialect: Dialect): Scenario {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path));
  } catch (error) {
    const why = error instanceof TypeError ? 'it is not in UTF-8' : codeOf(error);
    throw new WaybillError('SOAP_TWIN_SCENARIO_FILE', `the scenario ${path} cannot be read: ${why}`, {
      file: path,
      cause: error,
    });
  }
  return parseScenario(text, basename(path), dialect);
}

/**
 * The sins that a header asks for: `NAME key=value key=value; NAME`.
 * @throws WaybillError SOAP_TWIN_SIN; the message is fit for an answer
 */
export function parseSins(header: string, dialect: Dialect): readonly Sin[] {
  return header.split(';').map((text) => {
    const [name = '', ...pairs] = text.trim().split(/\s+/);
    const keys = pairs.map((pair): [string, string] => {
      const at = pair.indexOf('=');
      return at < 0 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)];
    });
    const { value, issues } = validate({ ...Object.fromEntries(keys), sin: name }, SIN_SCHEMA);
    const sin = value as Sin;
    const [first] = issues.length > 0 ? issues : sinIssues(sin, dialect, []);
    if (!first) return sin;
    const where = first.path.length === 0 ? name : `${name} ${first.path.join('.')}`;
    throw new WaybillError(
      'SOAP_TWIN_SIN',
      `x-twin: ${where}: found ${first.found}, expected ${first.expected}, what to do: ${first.cure}`,
    );
  });
}

/** One line for each sin: its name, what it does, and its keys. */
export function listSins(): readonly string[] {
  return SIN_NAMES.map((name) => {
    const keys = Object.keys(SINS[name].keys).join(', ');
    return `${name}: ${SINS[name].does}${keys === '' ? '' : ` Keys: ${keys}.`}`;
  });
}
