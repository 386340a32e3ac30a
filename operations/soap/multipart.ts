/**
 * Answers in several parts: SOAP with attachments, and MTOM, where a text of the envelope stands in a part of its own
 * (RFC 2387; W3C XOP 1.0). Only what belongs to the envelope is read.
 */
import { UnreadableAnswer } from './answer-reader.ts';
import type { HttpAnswer } from './transport.ts';

/** What came beside the envelope, by its Content-ID without angle brackets. */
export type Parts = ReadonlyMap<string, Buffer>;

const MAX_PARTS = 100;
const MAX_PART_HEAD = 8192;
const NONE: Parts = new Map();

/**
 * The envelope of an answer, as if it had come alone, and the parts beside it; an answer in one part as it is.
 * @throws UnreadableAnswer where the parts are not whole: a connection that broke looks like that.
 */
export function unpacked(answer: HttpAnswer): { readonly root: HttpAnswer; readonly parts: Parts } {
  const type = answer.headers['content-type'];
  if (typeof type !== 'string' || !/^\s*multipart\//i.test(type)) return { root: answer, parts: NONE };
  const boundary = parameter(type, 'boundary');
  if (boundary === undefined) throw new UnreadableAnswer('xml', 'parts without a boundary between them');
  const all = split(answer.body, boundary).map(partOf);
  const start = contentId(parameter(type, 'start') ?? '');
  const root = all.find(({ id }) => start !== '' && id === start) ?? all[0];
  if (!root) throw new UnreadableAnswer('xml', 'no part at all between its boundaries');
  const beside = all.filter((part) => part !== root && part.id !== '');
  return {
    root: { ...answer, headers: { ...answer.headers, 'content-type': root.type }, body: root.body },
    parts: new Map(beside.map(({ id, body }) => [id, body])),
  };
}

/**
 * The text that an element of XOP stands for: the bytes that its `cid:` refers to, or base64 of them where they are no UTF-8.
 * @throws UnreadableAnswer where no such part came
 */
export function includedText(href: string, parts: Parts): string {
  const id = decoded(href.slice('cid:'.length));
  const bytes = id === undefined ? undefined : parts.get(id);
  if (!bytes) throw new UnreadableAnswer('xml', 'it refers to a part that did not come with it');
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) return bytes.toString('base64');
    throw error;
  }
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}

function parameter(header: string, name: string): string | undefined {
  const found = new RegExp(`;\\s*${name}\\s*=\\s*(?:"([^"]*)"|([^\\s;"]+))`, 'i').exec(header);
  const value = found?.[1] ?? found?.[2];
  return value === '' ? undefined : value;
}

function contentId(text: string): string {
  return text.trim().replace(/^<(.*)>$/, '$1');
}

/** What stands between the boundaries, each from its head on. */
function split(body: Buffer, boundary: string): readonly Buffer[] {
  // The first boundary may be the first line of all.
  const text = Buffer.concat([LINE, body]);
  const mark = Buffer.from(`\n--${boundary}`, 'latin1');
  const found: Buffer[] = [];
  let at = text.indexOf(mark);
  while (at >= 0) {
    const after = at + mark.length;
    if (text.toString('latin1', after, after + 2) === '--') return found;
    const next = text.indexOf(mark, after);
    if (next < 0) break;
    if (found.length >= MAX_PARTS) throw new UnreadableAnswer('xml', `more than ${MAX_PARTS} parts`);
    const end = text[next - 1] === CR ? next - 1 : next;
    found.push(text.subarray(after, Math.max(after, end)));
    at = next;
  }
  throw new UnreadableAnswer('xml', 'parts without the boundary that ends them: the answer may have been cut');
}

const CR = 0x0d;
const LINE = Buffer.from('\n');

interface Part {
  readonly id: string;
  readonly type: string;
  readonly body: Buffer;
}

/** A head and a body, with an empty line between them. */
function partOf(bytes: Buffer): Part {
  const start = bytes.toString('latin1', 0, MAX_PART_HEAD);
  const gap = /\r?\n\r?\n/.exec(start);
  if (!gap) throw new UnreadableAnswer('xml', 'a part without an end of its head');
  const fields = new Map<string, string>();
  for (const line of start
    .slice(0, gap.index)
    .replace(/\r?\n[ \t]+/g, ' ')
    .split(/\r?\n/)) {
    const colon = line.indexOf(':');
    if (colon > 0) fields.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
  }
  const body = bytes.subarray(gap.index + gap[0].length);
  const coding = fields.get('content-transfer-encoding')?.toLowerCase() ?? '';
  if (coding === 'quoted-printable') throw new UnreadableAnswer('xml', 'a part in quoted-printable');
  return {
    id: contentId(fields.get('content-id') ?? ''),
    type: fields.get('content-type') ?? '',
    body: coding === 'base64' ? Buffer.from(body.toString('latin1'), 'base64') : body,
  };
}
