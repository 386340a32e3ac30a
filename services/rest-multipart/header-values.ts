/**
 * Values of `Content-Type` and `Content-Disposition` by their grammar (RFC 9110, 5.6.6 and 8.3; RFC 7578; RFC 8187 for
 * `filename*`). What breaks the grammar is `undefined`: nothing is guessed.
 */

export interface HeaderValue {
  /** `text/csv` or `form-data`, in lower case. */
  readonly value: string;
  /** Parameters by their names in lower case; each at most once. */
  readonly params: ReadonlyMap<string, string>;
}

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const TYPE = new RegExp(`^${TOKEN}/${TOKEN}$`);
const WORD = new RegExp(`^${TOKEN}$`);
/** One parameter: `; name=token` or `; name="text"`; in the text a backslash escapes a quote and a backslash only. */
const PARAMETER = new RegExp(`[ \\t]*;[ \\t]*(?:(${TOKEN})=(?:(${TOKEN})|"((?:[^"\\\\]|\\\\.)*)"))?`, 'y');
const EXTENDED = /^(utf-8|iso-8859-1)'[A-Za-z0-9-]*'((?:%[0-9A-Fa-f]{2}|[!#$&+.^_`|~0-9A-Za-z-])*)$/i;

/** A media type with its parameters, or `undefined`. */
export function parseContentType(text: string): HeaderValue | undefined {
  const parsed = parse(text);
  return parsed && TYPE.test(parsed.value) ? parsed : undefined;
}

/** A disposition such as `form-data; name="a"`, or `undefined`. */
export function parseDisposition(text: string): HeaderValue | undefined {
  const parsed = parse(text);
  return parsed && WORD.test(parsed.value) ? parsed : undefined;
}

/**
 * The sender's name for a file: `filename*` before `filename`; `undefined` where there is neither.
 * @returns `null` where `filename*` breaks its grammar.
 */
export function fileNameOf({ params }: HeaderValue): string | undefined | null {
  const extended = params.get('filename*');
  return extended === undefined ? params.get('filename') : decodeExtended(extended);
}

function parse(text: string): HeaderValue | undefined {
  const semicolon = text.indexOf(';');
  const end = semicolon === -1 ? text.length : semicolon;
  const params = parameters(text, end);
  return params && { value: text.slice(0, end).trim().toLowerCase(), params };
}

function parameters(text: string, from: number): ReadonlyMap<string, string> | undefined {
  const params = new Map<string, string>();
  PARAMETER.lastIndex = from;
  while (PARAMETER.lastIndex < text.length) {
    const match = PARAMETER.exec(text);
    if (!match) return undefined;
    const [, name, token, quoted] = match;
    if (name === undefined) continue;
    const key = name.toLowerCase();
    if (params.has(key)) return undefined;
    params.set(key, token ?? unquoted(quoted ?? ''));
  }
  return params;
}

/** Browsers leave the backslashes of a path as they are: only an escaped quote or backslash is one character. */
function unquoted(text: string): string {
  return text.replace(/\\(["\\])/g, '$1');
}

/** RFC 8187: `UTF-8'en'%e2%82%ac.csv`. */
function decodeExtended(text: string): string | null {
  const match = EXTENDED.exec(text);
  if (!match) return null;
  const [, charset = '', coded = ''] = match;
  const bytes = Buffer.from(
    coded.replace(/%([0-9A-Fa-f]{2})/g, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  );
  if (charset.toLowerCase() === 'iso-8859-1') return bytes.toString('latin1');
  return decodeUtf8(bytes) ?? null;
}

/** The text of UTF-8 bytes, or `undefined` where they are none. A byte order mark stays. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  return decodeText(bytes, 'utf-8', true);
}

/**
 * The text of bytes in a charset, or `undefined` where they are none or the charset is unknown. A byte order mark is
 * dropped unless asked for.
 */
export function decodeText(bytes: Uint8Array, charset: string, keepMark = false): string | undefined {
  try {
    return new TextDecoder(charset, { fatal: true, ignoreBOM: keepMark }).decode(bytes);
  } catch {
    return undefined;
  }
}
