/** What is wrong with a record map beyond its schema. */
import { RE2JS, RE2JSException } from 're2js';
import type { Issue, KeyPath, Resources } from '../../engine/contracts/resources.ts';
import { compileDateReader, datePatternProblem } from '../../engine/dates.ts';
import { compileColumn } from './columns.ts';
import { CSV_ERRORS } from './errors.ts';
import { type Column, mustStandInHeader, type RecordMap } from './record-map.ts';

type Code = keyof typeof CSV_ERRORS;

/** Every problem of a record map, with its path. Reads only tables of the production. */
export function checkRecordMap(map: RecordMap, resources: Resources): readonly Issue[] {
  return [
    ...nameIssues(map),
    ...map.columns.flatMap((column, index) => columnIssues(column, ['columns', index], resources)),
    ...uniqueIssues(map),
  ];
}

function issue(code: Code, path: KeyPath, found: string, expected: string): Issue {
  return { path, code, found: found.slice(0, 80), expected, cure: CSV_ERRORS[code].cure };
}

function nameIssues(map: RecordMap): Issue[] {
  const issues: Issue[] = [];
  const owners = new Map<string, string>();
  const fold = (name: string) => (map.headerCase === 'ignore' ? name.toLowerCase() : name);
  map.columns.forEach((column, index) => {
    const names: [string, KeyPath][] = [[column.name, ['columns', index, 'name']]];
    column.aliases?.forEach((alias, at) => {
      names.push([alias, ['columns', index, 'aliases', at]]);
    });
    for (const [name, path] of names) {
      const owner = owners.get(fold(name));
      if (name.trim() !== name) issues.push(issue('BAD_RULE', path, name, 'a name without white space around it'));
      if (owner !== undefined)
        issues.push(issue('COLUMN_REPEATED', path, name, `a name that is not one of column ${owner}`));
      owners.set(fold(name), column.name);
    }
  });
  return issues;
}

function columnIssues(column: Column, path: KeyPath, resources: Resources): Issue[] {
  const issues = [...typeIssues(column, path), ...tableIssues(column, path, resources), ...textIssues(column, path)];
  for (const [index, format] of (column.formats ?? []).entries()) {
    const problem = datePatternProblem(format, 'read');
    if (problem !== undefined) issues.push(issue('BAD_DATE_FORMAT', [...path, 'formats', index], format, problem));
  }
  for (const key of ['notAfter', 'notBefore'] as const) {
    const day = column[key];
    if (day === undefined || day === 'today' || compileDateReader('yyyy-MM-dd')(day)) continue;
    issues.push(issue('BAD_RULE', [...path, key], day, 'a day that exists, or today'));
  }
  if (column.required && !mustStandInHeader(column) && column.default === undefined) {
    issues.push(
      issue('BAD_RULE', [...path, 'inHeader'], 'optional', 'a default, as every row would lack the required value'),
    );
  }
  // A default is tried only where the rules themselves are sound.
  return issues.length > 0 ? issues : defaultIssues(column, path, resources);
}

/** Keys that a type needs, or that only some types have. */
function typeIssues(column: Column, path: KeyPath): Issue[] {
  const issues: Issue[] = [];
  const dated = column.type === 'date' || column.type === 'dateTime';
  const coded = column.type === 'code';
  if (dated && column.formats === undefined) {
    issues.push(issue('BAD_DATE_FORMAT', path, `no formats for ${column.name}`, 'formats, such as [yyyy-MM-dd]'));
  }
  if (coded && column.table === undefined)
    issues.push(issue('UNKNOWN_TABLE', path, `no table for ${column.name}`, 'a table'));
  const strays = [
    ...(dated ? [] : (['formats', 'notAfter', 'notBefore'] as const)),
    ...(coded ? [] : (['table', 'ignoreCase'] as const)),
  ];
  for (const key of strays) {
    if (column[key] === undefined) continue;
    const expected = `nothing: it does not go with type ${column.type}`;
    issues.push(issue('BAD_RULE', [...path, key], String(column[key]), expected));
  }
  return issues;
}

function tableIssues(column: Column, path: KeyPath, resources: Resources): Issue[] {
  if (column.table === undefined || Object.hasOwn(resources.tables, column.table)) return [];
  const names = Object.keys(resources.tables).slice(0, 20).join(', ') || 'none';
  return [issue('UNKNOWN_TABLE', [...path, 'table'], column.table, `a table of the production (there are: ${names})`)];
}

function textIssues(column: Column, path: KeyPath): Issue[] {
  const issues: Issue[] = [];
  if (column.minLength !== undefined && column.maxLength !== undefined && column.minLength > column.maxLength) {
    const expected = `at most maxLength, ${column.maxLength}`;
    issues.push(issue('BAD_RULE', [...path, 'minLength'], String(column.minLength), expected));
  }
  const problem = column.pattern === undefined ? undefined : patternProblem(column.pattern);
  if (problem !== undefined) issues.push(issue('BAD_PATTERN', [...path, 'pattern'], column.pattern ?? '', problem));
  return issues;
}

function patternProblem(pattern: string): string | undefined {
  try {
    RE2JS.compile(pattern);
    return undefined;
  } catch (error) {
    if (error instanceof RE2JSException) return `a regular expression of RE2 (${error.message})`;
    throw error;
  }
}

function defaultIssues(column: Column, path: KeyPath, resources: Resources): Issue[] {
  if (column.default === undefined) return [];
  if (column.default === '') {
    return [issue('BAD_DEFAULT', [...path, 'default'], '(empty)', 'a text, or no default')];
  }
  // Days that `today` compares with are known only when rows are read.
  const { notAfter, notBefore, ...rest } = column;
  const fixed = {
    ...rest,
    ...(notAfter === undefined || notAfter === 'today' ? {} : { notAfter }),
    ...(notBefore === undefined || notBefore === 'today' ? {} : { notBefore }),
  };
  const faults = compileColumn(fixed, resources).faultsOf(column.default, '9999-12-31');
  return faults.map((fault) => issue('BAD_DEFAULT', [...path, 'default'], column.default ?? '', fault.reason));
}

function uniqueIssues(map: RecordMap): Issue[] {
  const names = new Set(map.columns.map((column) => column.name));
  const issues: Issue[] = [];
  map.unique?.columns.forEach((name, index) => {
    const path = ['unique', 'columns', index];
    if (!names.has(name))
      issues.push(issue('UNKNOWN_COLUMN', path, name, `a column (${[...names].slice(0, 20).join(', ')})`));
    if (map.unique?.columns.indexOf(name) !== index)
      issues.push(issue('COLUMN_REPEATED', path, name, 'each column once'));
  });
  return issues;
}
