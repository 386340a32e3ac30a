/** `check`: does what `send` needs, step by step, and changes nothing at the receiver. */
import { randomBytes } from 'node:crypto';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import type { CheckResult } from '../../engine/contracts/operation.ts';
import { codeOf, messageOf } from '../../engine/errors.ts';
import { compare } from './compare.ts';
import { type Contract, readContract } from './contract.ts';
import { ContractError, Documents, locationOf, type WsdlSource } from './documents.ts';
import { headerText } from './envelope.ts';
import { connectTrouble, troubleSentence } from './failures.ts';
import type { Sender } from './sender.ts';
import { secureContext, type TlsTexts } from './transport.ts';
import { echo } from './wsdl.ts';

export interface ContractPlace {
  readonly folder: string;
  readonly wsdl?: string;
}

type Step = Omit<CheckResult, 'what'>;

/** A step that failed, as a sentence with its code. */
class StepFailed extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

async function step(what: string, work: () => Promise<Step>): Promise<CheckResult> {
  try {
    return { what, ...(await work()) };
  } catch (error) {
    return { what, ok: false, detail: messageOf(error), code: codeOf(error) };
  }
}

function skipped(what: string, detail: string): CheckResult {
  return { what, ok: false, skipped: true, detail };
}

/** Waits for a socket's event; destroys it on error, time-out and abort. */
function ready(socket: Socket, event: 'connect' | 'secureConnect', host: string, ms: number, signal: AbortSignal) {
  return new Promise<void>((resolve, reject) => {
    const fail = (code: string, message: string): void => {
      socket.destroy();
      reject(new StepFailed(code, message));
    };
    const timer = setTimeout(() => fail('SOAP_CONNECT_TIMEOUT', `${host}: no connection within ${ms} ms`), ms);
    const onAbort = (): void => fail('SOAP_ABORTED', `${host}: broken off`);
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    socket.once(event, () => {
      done();
      resolve();
    });
    socket.on('error', (error) => {
      const trouble = connectTrouble(error);
      fail(trouble.code, troubleSentence(host, trouble));
    });
    socket.once('close', done);
  });
}

function address(url: URL): { host: string; port: number } {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  return { host, port: Number(url.port) || (url.protocol === 'https:' ? 443 : 80) };
}

async function checkHost(sender: Sender, signal: AbortSignal): Promise<Step> {
  const socket = connectTcp(address(sender.url));
  await ready(socket, 'connect', sender.url.host, sender.limits.connect, signal);
  socket.destroy();
  return { ok: true, detail: `${sender.url.host} takes connections` };
}

const DAY = 86_400_000;

function certificateDetail(socket: TLSSocket, now: number): Step {
  const certificate = socket.getPeerCertificate();
  const days = Math.floor((Date.parse(certificate.valid_to) - now) / DAY);
  const name = certificate.subject?.CN ?? certificate.subjectaltname ?? 'no name';
  return { ok: true, detail: `${socket.getProtocol() ?? 'TLS'}, certificate for ${name}, valid for ${days} more days` };
}

async function checkCertificate(sender: Sender, tls: TlsTexts, signal: AbortSignal): Promise<Step> {
  const { url, limits } = sender;
  const { host, port } = address(url);
  const named = /^[\d.]+$|:/.test(host) ? {} : { servername: host };
  const socket = connectTls({ host, port, ...named, secureContext: secureContext(tls), ALPNProtocols: ['http/1.1'] });
  await ready(socket, 'secureConnect', url.host, limits.connect, signal);
  const result = certificateDetail(socket, Date.now());
  socket.destroy();
  return result;
}

function isLoopback(url: URL): boolean {
  return url.hostname === 'localhost' || url.hostname === '[::1]' || /^127\./.test(url.hostname);
}

function noCertificate(url: URL): CheckResult {
  const clear =
    'the address is http: there is no certificate, and user name, password and patients travel in the clear';
  return skipped(
    'certificate',
    isLoopback(url) ? 'the address is http on this machine: there is no certificate' : clear,
  );
}

