import { type Command, DATA_FLAG, EXIT, JSON_FLAG } from '../command.ts';
import { type EngineFacts, engineFacts } from '../control.ts';
import { dataFolder } from '../folders.ts';
import { reading } from '../ledger.ts';
import { counted, printJson, printLines, stateCounts, wantsJson } from '../output.ts';
import { destinationJson, destinationLines } from '../situation.ts';

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
      if (wantsJson(invocation)) {
        printJson(invocation, {
          dataFolder: folder,
          instance,
          engine,
          submissions,
          destinations: destinations.map((each) => destinationJson(each, instance)),
        });
        return EXIT.ok.code;
      }
      printLines(invocation, [
        engineLine(engine),
        `submissions: ${stateCounts(submissions)}`,
        ...quarantineLines(submissions.quarantined ?? 0),
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

function engineLine({ running, ready, ledger, redis }: EngineFacts): string {
  if (!running) return 'engine: does not run';
  return `engine: runs${ready ? '' : ', but takes nothing in'}; ledger: ${ledger}; redis: ${redis}`;
}
