import { WaybillError } from '../../engine/errors.ts';
import { type Command, DATA_FLAG, EXIT, JSON_FLAG, oneWord, optionalFlag } from '../command.ts';
import { change } from '../control.ts';
import { dataFolder } from '../folders.ts';
import { reading } from '../ledger.ts';
import { printJson, printLines, wantsJson } from '../output.ts';
import { BY_FLAG, whoAsks } from '../who.ts';

export const resume: Command = {
  name: 'resume',
  summary:
    'Let a stopped destination go on, with its secrets from files read anew; what waits for its next try is tried at once.',
  usage: 'DESTINATION [--reason TEXT]',
  flags: {
    reason: { type: 'string', value: 'TEXT', description: 'Why; kept with the event.' },
    ...BY_FLAG,
    ...DATA_FLAG,
    ...JSON_FLAG,
  },
  async run(invocation) {
    const destination = oneWord(invocation, 'DESTINATION');
    const folder = dataFolder(invocation);
    const who = whoAsks(invocation);
    const why = optionalFlag(invocation, 'reason') ?? '';
    const json = { destination, who, why };
    const { value, engineRuns } = await change<{ wasStopped: boolean }>(
      folder,
      { method: 'POST', path: '/control/resume', json },
      'waybill resume',
      async (store) => {
        await refuseUnknown(folder, destination);
        return store.resumeDestination({ destination, at: Date.now(), who, why });
      },
    );
    if (wantsJson(invocation)) printJson(invocation, { destination, wasStopped: value.wasStopped, engineRuns });
    else printLines(invocation, [sentence(destination, value.wasStopped, engineRuns)]);
    return EXIT.ok.code;
  },
};

function sentence(destination: string, wasStopped: boolean, engineRuns: boolean): string {
  if (!engineRuns)
    return `${destination} ${wasStopped ? 'is no longer stopped' : 'was not stopped'}; the engine does not run and goes on with it at its next start.`;
  return wasStopped
    ? `${destination} goes on.`
    : `${destination} was not stopped; what waits for its next try is tried now.`;
}

/** While no engine runs there is no production to ask, so the ledger says which destinations there have been. */
function refuseUnknown(folder: string, destination: string): Promise<void> {
  return reading(folder, ({ ledger }) => {
    const names = ledger.ask('status', {}).destinations.map(({ name }) => name);
    if (names.includes(destination)) return;
    throw new WaybillError(
      'DESTINATION_UNKNOWN',
      `The ledger knows no destination ${JSON.stringify(destination)}; it knows ${names.join(', ') || 'none yet'}.`,
    );
  });
}
