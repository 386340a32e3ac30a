import { BodyFolder } from '../../engine/bodies.ts';
import { type PurgePreview, type PurgeResult, previewPurge, purge as purgeNow } from '../../engine/keeping.ts';
import { bodiesFolder } from '../../engine/services.ts';
import { type Command, DATA_FLAG, EXIT, type Invocation, JSON_FLAG, optionalFlag, UsageError } from '../command.ts';
import { change } from '../control.ts';
import { dataFolder } from '../folders.ts';
import { type Reading, reading } from '../ledger.ts';
import { aligned, counted, isoTime, localTime, printJson, printLines, wantsJson } from '../output.ts';
import { BY_FLAG, whoAsks } from '../who.ts';

export const purge: Command = {
  name: 'purge',
  summary:
    'Delete what is past its retention (keep: in production.yaml) and give the room back. Without --yes only a look.',
  usage: '[--route NAME] [--dry-run | --yes]',
  flags: {
    route: { type: 'string', value: 'NAME', description: 'Only submissions of this route.' },
    'dry-run': { type: 'boolean', description: 'Only say what would be deleted; so it does without --yes, too.' },
    yes: { type: 'boolean', description: 'Do it.' },
    ...BY_FLAG,
    ...DATA_FLAG,
    ...JSON_FLAG,
  },
  async run(invocation) {
    const { yes = false, 'dry-run': dryRun = false } = invocation.flags;
    if (yes && dryRun) throw new UsageError('give --dry-run or --yes, not both');
    if (invocation.words.length > 0) throw new UsageError('a route is named with --route');
    const folder = dataFolder(invocation);
    const route = optionalFlag(invocation, 'route');
    if (yes === true) await act(invocation, folder, route);
    else await reading(folder, (open) => look(invocation, open, route));
    return EXIT.ok.code;
  },
};

async function look(invocation: Invocation, { ledger }: Reading, route: string | undefined): Promise<void> {
  const found = await previewPurge((question, request) => ledger.ask(question, request), route);
  const forever = ledger.ask('retention', {}).every(({ bodies }) => bodies === undefined);
  if (wantsJson(invocation)) {
    const would = found.map(({ oldest, ...rest }) => ({ ...rest, oldest: isoTime(oldest) }));
    printJson(invocation, { done: false, keepsForever: forever, would });
    return;
  }
  printLines(invocation, [...previewLines(found, forever, route), ...hint(invocation, found)]);
}

function previewLines(found: readonly PurgePreview[], forever: boolean, route: string | undefined): string[] {
  if (forever)
    return ['Everything is kept for ever: neither the running engine nor the last one had keep: in its production.'];
  if (found.length === 0) return [`Nothing${route === undefined ? '' : ` of route ${route}`} is past its retention.`];
  const rows = found.map(({ what, route: of, submissions, messages, fileBytes, bodyBytes, oldest }) => [
    what,
    of,
    counted(submissions, 'submission'),
    counted(messages, 'message'),
    what === 'bodies' ? `${size(fileBytes)} of inputs, ${size(bodyBytes)} of messages` : '',
    `oldest settled ${localTime(oldest)}`,
  ]);
  return ['past their retention:', ...aligned(rows, '  ')];
}

function hint({ flags }: Invocation, found: readonly PurgePreview[]): string[] {
  if (found.length === 0 || flags['dry-run'] === true) return [];
  return ['Nothing was deleted: this was only a look. waybill purge --yes does it.'];
}

async function act(invocation: Invocation, folder: string, route: string | undefined): Promise<void> {
  const who = whoAsks(invocation);
  const request = { who, ...(route === undefined ? {} : { route }) };
  const { value, engineRuns } = await change<PurgeResult>(
    folder,
    { method: 'POST', path: '/control/purge', json: request },
    'waybill purge',
    (store) => {
      const bodies = new BodyFolder(bodiesFolder(folder));
      const { signal } = new AbortController();
      return purgeNow({ store, bodies, clock: { now: Date.now }, signal }, request);
    },
  );
  if (wantsJson(invocation)) printJson(invocation, { done: value.finished, ...value, who, engineRuns });
  else printLines(invocation, [sentence(value)]);
}

function sentence({ bodies, ledger, messages, bytes, finished }: PurgeResult): string {
  const rest = finished ? '' : ' The engine stopped meanwhile: it goes on at its next start.';
  if (bodies + ledger === 0) return `Nothing was past its retention.${rest}`;
  return `Purged: the bodies of ${counted(bodies, 'submission')} (${size(bytes)}), the rows of ${counted(ledger, 'submission')} (${counted(messages, 'message')}).${rest}`;
}

const UNITS = ['KB', 'MB', 'GB', 'TB'] as const;

/** Bytes for people, in powers of 1,000 as in production.yaml: `12 bytes`, `3.4 MB`. */
function size(bytes: number): string {
  let value = bytes;
  let unit: string | undefined;
  for (const next of UNITS) {
    if (value < 1000) break;
    value /= 1000;
    unit = next;
  }
  return unit === undefined ? counted(bytes, 'byte') : `${value < 10 ? value.toFixed(1) : Math.round(value)} ${unit}`;
}
