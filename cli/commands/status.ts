import type { ActRow } from '../../engine/contracts/acting.ts';
import { type Command, DATA_FLAG, EXIT, JSON_FLAG } from '../command.ts';
import { type EngineFacts, engineFacts } from '../control.ts';
import { dataFolder } from '../folders.ts';
import { reading } from '../ledger.ts';
import { counted, printJson, printLines, stateCounts, wantsJson } from '../output.ts';
import { destinationJson, destinationLines } from '../situation.ts';

/** So many acts that are not finished are named. */
const ACTS = 10;

export const status: Command = {
  name: 'status',
  summary: 'Say what moves and what is stopped: since when, by what, what happens next, and what a person can do.',
  usage: '',
  flags: { ...DATA_FLAG, ...JSON_FLAG },
  async run(invocation) {
    const folder = dataFolder(invocation);
    const engine = await engineFacts(folder);
    return reading(folder, ({ ledger, instance }) => {
      const { destinations, submissions } = ledger.ask('status', {});
      const acts = ledger.ask('acts', { limit: ACTS, running: true });
      if (wantsJson(invocation)) {
        printJson(invocation, {
          dataFolder: folder,
          instance,
          engine,
          submissions,
          unfinishedActs: acts.map(({ act, verb, who, done, count }) => ({ act, verb, who, done, count })),
          destinations: destinations.map((each) => destinationJson(each, instance)),
        });
        return EXIT.ok.code;
      }
      printLines(invocation, [
        engineLine(engine),
        `submissions: ${stateCounts(submissions)}`,
        ...quarantineLines(submissions.quarantined ?? 0),
        ...acts.map((act) => actLine(act, engine.running)),
        ...(destinations.length === 0 ? ['No destination has had a message yet.'] : []),
        ...destinations.flatMap((each) => ['', ...destinationLines(each, instance, engine.running, Date.now())]),
      ]);
      return EXIT.ok.code;
    });
  },
};

/** What is kept and not sent waits for a person. */
function quarantineLines(quarantined: number): string[] {
  if (quarantined === 0) return [];
  return [
    `  in quarantine: ${counted(quarantined, 'submission')}; waybill submissions names them and why`,
    '  do: ask the sender, then  waybill release SUBMISSION --reason "..."  or  waybill cancel SUBMISSION --reason "..."',
  ];
}

/** What somebody decided and is not done whole: it goes on by itself. */
function actLine({ act, verb, who, done, count }: ActRow, engineRuns: boolean): string {
  const next = engineRuns ? 'it goes on by itself' : 'it goes on when the engine runs';
  return `act ${act}: ${verb} by ${who}, ${done} of ${counted(count, 'message')} done; ${next}`;
}

function engineLine({ running, ready, ledger, redis }: EngineFacts): string {
  if (!running) return 'engine: does not run';
  return `engine: runs${ready ? '' : ', but takes nothing in'}; ledger: ${ledger}; redis: ${redis}`;
}
