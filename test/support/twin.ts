/** Twins for tests: one that is closed after the test, a scenario from a few lines, and requests as a sender makes them. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { request } from 'undici';
import type { Delivery } from '../../engine/contracts/operation.ts';
import { type Dialect, resolveDialect } from '../../operations/soap/dialect.ts';
import { type Given, makeBody, makeFrame, makeQuery, makeQuestion } from '../../operations/soap/envelope.ts';
import {
  type LogLine,
  parseScenario,
  startTwin,
  type Twin,
  type TwinOptions,
} from '../../operations/soap/twin/index.ts';

const NOTHING_OWN = { timeZone: 'UTC', values: {}, tables: {}, files: {} };

/** A dialect that is shipped. */
export function shipped(name: string): Dialect {
  return resolveDialect(name, NOTHING_OWN);
}

export const TWIN_CREDENTIALS = { username: 'clinic', password: 'correct <horse>', organisation: 'F1' } as const;

export type TestTwinOptions = Partial<Omit<TwinOptions, 'scenario'>> & {
  /** The `rules` of a scenario in YAML, one for each text: `{ when: { request: 2 }, do: empty-id }`. */
  readonly rules?: readonly string[];
  readonly seed?: number;
};

/** Starts a twin that is closed after the test: `cdc-iis-2011` unless said otherwise. */
export async function testTwin(t: TestContext, options: TestTwinOptions = {}): Promise<Twin> {
  const { rules, seed = 1, dialect = shipped('cdc-iis-2011'), ...rest } = options;
  const lines = rules?.map((rule) => `  - ${rule}`).join('\n');
  const text = `scenario: test\nseed: ${seed}\nrules:\n${lines}\n`;
  const twin = await startTwin({
    dialect,
    ...rest,
    ...(rules ? { scenario: parseScenario(text, 'test.yaml', dialect) } : {}),
  });
  t.after(() => twin.close());
  return twin;
}

/** What a sender of this dialect sends. */
export interface SentRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface Sending {
  readonly credentials?: Given['credentials'];
  readonly parameters?: Given['parameters'];
  /** How many messages the text holds. */
  readonly messages?: number;
}

function given({ credentials = TWIN_CREDENTIALS, parameters = {} }: Sending): Given {
  return { credentials, parameters, url: new URL('http://127.0.0.1/soap'), timeZone: 'UTC' };
}

/** A request with this text, as the SOAP operation writes it. */
export function requestOf(dialect: Dialect, text: string, sending: Sending = {}): SentRequest {
  const bytes = Buffer.from(text, dialect.charset === 'utf-8' ? 'utf8' : 'latin1');
  const delivery: Delivery = {
    batchId: 'B1',
    attempt: 1,
    messages: sending.messages ?? 1,
    byteLength: bytes.length,
    body: () => [bytes],
    each: () => [{ id: 'M1', body: bytes }],
    firstByte: () => undefined,
    lastByte: () => undefined,
  };
  const frame = makeFrame(dialect, given(sending));
  return { headers: frame.headers, body: Buffer.concat([...makeBody(frame, delivery).chunks()]) };
}

/** A status query about a ticket or a control id, as the SOAP operation writes it. */
export function questionOf(dialect: Dialect, about: string, sending: Sending = {}): SentRequest {
  if (!dialect.status) throw new Error(`${dialect.dialect} has no status query`);
  const frame = makeQuery(dialect, dialect.status, given(sending));
  const question = makeQuestion(frame, { batchId: 'B1', ticket: about, controlId: about });
  return { headers: frame.headers, body: Buffer.concat([...question.chunks()]) };
}

export interface HttpReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** Posts a request. @throws as undici does, where the connection breaks */
export async function post(url: string, sent: SentRequest, sins?: string): Promise<HttpReply> {
  const headers = sins === undefined ? sent.headers : { ...sent.headers, 'x-twin': sins };
  const answer = await request(url, { method: 'POST', headers, body: sent.body, signal: AbortSignal.timeout(30_000) });
  return { status: answer.statusCode, headers: answer.headers, text: await answer.body.text() };
}

/** The path of a file in a folder that is removed after the test. */
export function testFile(t: TestContext, name: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'waybill-twin-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, name);
}

/** The lines of a twin's log. */
export function takenLines(path: string): readonly LogLine[] {
  const lines = readFileSync(path, 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as LogLine);
}

/** A made-up vaccination. */
export function vaccination(controlId: string): string {
  return [
    `MSH|^~\\&|COUNTY|FAC001|IIS|STATE|20260401120000+0000||VXU^V04^VXU_V04|${controlId}|P|2.5.1`,
    `PID|1||${controlId}-P^^^A^MR||O'Neil^Zoe & <Max>||19900203|F`,
    '',
  ].join('\r');
}

/** A batch of such vaccinations. */
export function batchOf(controlIds: readonly string[], batchId = 'BATCH-1'): string {
  const head = `BHS|^~\\&|COUNTY|FAC001|IIS|STATE|20260401120000||||${batchId}\r`;
  return `${head}${controlIds.map(vaccination).join('')}BTS|${controlIds.length}\r`;
}
