/** Commands on a running production, read as data: what an operator sees. */
import assert from 'node:assert/strict';
import { type Command, EXIT } from '../../cli/command.ts';
import { status } from '../../cli/commands/status.ts';
import { trace } from '../../cli/commands/trace.ts';
import { type Ran, waybill } from '../support/engine.ts';
import type { TestProduction } from '../support/production.ts';

export interface StatusJson {
  readonly engine: { readonly running: boolean };
  readonly instance: string;
  readonly destinations: readonly {
    readonly name: string;
    readonly state: string;
    readonly counts: Readonly<Record<string, number>>;
    readonly stop: { readonly code: string; readonly reason: string; readonly whose: string } | null;
    readonly head: { readonly attempts: number; readonly lastCode: string; readonly lastWords: string } | null;
    readonly inDoubt: readonly { readonly batch: string }[];
  }[];
}

export interface TraceJson {
  readonly item: string;
  readonly line: number;
  readonly columns: readonly { readonly column: string; readonly value?: string }[];
  readonly faults: readonly { readonly code: string; readonly line: number; readonly column?: string }[];
  readonly entries: readonly {
    readonly entry: string;
    readonly state: string;
    readonly message: string;
    readonly body?: string;
    readonly batches: readonly {
      readonly batch: string;
      readonly state: string;
      readonly attempts: readonly {
        readonly attempt: number;
        readonly outcome: string;
        readonly code: string;
        readonly whose: string;
        readonly words: string;
      }[];
    }[];
  }[];
}

export interface Commands {
  /** As a process of its own. */
  run(...args: string[]): Promise<Ran>;
  status(): Promise<StatusJson>;
  trace(word: string, bodies?: 'bodies'): Promise<TraceJson>;
}

/** Commands on the data folder of this production; those that give data must end well, and run in this process. */
export function commandsOn(production: TestProduction): Commands {
  return {
    run: (...args) => waybill([...args, '--data', production.data], { cwd: production.root }),
    status: async () => (await asked(production, status, [], {})) as StatusJson,
    trace: async (word, bodies) =>
      (await asked(production, trace, [word], { bodies: bodies !== undefined })) as TraceJson,
  };
}

/** What a command prints with `--json`, without the start of a process: what it says is the same. */
async function asked(
  production: TestProduction,
  command: Command,
  words: readonly string[],
  flags: Readonly<Record<string, boolean>>,
): Promise<unknown> {
  let printed = '';
  const code = await command.run({
    words,
    flags: { ...flags, json: true, data: production.data },
    print: (line) => {
      printed += line;
    },
    tell: () => undefined,
  });
  assert.equal(code, EXIT.ok.code);
  return JSON.parse(printed);
}