/** One line where both describe the same call, else one for each difference. */
function compared(contract: Contract, location: string, { dialect }: Sender): readonly CheckResult[] {
  const { differences, notes } = compare(contract, dialect);
  if (differences.length === 0) {
    const same = `${location} and the dialect ${dialect.dialect} describe the same call`;
    return [{ what: 'contract', ok: true, detail: [same, ...notes].join('; but ') }];
  }
  return differences.map((detail) => ({ what: 'contract', ok: false, detail, code: 'SOAP_CONTRACT_DIFFERS' }));
}

/** The sender, the contract of its receiver, and the documents that this was read from. */
interface Read {
  readonly sender: Sender;
  readonly source: WsdlSource;
  readonly documents: Documents;
  readonly contract: Contract;
}

async function checkProbe({ sender, source, documents, contract }: Read, probe: string): Promise<Step> {
  // Markup and a character beyond ASCII: what rewrites texts on the way shows itself.
  const text = `waybill ${randomBytes(6).toString('hex')} <a> & \u00e9`;
  const { dialect } = sender;
  const parameter = contract.operations.find(({ name }) => name === probe)?.children[0]?.name;
  try {
    if (parameter === undefined) throw new ContractError(`the WSDL has no operation ${probe} with a parameter`);
    await echo({ source, dialect, documents, header: headerText(sender.header) }, probe, parameter, text);
  } catch (error) {
    if (!(error instanceof ContractError)) throw error;
    throw new StepFailed('SOAP_PROBE_FAILED', error.message);
  }
  return { ok: true, detail: `${probe} gave back the text that it was sent` };
}

function credentialsStep(sender: Sender): CheckResult {
  const { probe } = sender.dialect;
  return skipped(
    'credentials',
    probe === undefined
      ? 'the dialect has no call that changes nothing at the receiver; the first message will show'
      : `${probe} carries no credentials in this contract and every call that does hands over a message; the first message will show`,
  );
}

async function checkContract(
  sender: Sender,
  place: ContractPlace,
  tls: TlsTexts,
  signal: AbortSignal,
): Promise<readonly CheckResult[]> {
  const { url, limits, dialect } = sender;
  const source = { url, ...place, tls, limits };
  const location = locationOf(source);
  const documents = new Documents(source, signal);
  try {
    const contract = await readContract(source, documents);
    const results = compared(contract, location, sender);
    const { probe } = dialect;
    if (probe === undefined) return [...results, skipped('probe', 'the dialect has none')];
    return [...results, await step('probe', () => checkProbe({ sender, source, documents, contract }, probe))];
  } catch (error) {
    const why = error instanceof ContractError ? error.message : 'cannot be read';
    const unread = { ok: false, detail: `${location}: ${why}`, code: 'SOAP_CONTRACT_UNREADABLE' };
    return [{ what: 'contract', ...unread }, skipped('probe', 'needs the WSDL')];
  } finally {
    await documents.close();
  }
}

/** Host, certificate, contract, probe and credentials, each by itself. Never throws. */
export async function checkReceiver(
  sender: Sender,
  place: ContractPlace,
  tls: TlsTexts,
  signal: AbortSignal,
): Promise<readonly CheckResult[]> {
  const { url } = sender;
  const host = await step('host', () => checkHost(sender, signal));
  if (!host.ok) {
    const rest = ['certificate', 'contract', 'probe', 'credentials'];
    return [host, ...rest.map((what) => skipped(what, 'the host cannot be reached'))];
  }
  const secure = url.protocol === 'https:';
  const certificate = secure
    ? await step('certificate', () => checkCertificate(sender, tls, signal))
    : noCertificate(url);
  if (secure && !certificate.ok) {
    const rest = ['contract', 'probe', 'credentials'];
    return [host, certificate, ...rest.map((what) => skipped(what, 'the certificate is not accepted'))];
  }
  return [host, certificate, ...(await checkContract(sender, place, tls, signal)), credentialsStep(sender)];
}
