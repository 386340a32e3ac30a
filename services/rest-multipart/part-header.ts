import { refusal, type UploadError } from './errors.ts';
import { decodeUtf8, fileNameOf, parseContentType, parseDisposition } from './header-values.ts';
import { bareFileName, shownName } from './names.ts';

/** How the content of a part is written on the line (RFC 2045, 6). */
export type TransferEncoding = 'identity' | 'base64' | 'quoted-printable';

/** What the header of a part says. */
export interface PartHeader {
  /** Number of the part, from 1. */
  readonly number: number;
  readonly name: string;
  /** The bare file name, or the part's where nothing of it is left (`..`); empty where it was sent empty; absent for fields. */
  readonly fileName?: string;
  /** As written, with its parameters; `text/plain` where the part does not say. */
  readonly contentType: string;
  /** Type and subtype in lower case. */
  readonly mediaType: string;
  /** Charset as the content type says, if it does. */
  readonly charset?: string;
  readonly encoding: TransferEncoding;
}

const LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)$/;
const ONCE = ['content-disposition', 'content-type', 'content-transfer-encoding', 'content-encoding'];
const AS_IT_IS = new Set(['', '7bit', '8bit', 'binary']);
const DEFAULT_TYPE = 'text/plain';

/**
 * Reads the header of a part: the bytes between its boundary line and the empty line.
 * @throws UploadError naming the part by its number, where it breaks RFC 7578 or means what is not taken.
 */
export function parsePartHeader(bytes: Uint8Array, number: number, nameLength: number): PartHeader {
  const wrong = (what: string) => refusal('PART_HEADER_WRONG', `The header of part ${number} ${what}.`);
  const headers = headerLines(bytes, wrong);
  const disposition = parseDisposition(headers.get('content-disposition') ?? '');
  if (disposition?.value !== 'form-data') throw wrong('has no sound Content-Disposition: form-data');
  const name = disposition.params.get('name') ?? '';
  if (name === '') throw wrong('gives the part no name');
  if (name.length > nameLength)
    throw refusal('PART_NAME_TOO_LONG', `The name of part ${number} has ${name.length} characters of ${nameLength}.`);
  const fileName = fileNameOf(disposition);
  if (fileName === null) throw wrong('has a filename* that cannot be decoded');

  const contentType = headers.get('content-type') ?? DEFAULT_TYPE;
  const type = parseContentType(contentType);
  if (!type) throw wrong('has a Content-Type that is none');
  if (type.value.startsWith('multipart/'))
    throw refusal('PART_NESTED', `Part ${number} ${shownName(name)} is itself multipart.`);
  const contentEncoding = headers.get('content-encoding')?.toLowerCase() ?? 'identity';
  if (contentEncoding !== 'identity')
    throw refusal('UPLOAD_ENCODED', `Part ${number} ${shownName(name)} is compressed.`);
  const charset = type.params.get('charset');
  return {
    number,
    name,
    ...(fileName === undefined ? {} : { fileName: fileName === '' ? '' : bareFileName(fileName) || name }),
    contentType,
    mediaType: type.value,
    ...(charset === undefined ? {} : { charset }),
    encoding: transferEncoding(headers.get('content-transfer-encoding') ?? '', number),
  };
}

/** Header lines by their names in lower case; folded ones unfolded (RFC 5322, 2.2.3). */
function headerLines(bytes: Uint8Array, wrong: (what: string) => UploadError): ReadonlyMap<string, string> {
  const headers = new Map<string, string>();
  if (bytes.length === 0) return headers;
  const text = decodeUtf8(bytes);
  if (text === undefined) throw wrong('is not UTF-8');
  const lines = text.replace(/\r\n(?=[ \t])/g, '').split('\r\n');
  for (const [index, line] of lines.entries()) {
    const match = LINE.exec(line);
    if (!match) throw wrong(`has a line that is none of a header (line ${index + 1})`);
    const name = (match[1] ?? '').toLowerCase();
    if (headers.has(name) && ONCE.includes(name)) throw wrong(`has two lines ${name}`);
    headers.set(name, (match[2] ?? '').trim());
  }
  return headers;
}

function transferEncoding(value: string, number: number): TransferEncoding {
  const encoding = value.toLowerCase();
  if (AS_IT_IS.has(encoding)) return 'identity';
  if (encoding === 'base64' || encoding === 'quoted-printable') return encoding;
  throw refusal('PART_ENCODING_UNKNOWN', `The Content-Transfer-Encoding of part ${number} is not known.`);
}
