import { type Command, EXIT } from '../../cli/command.ts';
import { COMMAND_GROUPS, COMMANDS } from '../../cli/commands.ts';
import { cell } from './markdown.ts';
import { pageHead } from './pages.ts';

/** `docs/reference/cli.md`: every command with its flags, and what exit codes mean. */
export async function cliPage(): Promise<string> {
  const commands = await Promise.all(Object.values(COMMANDS).map((load) => load()));
  const groups = Object.entries(COMMAND_GROUPS).map(([title, members]) =>
    overview(
      title,
      commands.filter(({ name }) => Object.hasOwn(members, name)),
    ),
  );
  return [
    pageHead('Command line'),
    'Results go to standard output, progress and problems to standard error. With `--json` keys are stable and times are',
    'ISO 8601 in UTC; without it times are in the zone of the machine. No command shows a value of a row unless it is asked',
    'to (`trace --bodies`, `transform`), and none ever shows a secret.',
    '',
    ...groups.flat(),
    ...commands.flatMap(section),
    '## Exit codes',
    '',
    '| code | means |',
    '| --- | --- |',
    ...Object.values(EXIT).map(({ code, means }) => `| ${code} | ${cell(means)} |`),
    '',
  ].join('\n');
}

function overview(title: string, commands: readonly Command[]): string[] {
  const rows = commands.map(({ name, summary }) => `| [${name}](#waybill-${name}) | ${cell(summary)} |`);
  return [`## ${title}`, '', '| command | does |', '| --- | --- |', ...rows, ''];
}

function section({ name, summary, usage, flags }: Command): string[] {
  const rows = Object.entries(flags).map(
    ([flag, { value, description }]) =>
      `| \`--${flag}${value === undefined ? '' : ` ${value}`}\` | ${cell(description)} |`,
  );
  const table = rows.length === 0 ? [] : ['| flag | means |', '| --- | --- |', ...rows, ''];
  return [`## waybill ${name}`, '', '```', `waybill ${name} ${usage}`.trimEnd(), '```', '', summary, '', ...table];
}
