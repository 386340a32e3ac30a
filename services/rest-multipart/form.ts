import { refusal } from './errors.ts';
import { decodeText } from './header-values.ts';
import { type MultipartLimits, readMultipart } from './multipart.ts';
import { shownName } from './names.ts';
import type { PartHeader } from './part-header.ts';
import { decodeTransfer } from './transfer-encoding.ts';

export interface FormLimits extends MultipartLimits {
  readonly fields: number;
  readonly fieldBytes: number;
}

/** A part with a file name, as it comes in. */
export interface FilePart extends PartHeader {
  readonly fileName: string;
  /** Decoded content. */
  readonly body: AsyncIterable<Uint8Array>;
}

export interface Form {
  /** Text of the parts without a file name, in their order. */
  readonly fields: Readonly<Record<string, string>>;
  readonly parts: number;
  readonly files: number;
}

/** The field that says the charset of the others (RFC 7578, 4.6); no field of the sender's. */
const CHARSET_FIELD = '_charset_';
const DEFAULT_CHARSET = 'utf-8';

interface RawField {
  readonly header: PartHeader;
  readonly bytes: Buffer;
}

/**
 * Reads a form: hands over each file as it comes, one after the other, and gives the text fields at the end. A part whose
 * file name is empty and that has no content is a form's file input in which nothing was chosen: it counts as no file.
 * @throws UploadError where the form is not sound or breaks a limit; what `onFile` and the source throw.
 */
export async function readForm(
  source: AsyncIterable<Uint8Array>,
  boundary: string,
  limits: FormLimits,
  onFile: (part: FilePart) => Promise<void>,
): Promise<Form> {
  const fields: RawField[] = [];
  let fieldBytes = 0;
  let parts = 0;
  let files = 0;
  for await (const part of readMultipart(source, boundary, limits)) {
    parts += 1;
    const content = decodeTransfer(part.body, part);
    if (part.fileName === undefined) {
      if (fields.length === limits.fields)
        throw refusal('TOO_MANY_FIELDS', `The upload has more than ${limits.fields} text fields.`);
      const bytes = await collect(content, limits.fieldBytes - fieldBytes);
      fieldBytes += bytes.length;
      fields.push({ header: part, bytes });
      continue;
    }
    const body = part.fileName === '' ? await nothingChosen(content) : content;
    if (body === undefined) continue;
    files += 1;
    // What has no name of its own is called like its part.
    await onFile({ ...part, fileName: part.fileName || part.name, body });
  }
  return { fields: fieldsOf(fields), parts, files };
}

/** The whole content, where it has some; `undefined` where there is none. */
async function nothingChosen(content: AsyncIterable<Buffer>): Promise<AsyncIterable<Buffer> | undefined> {
  const iterator = content[Symbol.asyncIterator]();
  const first = await iterator.next();
  if (first.done) return undefined;
  return (async function* () {
    yield first.value;
    yield* { [Symbol.asyncIterator]: () => iterator };
  })();
}

async function collect(content: AsyncIterable<Buffer>, most: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of content) {
    size += chunk.length;
    if (size > most) throw refusal('FIELDS_TOO_LARGE');
    chunks.push(chunk);
  }
  // A copy, so that a small field does not hold a large chunk.
  return Buffer.concat(chunks, size);
}

function fieldsOf(raw: readonly RawField[]): Record<string, string> {
  const byDefault =
    raw.find(({ header }) => header.name === CHARSET_FIELD)?.bytes.toString('latin1') ?? DEFAULT_CHARSET;
  const fields = new Map<string, string>();
  for (const { header, bytes } of raw) {
    const { name, number } = header;
    if (fields.has(name))
      throw refusal('FIELD_REPEATED', `The text field ${shownName(name)} stands twice (part ${number}).`);
    const text = decodeText(bytes, header.charset ?? byDefault);
    if (text === undefined)
      throw refusal('FIELD_NOT_TEXT', `The text field ${shownName(name)} (part ${number}) is not text in its charset.`);
    fields.set(name, text);
  }
  fields.delete(CHARSET_FIELD);
  // Names such as __proto__ become keys like any other.
  return Object.fromEntries(fields);
}
