import type { IncomingMessage } from 'node:http';
import type { Rule, ServiceContext, Upload, Uploaded } from '../../engine/contracts/service.ts';
import { codeOf, RefusedError } from '../../engine/errors.ts';
import { type RestMultipartConfig, type Settings, settingsOf } from './config.ts';
import { refusal, UploadError } from './errors.ts';
import { readForm } from './form.ts';
import { fileNameOf, type HeaderValue, parseContentType, parseDisposition } from './header-values.ts';
import { bareFileName, shownName } from './names.ts';
import type { RequestBody } from './request-body.ts';
import { type Matched, type Rules, rulesOf } from './rules.ts';

/** What an upload is known by before its body is read. */
export interface UploadRequest {
  readonly partner: string;
  readonly key: string | undefined;
  readonly headers: IncomingMessage['headers'];
  /** Query of the request: `name` and `part` of a plain body. */
  readonly query: URLSearchParams;
}

const CSV = 'text/csv';

/** One file of an upload as it goes to the engine. */
interface Incoming {
  readonly body: AsyncIterable<Uint8Array>;
  readonly part: string;
  readonly name: string;
  readonly contentType: string;
  readonly matched: Matched;
}

/** Takes uploads in: reads them, holds their files against the rules, hands them to the engine. */
export class Intake {
  readonly settings: Settings;
  readonly #context: ServiceContext<RestMultipartConfig>;
  readonly #rules: Rules;

  constructor(context: ServiceContext<RestMultipartConfig>) {
    this.#context = context;
    this.settings = settingsOf(context.config);
    this.#rules = rulesOf(context.config);
  }

  /**
   * Whether the body may come at all, by its headers.
   * @returns its content type. @throws UploadError
   */
  admit(headers: IncomingMessage['headers']): HeaderValue {
    const type = parseContentType(headers['content-type'] ?? '');
    if (!type || !(type.value === 'multipart/form-data' || this.#rules.takesBody(type.value)))
      throw refusal('UPLOAD_TYPE_UNKNOWN');
    const encoding = headers['content-encoding'] ?? 'identity';
    if (encoding.trim().toLowerCase() !== 'identity') throw refusal('UPLOAD_ENCODED');
    const length = headers['content-length'];
    if (length === '0' || (length === undefined && headers['transfer-encoding'] === undefined))
      throw refusal('BODY_EMPTY');
    if (length !== undefined && Number(length) > this.settings.maxBytes) throw refusal('UPLOAD_TOO_LARGE');
    return type;
  }

  /**
   * Reads an upload to its end and commits it; without the commit nothing of it is kept.
   * @throws UploadError, as it is to be answered.
   */
  async take(request: UploadRequest, type: HeaderValue, body: RequestBody): Promise<Uploaded> {
    const upload = this.#context.upload();
    const { partner, key } = request;
    const { duplicates } = this.settings;
    let fields: Readonly<Record<string, string>>;
    try {
      fields = await this.#read(request, type, body, upload);
      if (body.failure) throw body.failure;
    } catch (error) {
      await this.#discard(upload);
      throw this.#answerable(body.failure ?? error);
    }
    try {
      // A commit that fails has kept nothing, or nobody knows: then the engine's next start finds out.
      return await upload.commit({ partner, fields, duplicates, ...(key === undefined ? {} : { key }) });
    } catch (error) {
      throw this.#answerable(error);
    }
  }

  async #read(
    request: UploadRequest,
    type: HeaderValue,
    body: RequestBody,
    upload: Upload,
  ): Promise<Readonly<Record<string, string>>> {
    if (type.value !== 'multipart/form-data') {
      await this.#keep(upload, this.#plain(request, type, body));
      return {};
    }
    const boundary = type.params.get('boundary') ?? '';
    const form = await readForm(body, boundary, this.settings.limits, (file) => {
      const { name: part, fileName, mediaType, contentType, number } = file;
      const matched = this.#rules.forPart({ part, fileName, mediaType });
      if (!matched)
        throw refusal(
          'PART_NOT_WANTED',
          `Part ${number} ${shownName(part)} (${mediaType}) fits no rule of the service.`,
        );
      return this.#keep(upload, { body: file.body, part, name: fileName, contentType, matched });
    });
    if (form.files === 0) throw refusal('NO_FILE_PART');
    return form.fields;
  }

  /** A plain body as the only file of an upload. */
  #plain({ headers, query }: UploadRequest, type: HeaderValue, body: RequestBody): Incoming {
    const given = plainName(headers['content-disposition'], query);
    const part = single(query, 'part');
    const fileName = given || part || 'upload';
    const matched = this.#rules.forBody({ part, fileName, mediaType: type.value });
    if (!matched)
      throw refusal('PART_NOT_WANTED', `A body of ${type.value} with this name fits no rule of the service.`);
    const contentType = headers['content-type'] ?? CSV;
    return { body: notEmpty(body), part: part ?? matched.name ?? 'body', name: fileName, contentType, matched };
  }

  #keep(upload: Upload, { body, part, name, contentType, matched }: Incoming): Promise<void> {
    const rule: Rule = matched.rule;
    return upload.part({ body: limited(body, matched.maxBytes, part), part, name, contentType, rule });
  }

  async #discard(upload: Upload): Promise<void> {
    try {
      await upload.discard();
    } catch (error) {
      // What is left lies unseen until the engine's next start removes it.
      this.#context.logger.warn({ code: codeOf(error) }, 'what was read of a refused upload could not be removed');
    }
  }

  /** What the sender is told: our refusals and the engine's as they are, anything else as a failure to store. */
  #answerable(error: unknown): UploadError {
    if (error instanceof UploadError) return error;
    if (error instanceof RefusedError) return new UploadError(error.code, error.message, 422, { cause: error });
    this.#context.logger.error({ code: 'UPLOAD_NOT_STORED', cause: codeOf(error) }, 'an upload could not be stored');
    return refusal('UPLOAD_NOT_STORED', undefined, { cause: error });
  }
}

async function* limited(body: AsyncIterable<Uint8Array>, most: number | undefined, part: string) {
  let left = most ?? Number.POSITIVE_INFINITY;
  for await (const chunk of body) {
    left -= chunk.length;
    if (left < 0) throw refusal('PART_TOO_LARGE', `The file in part ${shownName(part)} has more than ${most} bytes.`);
    yield chunk;
  }
}

async function* notEmpty(body: AsyncIterable<Uint8Array>) {
  let empty = true;
  for await (const chunk of body) {
    empty = false;
    yield chunk;
  }
  if (empty) throw refusal('BODY_EMPTY');
}

/** The file name of a plain body: `?name=`, else Content-Disposition; empty where there is none. */
function plainName(disposition: string | undefined, query: URLSearchParams): string {
  const asked = single(query, 'name');
  if (asked !== undefined) return bareFileName(asked);
  if (disposition === undefined) return '';
  const parsed = parseDisposition(disposition);
  const name = parsed ? fileNameOf(parsed) : null;
  if (name === null) throw refusal('FILE_NAME_WRONG');
  return bareFileName(name ?? '');
}

/** A parameter that may stand once. @throws UploadError where it stands more often, or is no UTF-8 */
function single(query: URLSearchParams, key: string): string | undefined {
  const [value, ...more] = query.getAll(key);
  if (more.length > 0 || value?.includes('\ufffd') || (value?.length ?? 0) > 1000) throw refusal('FILE_NAME_WRONG');
  return value === '' ? undefined : value;
}
