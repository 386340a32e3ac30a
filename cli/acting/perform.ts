/** Does an act: through the engine while it runs, with the lock and the ledger while it does not. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Looking } from '../../engine/act-preview.ts';
import { Acting, type ActRequest } from '../../engine/acting.ts';
import { codeOf } from '../../engine/errors.ts';
import { askEngine, change } from '../control.ts';
import type { Reading } from '../ledger.ts';

/** How far an act is: what the API says of it, as far as it is needed here. */
export interface ActState {
  readonly act: number;
  readonly state: 'running' | 'done';
  readonly count: number;
  readonly done: number;
  readonly skipped: number;
}

export interface Performed {
  readonly act: ActState;
  readonly engineRuns: boolean;
}

/** How often a running engine is asked how far it is, milliseconds. */
const ASK_EVERY = 50;
const TELL_EVERY = 2000;

/** Looks at the ledger through a connection for reading only. */
export function lookingAt({ ledger }: Reading): Looking {
  return {
    ask: async (question, request) => ledger.ask(question, request),
    facts: ledger.ask('facts', {}),
    now: Date.now,
  };
}

/**
 * Begins an act and waits until it is done, or until the engine that does it has ended: the next one goes on with it.
 * @param tell one line about how far it is
 * @throws WaybillError as `Acting.begin`
 */
export async function perform(
  dataFolder: string,
  request: ActRequest,
  tell: (line: string) => void,
): Promise<Performed> {
  const { goal, ...rest } = request;
  const json = { ...rest, ...(request.verb === 'resolve' ? { outcome: goal } : {}) };
  const { value, engineRuns } = await change<ActState>(
    dataFolder,
    { method: 'POST', path: '/api/v1/acts', json },
    `waybill ${request.verb}`,
    async (store) => {
      const acting = new Acting({
        store,
        facts: await store.facts(),
        clock: { now: Date.now },
        changed: async () => undefined,
      });
      const { act } = await acting.begin(request);
      await acting.finish();
      return acting.act(act);
    },
  );
  return { act: engineRuns ? await followed(dataFolder, value, tell) : value, engineRuns };
}

async function followed(dataFolder: string, begun: ActState, tell: (line: string) => void): Promise<ActState> {
  let act = begun;
  for (let told = Date.now(); act.state === 'running'; await wait(ASK_EVERY)) {
    const reached = await askEngine(dataFolder, { method: 'GET', path: `/api/v1/acts/${begun.act}` }).catch(away);
    if (reached.kind === 'away') return act;
    act = reached.body as ActState;
    if (act.state === 'running' && Date.now() - told >= TELL_EVERY) {
      tell(`${act.done + act.skipped} of ${act.count} ...`);
      told = Date.now();
    }
  }
  return act;
}

/** The engine ended meanwhile: what was decided is kept. */
function away(error: unknown): { kind: 'away' } {
  if (codeOf(error) === 'ENGINE_SILENT') return { kind: 'away' };
  throw error;
}
