import { tell } from '../../alerts/channels/index.ts';
import { AlertError } from '../../alerts/errors.ts';
import type { AlertSource } from '../../alerts/gather.ts';
import { testMessage } from '../../alerts/message.ts';
import { type Overview, overview, type Sighting } from '../../alerts/overview.ts';
import { conditionWords } from '../../alerts/rule-words.ts';
import { suggest } from '../../engine/config/suggest.ts';
import type { AlertSettings } from '../../engine/contracts/alerts.ts';
import type { Production } from '../../engine/contracts/production.ts';
import { loadAdapters } from '../../engine/registry.ts';
import { ADAPTERS_FLAG, type Command, DATA_FLAG, EXIT, type Invocation, JSON_FLAG, optionalFlag } from '../command.ts';
import { type EngineFacts, engineFacts } from '../control.ts';
import { adapterFolders, dataFolder, productionFolder } from '../folders.ts';
import { loadOrThrow } from '../host.ts';
import { type Reading, reading } from '../ledger.ts';
import { isoTime, localTime, printJson, printLines, wantsJson } from '../output.ts';

export const alerts: Command = {
  name: 'alerts',
  summary: 'Say what the rules for alerts see now and what was told; try a rule or a channel.',
  usage: '[FOLDER] [--dry-run | --test CHANNEL]',
  flags: {
    'dry-run': { type: 'boolean', description: 'Print what would be sent to whom now; nothing is sent.' },
    test: { type: 'string', value: 'CHANNEL', description: 'Send a test message to a channel, and nothing else.' },
    ...DATA_FLAG,
    ...ADAPTERS_FLAG,
    ...JSON_FLAG,
  },
  async run(invocation) {
    const registry = await loadAdapters(adapterFolders(invocation));
    const production = await loadOrThrow(productionFolder(invocation.words[0]), registry);
    const { alerts: settings } = production;
    if (!settings) throw new AlertError('ALERTS_MISSING', 'The production has no alerts: add the key alerts to it.');
    const channel = optionalFlag(invocation, 'test');
    if (channel !== undefined) return tryChannel(invocation, production, settings, channel);
    const folder = dataFolder(invocation);
    const engine = await engineFacts(folder);
    return reading(folder, async (read) => {
      const { ledger: _, instance } = read;
      const options = { production, settings, dataFolder: folder, instance, now: Date.now() };
      const found = await overview({ ...options, source: sourceOf(read, engine), logger: toldBy(invocation) });
      const dryRun = invocation.flags['dry-run'] === true;
      if (wantsJson(invocation)) printJson(invocation, jsonOf(found, settings, engine, dryRun));
      else printLines(invocation, dryRun ? messageLines(found) : linesOf(found, settings, engine));
      return EXIT.ok.code;
    });
  },
};

/** Sends a test message; what keeps it from being told is thrown. */
async function tryChannel(
  invocation: Invocation,
  production: Production,
  settings: AlertSettings,
  name: string,
): Promise<number> {
  const channel = Object.hasOwn(settings.channels, name) ? settings.channels[name] : undefined;
  if (!channel) {
    const known = Object.keys(settings.channels);
    const near = suggest(name, known);
    const hint = near ? `did you mean ${near}?` : `it has ${known.join(', ')}.`;
    throw new AlertError('ALERT_CHANNEL_UNKNOWN', `The production has no channel ${JSON.stringify(name)}: ${hint}`);
  }
  const { timeZone } = production.resources;
  const message = testMessage({ production: production.name, timeZone, channel: name, now: Date.now() });
  const note = await tell(channel, message, { folder: production.folder }, new AbortController().signal);
  if (wantsJson(invocation)) printJson(invocation, { channel: name, told: true, id: message.id, note });
  else printLines(invocation, [`${name} (${channel.type}) was told.`, ...(note === undefined ? [] : [note])]);
  return EXIT.ok.code;
}

