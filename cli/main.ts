import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { suggest } from '../engine/config/suggest.ts';
import { codeOf, messageOf, WaybillError } from '../engine/errors.ts';
import { type Command, EXIT, parseOptions, UsageError } from './command.ts';
import { COMMAND_GROUPS, COMMANDS } from './commands.ts';
import { goOnLean } from './lean.ts';
import { visible } from './output.ts';

/** Runs one command line; gives the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === 'help' || name === '--help') return help(rest[0]);
  if (name === '--version') return version();
  const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!load) return unknown(name);
  // Before anything large is loaded: the process begins anew.
  if (name === 'run') goOnLean();
  const command = await load();
  try {
    const { values, positionals } = parseArgs({
      args: rest,
      options: { ...parseOptions(command), help: { type: 'boolean' } },
      allowPositionals: true,
      strict: true,
    });
    if (values.help === true) return help(name);
    return await command.run({
      flags: values as Record<string, string | boolean | undefined>,
      words: positionals,
      lists: listsOf(values),
      print,
      tell,
    });
  } catch (error) {
    return failed(command, error);
  }
}

/** Flags that were given several times. */
function listsOf(values: Readonly<Record<string, unknown>>): Readonly<Record<string, readonly string[]>> {
  const lists = Object.entries(values).filter((entry): entry is [string, string[]] => Array.isArray(entry[1]));
  return Object.fromEntries(lists);
}

function unknown(name: string): number {
  const near = suggest(name, Object.keys(COMMANDS));
  return fail(
    `There is no command ${JSON.stringify(name)}: ${near ? `did you mean ${near}? ` : ''}waybill help lists them.`,
    EXIT.usage.code,
  );
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function tell(line: string): void {
  process.stderr.write(`${visible(line)}\n`);
}

function fail(line: string, code: number): number {
  tell(line);
  return code;
}

const EXIT_BY_CODE: Readonly<Record<string, number>> = {
  CONFIGURATION: EXIT.configuration.code,
  STORE_LOCKED: EXIT.held.code,
  STORE_FAILED: EXIT.unexpected.code,
  STORE_FULL: EXIT.unexpected.code,
  ENGINE_SILENT: EXIT.unexpected.code,
};

function failed(command: Command, error: unknown): number {
  if (error instanceof UsageError || codeOf(error).startsWith('ERR_PARSE_ARGS')) {
    return fail(`${messageOf(error)}\nusage: waybill ${command.name} ${command.usage}`, EXIT.usage.code);
  }
  if (error instanceof WaybillError)
    return fail(`${error.message} (${error.code})`, EXIT_BY_CODE[error.code] ?? EXIT.refused.code);
  return fail(`${messageOf(error)} (${codeOf(error)})`, EXIT.unexpected.code);
}

function version(): number {
  const { version: v } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  print(`waybill ${v}`);
  return EXIT.ok.code;
}

async function help(name: string | undefined): Promise<number> {
  const load = name === undefined ? undefined : COMMANDS[name];
  if (load) {
    const { summary, usage, flags } = await load();
    print(`waybill ${name} ${usage}\n\n${summary}\n`);
    for (const [flag, { value, description }] of Object.entries(flags))
      print(`  --${flag}${value ? ` ${value}` : ''}\n      ${description}`);
    return EXIT.ok.code;
  }
  print('waybill COMMAND ...');
  for (const [group, commands] of Object.entries(COMMAND_GROUPS)) {
    print(`\n${group}:`);
    for (const [key, loadOne] of Object.entries(commands))
      print(`  ${key.padEnd(12)} ${short((await loadOne()).summary)}`);
  }
  print('\nwaybill help COMMAND says more, and shows its flags.');
  return EXIT.ok.code;
}

/** A summary up to where it goes into details, without what stands in brackets. */
function short(summary: string): string {
  const plain = summary.replaceAll(/ \([^)]*\)/g, '');
  return plain.split(/[:;.] |\.$/, 1)[0] ?? plain;
}

/** Standard output may be a pipe that closes early (`| head`): that is no error of ours. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT.ok.code);
});

process.exitCode = await main(process.argv.slice(2));
