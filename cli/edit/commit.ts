/** What would be done, a question, and the deed. */
import { createInterface } from 'node:readline/promises';
import type { VersionsMade } from '../../engine/contracts/store.ts';
import { packVersions, type VersionsRequest } from '../../engine/versions.ts';
import { EXIT, type Invocation } from '../command.ts';
import { change } from '../control.ts';
import { localTime, printJson, printLines, wantsJson } from '../output.ts';
import { whoAsks } from '../who.ts';
import type { EditPlan, PlannedVersion } from './plan.ts';

/** Flags of every command that makes new versions. */
export const VERSION_FLAGS = {
  yes: {
    type: 'boolean',
    description: 'Do it without a question. Without it and without a terminal, nothing is done.',
  },
  bodies: { type: 'boolean', description: 'Show the values that differ, not only where. They hold patient data.' },
} as const;

export interface Deed {
  readonly plan: EditPlan;
  readonly reason: string;
  readonly dataFolder: string;
}

/** Shows the plan, asks unless `--yes` was given, and makes the versions: through the engine while it runs. */
export async function commit(invocation: Invocation, { plan, reason, dataFolder }: Deed): Promise<number> {
  if (!wantsJson(invocation)) printLines(invocation, planLines(plan, invocation.flags.bodies === true));
  if (!(await agreed(invocation, plan))) {
    if (wantsJson(invocation)) printJson(invocation, { done: false, ...planJson(plan) });
    else printLines(invocation, ['Nothing was changed.']);
    return EXIT.ok.code;
  }
  const who = whoAsks(invocation);
  const request: VersionsRequest = { ...plan.request, who, reason };
  const { engineRuns } = await change<VersionsMade>(
    dataFolder,
    { method: 'POST', path: '/control/versions', json: request },
    'waybill edit',
    (store) => store.newVersions(packVersions(request, Date.now())),
  );
  if (wantsJson(invocation)) printJson(invocation, { done: true, engineRuns, who, ...planJson(plan) });
  else {
    const queued = plan.versions.filter(({ filtered }) => filtered === undefined).map(({ message }) => message);
    const next = engineRuns ? '' : ' The engine does not run; it goes on with it at its next start.';
    const what =
      queued.length === 0
        ? 'Nothing of it is sent.'
        : `${queued.join(', ')} ${queued.length === 1 ? 'is' : 'are'} queued.`;
    printLines(invocation, [`${what} (said by ${who})${next}`]);
  }
  return EXIT.ok.code;
}

async function agreed(invocation: Invocation, plan: EditPlan): Promise<boolean> {
  if (invocation.flags.yes === true) return true;
  if (wantsJson(invocation) || !process.stdin.isTTY) return false;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const again = plan.versions.some(({ deliveredAt }) => deliveredAt !== undefined) ? 'once more ' : '';
    const answer = await terminal.question(`Send it ${again}like this? [y/N] `);
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    terminal.close();
  }
}

function planLines({ id, line, versions, left }: EditPlan, bodies: boolean): string[] {
  return [
    `${id} (line ${line}):`,
    ...versions.flatMap((version) => versionLines(version, bodies)),
    ...left.map(({ entry, why }) => `  entry ${entry}: stays (${why})`),
  ];
}

function versionLines(version: PlannedVersion, bodies: boolean): string[] {
  const { entry, destination, replaces, message, from, filtered, differences, deliveredAt, sameControlId } = version;
  const head = `  entry ${entry}: ${message} takes the place of ${replaces}, which is ${from}`;
  if (filtered !== undefined) return [`${head}; it is left out: ${filtered}`];
  return [
    `${head}, and goes to ${destination}`,
    ...(deliveredAt === undefined
      ? []
      : [`    it was delivered on ${localTime(deliveredAt)}: ${destination} gets it once more`]),
    ...(sameControlId ? ['    its control id is the same: a receiver that knows it may refuse it as a repeat'] : []),
    ...(differences.length === 0 ? ['    the same bytes'] : ['    it differs in:']),
    ...differences.flatMap(({ path, before, after }) =>
      bodies ? [`      ${path}: ${JSON.stringify(before)} -> ${JSON.stringify(after)}`] : [`      ${path}`],
    ),
  ];
}

/** Without values. */
function planJson({ id, line, versions, left }: EditPlan) {
  return {
    item: id,
    line,
    versions: versions.map(({ differences, deliveredAt, ...rest }) => ({
      ...rest,
      deliveredAt: deliveredAt === undefined ? null : new Date(deliveredAt).toISOString(),
      differs: differences.map(({ path }) => path),
    })),
    stays: left,
  };
}
