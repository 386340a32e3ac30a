/** `check`: does what `send` needs, step by step, and changes nothing at the server. */
import type { Document } from 'mongodb';
import type { CheckResult } from '../../engine/contracts/operation.ts';
import { type Limit, limitOf } from './client.ts';
import { connectTrouble } from './failures.ts';
import { contextOf, type Sender } from './write.ts';

type Step = Omit<CheckResult, 'what'>;

const STEPS = ['host', 'certificate', 'credentials', 'rights'] as const;

function isLoopback({ connection }: Sender): boolean {
  const { hosts, srvHost } = connection.client.options;
  const local = /^(localhost|127\.[\d.]+|::1)$/;
  return (
    srvHost === undefined && hosts.every(({ host, socketPath }) => socketPath !== undefined || local.test(host ?? ''))
  );
}

async function run(sender: Sender, command: Document, limit: Limit): Promise<Document> {
  await sender.connection.ready(limit);
  return await sender.connection.db.command(command, { signal: limit.signal });
}

async function checkHost(sender: Sender, limit: Limit): Promise<Step> {
  const { hosts } = sender.connection;
  try {
    await run(sender, { ping: 1 }, limit);
    return { ok: true, detail: `${hosts} answers, and takes writes` };
  } catch (error) {
    if (limit.reason() === 'aborted') return { ok: false, detail: `${hosts}: broken off`, code: 'MONGODB_ABORTED' };
    const trouble = connectTrouble(error, contextOf(sender, true));
    return { ok: false, detail: trouble.sentence, code: trouble.code };
  }
}

function checkCertificate(sender: Sender): Step {
  const { tls, rejectUnauthorized } = sender.connection.client.options;
  if (tls && rejectUnauthorized === false) {
    const detail = 'TLS is on, but the url says that no certificate is checked: anybody can stand in between';
    return { ok: false, skipped: true, detail };
  }
  if (tls) return { ok: true, detail: 'TLS, with a certificate that is trusted' };
  const detail = isLoopback(sender)
    ? 'no TLS, on this machine'
    : 'no TLS over the network: user, password and patients travel in the clear';
  return { ok: false, skipped: true, detail };
}

async function checkCredentials(sender: Sender, limit: Limit): Promise<Step> {
  const { credentials } = sender.connection.client.options;
  if (credentials === undefined) {
    const others = isLoopback(sender) ? '' : ' over the network: whoever reaches the server can read and write';
    return { ok: false, skipped: true, detail: `the url has no user, so the server asks for no password${others}` };
  }
  await run(sender, { connectionStatus: 1 }, limit);
  return { ok: true, detail: 'user and password are accepted' };
}

/** What each verb does at the server, by the names of its actions. */
function actionsNeeded({ settled }: Sender): readonly string[] {
  if (settled.verb === 'query') return ['find'];
  if (settled.verb === 'delete') return ['remove'];
  return settled.filter.length === 0 ? ['insert'] : ['insert', 'update'];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function covers(resource: unknown, { database, collection }: Sender['settled']): boolean {
  if (!isRecord(resource)) return false;
  if (resource.anyResource === true) return true;
  const { db, collection: name } = resource;
  return (db === '' || db === database) && (name === '' || name === collection);
}

const READ = ['find'];
const WRITE = ['find', 'insert', 'update', 'remove'];
/** What MongoDB's own roles allow on a collection. */
const ROLES: Readonly<Record<string, { readonly everywhere: boolean; readonly actions: readonly string[] }>> = {
  read: { everywhere: false, actions: READ },
  readWrite: { everywhere: false, actions: WRITE },
  dbOwner: { everywhere: false, actions: WRITE },
  readAnyDatabase: { everywhere: true, actions: READ },
  readWriteAnyDatabase: { everywhere: true, actions: WRITE },
  root: { everywhere: true, actions: WRITE },
};

function listOf(value: unknown, key: string): readonly unknown[] {
  const list = isRecord(value) ? value[key] : undefined;
  return Array.isArray(list) ? list : [];
}

/**
 * The actions that the user has on the collection, from his privileges, or from roles where a server lists only those;
 * `undefined` where neither says it.
 */
function actionsAllowed(info: unknown, settled: Sender['settled']): ReadonlySet<unknown> | undefined {
  const privileges = listOf(info, 'authenticatedUserPrivileges');
  if (privileges.length > 0) {
    const fitting = privileges.filter((one) => isRecord(one) && covers(one.resource, settled));
    return new Set(fitting.flatMap((one) => listOf(one, 'actions')));
  }
  const allowed = new Set<unknown>();
  for (const one of listOf(info, 'authenticatedUserRoles')) {
    const name = isRecord(one) ? String(one.role) : '';
    if (!Object.hasOwn(ROLES, name)) return undefined;
    const role = ROLES[name];
    if (!role || !isRecord(one) || !(role.everywhere || one.db === settled.database)) continue;
    for (const action of role.actions) allowed.add(action);
  }
  return allowed;
}

/** Every user may ask what he himself is allowed to do. */
async function checkRights(sender: Sender, limit: Limit): Promise<Step> {
  const { settled } = sender;
  const place = `${settled.database}.${settled.collection}`;
  const needed = actionsNeeded(sender);
  const { authInfo } = await run(sender, { connectionStatus: 1, showPrivileges: true }, limit);
  if (listOf(authInfo, 'authenticatedUsers').length === 0) {
    // Without a user only a try shows whether the server lets everybody in; reading is the one that changes nothing.
    const look = { find: settled.collection, filter: {}, projection: { _id: 1 }, limit: 1, singleBatch: true };
    await run(sender, look, limit);
    return { ok: true, detail: `${place} can be read without a user` };
  }
  const allowed = actionsAllowed(authInfo, settled);
  if (allowed === undefined) {
    const detail = 'the server does not say what the user may do; the first message will show';
    return { ok: false, skipped: true, detail };
  }
  const missing = needed.filter((action) => !allowed.has(action));
  if (missing.length > 0) {
    return { ok: false, detail: `the user lacks ${missing.join(' and ')} on ${place}`, code: 'MONGODB_NOT_ALLOWED' };
  }
  const blind = settled.verb === 'insertOrUpdate' && !allowed.has('find');
  const without = '; without find a repeat of a document with an _id of its own cannot be told from a stranger';
  return { ok: true, detail: `the user may ${needed.join(' and ')} on ${place}${blind ? without : ''}` };
}

async function step(what: string, sender: Sender, work: () => Promise<Step> | Step): Promise<CheckResult> {
  try {
    return { what, ...(await work()) };
  } catch (error) {
    const trouble = connectTrouble(error, contextOf(sender, true));
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 13) {
      return {
        what,
        ok: false,
        detail: 'the server asks for a user, or the user lacks the right',
        code: 'MONGODB_NOT_ALLOWED',
      };
    }
    return { what, ok: false, detail: trouble.sentence, code: trouble.code };
  }
}

/** Tries host, certificate, credentials and rights, each by itself. Never throws. */
export async function checkServer(sender: Sender, signal: AbortSignal): Promise<readonly CheckResult[]> {
  const limit = limitOf(signal, sender.settled.timeouts.total);
  const host = await step('host', sender, () => checkHost(sender, limit));
  if (!host.ok) {
    const detail = 'not tried, since the server could not be reached';
    return [host, ...STEPS.slice(1).map((what) => ({ what, ok: false, skipped: true, detail }))];
  }
  return [
    host,
    await step('certificate', sender, () => checkCertificate(sender)),
    await step('credentials', sender, () => checkCredentials(sender, limit)),
    await step('rights', sender, () => checkRights(sender, limit)),
  ];
}
