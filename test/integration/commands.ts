/** Commands on a running production, read as data: what an operator sees. */
import assert from 'node:assert/strict';
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
  run(...args: string[]): Promise<Ran>;
  status(): Promise<StatusJson>;
  trace(word: string, ...args: string[]): Promise<TraceJson>;
}

/** Commands on the data folder of this production; those that read must end well. */
export function commandsOn(production: TestProduction): Commands {
  const run = (...args: string[]) => waybill([...args, '--data', production.data], { cwd: production.root });
  const json = async (...args: string[]) => {
    const ran = await run(...args, '--json');
    assert.equal(ran.code, 0, ran.stderr);
    return JSON.parse(ran.stdout);
  };
  return { run, status: () => json('status'), trace: (...words) => json('trace', ...words) };
}
