/** `alerts` of production.yaml: what no schema sees, and the settings as the alerts take them. */
import type {
  AlertChannel,
  AlertCondition,
  AlertRule,
  AlertSettings,
  DiskLimit,
  EmailChannel,
} from '../contracts/alerts.ts';
import type { KeyPath } from '../contracts/resources.ts';
import type { AlertsShape, ChannelShape, EmailShape, RuleShape } from './alerts-schema.ts';
import { ALERTS_SCHEMA, CONDITION_KEYS } from './alerts-schema.ts';
import { windowOf } from './delivery-schema.ts';
import type { Loading } from './loading.ts';
import { listWords } from './suggest.ts';
import { isLoopback } from './unused.ts';
import type { Tree, TreeMap } from './yaml.ts';
import { isTreeList, isTreeMap, treeAt } from './yaml.ts';

const AT = ['alerts'];
const DEFAULT_PORT = 587;
const IMPLICIT_PORT = 465;

/** Reads `alerts`; what is wrong with it is added to the problems. `undefined` where there is none, or none to be used. */
export function readAlerts(loading: Loading, timeZone: string): AlertSettings | undefined {
  const tree = treeAt(loading.tree, AT);
  if (!isTreeMap(tree)) return undefined;
  const { value, valid } = loading.validate(tree, ALERTS_SCHEMA, AT);
  const channels = mapAt(tree, 'channels');
  for (const [name, channel] of Object.entries(channels)) checkChannel(loading, [...AT, 'channels', name], channel);
  const rules = listAt(tree, 'rules');
  checkRules(loading, rules, Object.keys(channels));
  const named = new Set(rules.flatMap((rule) => listAt(rule, 'channels')));
  for (const name of Object.keys(channels)) {
    if (!named.has(name))
      loading.warning('UNUSED', [...AT, 'channels', name], `${name}, which nothing uses`, 'a rule that names it');
  }
  return valid && !loading.problems.hasErrors ? settingsOf(value as AlertsShape, timeZone) : undefined;
}

function checkRules(loading: Loading, rules: readonly Tree[], channels: readonly string[]): void {
  const names = new Set<string>();
  for (const [index, rule] of rules.entries()) {
    if (!isTreeMap(rule)) continue;
    const at = [...AT, 'rules', index];
    const { name } = rule;
    if (typeof name === 'string' && names.has(name)) {
      loading.issue('ALERT_RULE_TWICE', [...at, 'name'], `${name} again`, 'a name of its own for each rule');
    }
    if (typeof name === 'string') names.add(name);
    checkNames(loading, 'UNKNOWN_CHANNEL', [...at, 'channels'], rule.channels, channels);
    if (isTreeMap(rule.when)) checkWhen(loading, [...at, 'when'], rule.when);
  }
}

function checkWhen(loading: Loading, path: KeyPath, when: TreeMap): void {
  const known = Object.keys(when).filter((key) => CONDITION_KEYS.includes(key));
  if (Object.keys(when).length !== 1 && known.length !== 1) {
    const found = known.length === 0 ? 'no condition' : listWords(known, 'and');
    loading.issue('ALERT_CONDITION', path, found, `exactly one of ${listWords(CONDITION_KEYS)}`);
  }
  for (const key of known) {
    const settings = when[key];
    if (!isTreeMap(settings)) continue;
    const at = [...path, key];
    checkNames(
      loading,
      'UNKNOWN_DESTINATION',
      [...at, 'destinations'],
      settings.destinations,
      loading.names('destinations'),
    );
    const services = Object.keys(mapAt(loading.tree, 'services'));
    checkNames(loading, 'UNKNOWN_SERVICE', [...at, 'services'], settings.services, services);
  }
}

function checkNames(
  loading: Loading,
  code: 'UNKNOWN_CHANNEL' | 'UNKNOWN_DESTINATION' | 'UNKNOWN_SERVICE',
  path: KeyPath,
  names: Tree | undefined,
  known: readonly string[],
): void {
  if (!names || !isTreeList(names)) return;
  for (const [index, name] of names.entries()) {
    if (typeof name === 'string' && !known.includes(name)) loading.unknownName(code, [...path, index], name, known);
  }
}

function checkChannel(loading: Loading, path: KeyPath, channel: Tree): void {
  if (!isTreeMap(channel)) return;
  if (channel.type === 'webhook' && typeof channel.url === 'string') {
    const host = hostOf(channel.url);
    if (channel.url.startsWith('http:') && host !== undefined && !isLoopback(host))
      loading.warning('ALERT_NOT_ENCRYPTED', [...path, 'url'], 'http to another machine', 'https');
  }
  if (channel.type === 'email') checkEmail(loading, path, channel);
}

