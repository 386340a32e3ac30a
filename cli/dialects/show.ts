/** A dialect as a file of its own: with what it extends, and with what is meant where nothing is said. */
import { stringify } from 'yaml';
import type { Resources } from '../../engine/contracts/resources.ts';
import { type Dialect, dialectLines, resolveDialect } from '../../operations/soap/dialect.ts';

/** The whole dialect as YAML that could stand in a file of its own. @throws WaybillError for one that is not whole */
export function dialectText(name: string, resources: Resources): string {
  const { lines, isGeneric, chain } = dialectLines(name, resources);
  const above = chain.slice(1);
  const head = above.length === 0 ? '' : `# with the lines of ${above.join(', then of ')}\n`;
  if (!isGeneric) return head + asYaml(linesOf(resolveDialect(name, resources)));
  const { extends: _, ...rest } = lines;
  return `${head}# The names are those under \`generic\` of the destination.\n${asYaml(rest)}`;
}

function asYaml(data: unknown): string {
  return stringify(data, { lineWidth: 0, defaultStringType: 'PLAIN', aliasDuplicateObjects: false });
}

/** The keys of a file, in its order. */
function linesOf(dialect: Dialect): Readonly<Record<string, unknown>> {
  const { batch, status, generic: _, headers, addressing, statuses, faults, probe, ...rest } = dialect;
  const { rules, maxBytes, ...others } = batch;
  const { unmentioned, ...more } = rules;
  return {
    ...rest,
    ...(headers.length === 0 ? {} : { headers }),
    ...(addressing ? { addressing } : {}),
    batch: {
      ...others,
      missing: unmentioned,
      ...more,
      ...(maxBytes === undefined ? {} : { maxBytes: `${maxBytes}B` }),
    },
    ...(probe === undefined ? {} : { probe }),
    ...(status === undefined ? {} : { status: statusLines(status) }),
    ...(Object.keys(statuses).length === 0 ? {} : { statuses }),
    faults,
  };
}

function statusLines({ by: _, every, states, ...rest }: NonNullable<Dialect['status']>): object {
  const said = Object.entries(states).filter(([, words]) => words.length > 0);
  return {
    ...rest,
    ...(said.length === 0 ? {} : { states: Object.fromEntries(said) }),
    ...(every === undefined ? {} : { every: `${every}ms` }),
  };
}
