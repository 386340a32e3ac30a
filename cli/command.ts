import type { ParseArgsOptionsConfig } from 'node:util';

/** What a command is given. */
export interface Invocation {
  /** Flags by name, as `util.parseArgs` reads them. */
  readonly flags: Readonly<Record<string, string | boolean | undefined>>;
  readonly words: readonly string[];
  /** Values of flags that may be given several times. */
  readonly lists?: Readonly<Record<string, readonly string[]>>;
  /** One line for people, or JSON for programs, on standard output. */
  readonly print: (line: string) => void;
  /** One line about progress or problems, on standard error. */
  readonly tell: (line: string) => void;
}

/** One command: one file in `commands/`. */
export interface Command {
  readonly name: string;
  readonly summary: string;
  /** Words after the name: `FILE --service NAME`. */
  readonly usage: string;
  /** Flags with their description; the help and the docs are made from it. */
  readonly flags: Readonly<
    Record<
      string,
      {
        readonly type: 'string' | 'boolean';
        readonly description: string;
        readonly value?: string;
        /** It may be given several times. */
        readonly multiple?: true;
      }
    >
  >;
  run(invocation: Invocation): Promise<number>;
}

/** Exit codes, written once; the docs are made from it. */
export const EXIT = {
  ok: { code: 0, means: 'Done; for `run`: stopped by SIGTERM or SIGINT after the calls in flight were finished.' },
  unexpected: {
    code: 1,
    means: 'Something failed that no other code names; the message says what. For `test`: a case failed.',
  },
  usage: {
    code: 2,
    means:
      'The command line is wrong; for `test` also: no case was run, since the production or a tests file has problems.',
  },
  configuration: { code: 3, means: 'The production has problems; each was printed.' },
  held: { code: 4, means: 'Another engine or command holds the data folder.' },
  refused: { code: 5, means: 'What was asked was refused: the submission, the decision, the name.' },
  mismatch: { code: 6, means: '`verify` found something that does not hold.' },
  ledger: {
    code: 7,
    means: 'The ledger died while the engine ran; the process ended at once, nothing that was confirmed is lost.',
  },
} as const;

/** The command line cannot be understood. */
export class UsageError extends Error {}

/** A flag that must be there. @throws UsageError */
export function requiredFlag(invocation: Invocation, name: string): string {
  const value = invocation.flags[name];
  if (typeof value !== 'string' || value === '') throw new UsageError(`--${name} is missing`);
  return value;
}

export function optionalFlag(invocation: Invocation, name: string): string | undefined {
  const value = invocation.flags[name];
  return typeof value === 'string' ? value : undefined;
}

/** A flag's whole number. @throws UsageError */
export function wholeNumber(text: string, flag: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new UsageError(`--${flag} takes a whole number`);
  return Number(text);
}

/** The one word that a command takes. @throws UsageError */
export function oneWord({ words }: Invocation, what: string): string {
  const [word, ...others] = words;
  if (word === undefined) throw new UsageError(`${what} is missing`);
  if (others.length > 0) throw new UsageError(`one ${what} is taken, and ${words.length} words were given`);
  return word;
}

export function parseOptions(command: Command): ParseArgsOptionsConfig {
  return Object.fromEntries(
    Object.entries(command.flags).map(([name, { type, multiple = false }]) => [name, { type, multiple }]),
  );
}

/** Flags that several commands have. */
export const DATA_FLAG = {
  data: { type: 'string', value: 'DIR', description: 'Data folder; default: $WAYBILL_DATA, or `data`.' },
} as const;
export const JSON_FLAG = { json: { type: 'boolean', description: 'Print JSON instead of text.' } } as const;
export const ADAPTERS_FLAG = {
  adapters: { type: 'string', value: 'DIR', description: 'A folder with adapters of your own.' },
} as const;