/** The ledger as it is, and what a running engine says of itself; without one, nobody knows of Redis. */
function sourceOf({ ledger }: Reading, engine: EngineFacts): AlertSource {
  return {
    ask: async (question, request) => ledger.ask(question, request),
    redisReady: () => (engine.running ? engine.redis === 'ready' : 'unknown'),
    storeTrouble() {
      if (!engine.running) return 'unknown';
      return engine.ready ? undefined : engine.ledger.replace(/^cannot be (written|read): /, '');
    },
  };
}

function toldBy({ tell: say }: Invocation) {
  const warn = (_fields: object, message: string) => say(message);
  return { debug: () => undefined, info: () => undefined, warn, error: warn };
}

function linesOf({ rules, failing, broken }: Overview, settings: AlertSettings, engine: EngineFacts): string[] {
  return [
    engine.running ? 'engine: runs' : 'engine: does not run, so nobody is told; levels are those of the ledger',
    ...(broken ? ['what was told cannot be read: alerts that last are told once more'] : []),
    ...Object.entries(settings.channels).map(([name, { type }]) => {
      const trouble = failing[name];
      if (!trouble) return `channel ${name} (${type}): well`;
      const next = trouble.retryAt > Date.now() ? `, next try at ${localTime(trouble.retryAt)}` : '';
      return `channel ${name} (${type}): NOT TOLD since ${localTime(trouble.since)}, ${trouble.tries} tries (${trouble.code})${next}`;
    }),
    ...rules.flatMap(({ rule, unknown, seen }) => [
      '',
      `${rule.name} (${rule.severity}, to ${rule.channels.join(', ')}): ${conditionWords(rule.when)}`,
      ...(unknown ? ['  not known now'] : []),
      ...(seen.length === 0 && !unknown ? ['  nothing'] : []),
      ...seen.flatMap(seenLines),
    ]),
  ];
}

const LEVELS: Readonly<Record<Sighting['level'], string>> = {
  pending: 'not long enough yet',
  due: 'DUE',
  told: 'TOLD',
  ending: 'over, to be told soon',
};

function seenLines({ level, sentence, advice, since, told }: Sighting): string[] {
  const whom = Object.entries(told).map(([channel, at]) => `${channel} at ${localTime(at)}`);
  return [
    `  ${LEVELS[level]}, since ${localTime(since)}: ${sentence}`,
    ...(whom.length === 0 ? [] : [`    told: ${whom.join(', ')}`]),
    ...(advice === '' || level === 'ending' ? [] : [`    do: ${advice}`]),
  ];
}

function messageLines({ messages }: Overview): string[] {
  if (messages.length === 0) return ['Nothing would be sent now.'];
  return messages.flatMap(({ channel, severity, text }, index) => [
    ...(index === 0 ? [] : ['']),
    `To ${channel} (${severity}), not sent:`,
    ...text
      .trimEnd()
      .split('\n')
      .map((line) => (line === '' ? '' : `  ${line}`)),
  ]);
}

function jsonOf(
  { rules, failing, broken, messages }: Overview,
  settings: AlertSettings,
  engine: EngineFacts,
  dryRun: boolean,
) {
  return {
    engine: { running: engine.running },
    broken,
    channels: Object.entries(settings.channels).map(([name, { type }]) => {
      const trouble = failing[name];
      return {
        name,
        type,
        failing: trouble ? { ...trouble, since: isoTime(trouble.since), retryAt: isoTime(trouble.retryAt) } : null,
      };
    }),
    rules: rules.map(({ rule, unknown, seen }) => ({
      name: rule.name,
      severity: rule.severity,
      channels: rule.channels,
      when: conditionWords(rule.when),
      unknown,
      seen: seen.map(({ since, told, ...each }) => ({
        ...each,
        since: isoTime(since),
        told: Object.fromEntries(Object.entries(told).map(([channel, at]) => [channel, isoTime(at)])),
      })),
    })),
    ...(dryRun ? { messages } : {}),
  };
}