function checkEmail(loading: Loading, path: KeyPath, channel: TreeMap): void {
  const { url, host, tls } = channel;
  if ((url === undefined) === (host === undefined)) {
    const found = url === undefined ? 'neither' : 'both';
    loading.issue('ALERT_MAIL_SERVER', path, found, 'url, or host with port and credentials');
    return;
  }
  for (const key of url === undefined ? [] : ['port', 'credentials']) {
    if (channel[key] !== undefined)
      loading.issue('ALERT_MAIL_SERVER', [...path, key], `${key} beside url`, `${key} as part of url`);
  }
  const server = typeof url === 'string' ? serverOfUrl(url) : undefined;
  const name = server?.host ?? (typeof host === 'string' ? host : '');
  if (tls !== 'none' || name === '' || isLoopback(name)) return;
  const secret = server?.credentials !== undefined || channel.credentials !== undefined;
  const at = [...path, 'tls'];
  if (secret) loading.issue('ALERT_NOT_ENCRYPTED', at, 'a password in the clear', 'starttls or implicit');
  else loading.warning('ALERT_NOT_ENCRYPTED', at, 'mail in the clear to another machine', 'starttls or implicit');
}

function settingsOf(shape: AlertsShape, timeZone: string): AlertSettings {
  const channels: Record<string, AlertChannel> = Object.create(null);
  for (const [name, channel] of Object.entries(shape.channels))
    channels[name] = Object.freeze(channelOf(channel, timeZone));
  return Object.freeze({
    every: shape.every,
    group: shape.group,
    channels: Object.freeze(channels),
    rules: Object.freeze(shape.rules.map(ruleOf)),
  });
}

function ruleOf({ when, ...rule }: RuleShape): AlertRule {
  const [kind = '', settings = {}] = Object.entries(when)[0] ?? [];
  const { below, ...others } = settings;
  const limit = below === undefined ? {} : { below: diskLimit(below as number | string) };
  // The schema has made the settings fit their kind.
  return Object.freeze({ ...rule, when: Object.freeze({ kind, ...others, ...limit }) as AlertCondition });
}

function diskLimit(below: number | string): DiskLimit {
  return typeof below === 'number' ? { bytes: below } : { percent: Number.parseInt(below, 10) };
}

function channelOf(shape: ChannelShape, timeZone: string): AlertChannel {
  const quiet = shape.quiet.map((window) => windowOf(window, timeZone));
  if (shape.type !== 'email') return { ...shape, quiet };
  return { ...emailOf(shape), quiet };
}

function emailOf({ url, host, port, tls, credentials, ...rest }: EmailShape): Omit<EmailChannel, 'quiet'> {
  const server = url === undefined ? { host: host ?? '', port, credentials, implicit: false } : serverOfUrl(url);
  const implicit = tls === 'implicit' || server.implicit || (tls === undefined && server.port === IMPLICIT_PORT);
  const how = implicit ? 'implicit' : (tls ?? 'starttls');
  return {
    ...rest,
    host: server.host,
    port: server.port ?? (how === 'implicit' ? IMPLICIT_PORT : DEFAULT_PORT),
    tls: how,
    ...(server.credentials ? { credentials: server.credentials } : {}),
  };
}

/** What an address `smtp://user:password@host:port` says. An address that is none has an empty host, and was told by the schema. */
function serverOfUrl(text: string) {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const username = decoded(url?.username);
  const credentials = username === '' ? undefined : { username, password: decoded(url?.password) };
  return {
    host: (url?.hostname ?? '').replace(/^\[(.*)\]$/, '$1'),
    port: url?.port ? Number(url.port) : undefined,
    credentials,
    implicit: url?.protocol === 'smtps:',
  };
}

/** A part of an address with its percent signs taken back; as it stands where they are no escapes. */
function decoded(text = ''): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return text;
    throw error;
  }
}

function hostOf(text: string): string | undefined {
  return URL.canParse(text) ? new URL(text).hostname.replace(/^\[(.*)\]$/, '$1') : undefined;
}

function mapAt(tree: TreeMap, key: string): TreeMap {
  const value = tree[key];
  return isTreeMap(value) ? value : {};
}

function listAt(tree: Tree, key: string): readonly Tree[] {
  const value = isTreeMap(tree) ? tree[key] : undefined;
  return value !== undefined && isTreeList(value) ? value : [];
}
