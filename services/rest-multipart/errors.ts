import { defineErrors, type ErrorDetails, WaybillError } from '../../engine/errors.ts';

/** Everything for which an upload is turned away. Nothing of it is kept then. */
export const errors = defineErrors({
  UPLOAD_TYPE_UNKNOWN: {
    means: 'The request has no Content-Type, or one that is neither multipart/form-data nor named by a rule.',
    cure: 'Send multipart/form-data, or a plain body with a Content-Type that a rule under parts names.',
  },
  UPLOAD_ENCODED: {
    means: 'The request or a part is compressed; what it would become cannot be known beforehand.',
    cure: 'Send it without Content-Encoding.',
  },
  UPLOAD_TOO_LARGE: {
    means: 'The upload has more bytes than maxBytes of the service allows.',
    cure: 'Send fewer or smaller files in one upload, or let the owner of the service raise maxBytes.',
  },
  PART_TOO_LARGE: {
    means: 'A file has more bytes than the maxBytes of the rule that it fits.',
    cure: 'Send a smaller file, or let the owner of the service raise maxBytes of that rule.',
  },
  BODY_EMPTY: {
    means: 'The request has no body.',
    cure: 'Send the file; look for a client that sends the headers and forgets the content.',
  },
  BOUNDARY_WRONG: {
    means: 'The Content-Type names no boundary, or one that the standard does not allow.',
    cure: 'Let the client library make the Content-Type; do not set it by hand.',
  },
  BOUNDARY_NOT_FOUND: {
    means: 'The body does not begin with the boundary that the Content-Type names.',
    cure: 'Let the client library make Content-Type and body together; do not set the Content-Type by hand.',
  },
  BOUNDARY_UNCLEAR: {
    means: 'A line begins with the boundary and goes on with something else; where the part ends is not certain.',
    cure: 'Let the client choose a boundary that occurs nowhere in the files, and end its lines with CR and LF.',
  },
  BODY_ENDS_EARLY: {
    means: 'The body ends before its closing boundary: something of it is missing.',
    cure: 'Send the whole upload again; with an Idempotency-Key that is always safe.',
  },
  UPLOAD_ABORTED: {
    means: 'The sender broke the connection off before the body was complete.',
    cure: 'Send the whole upload again; with an Idempotency-Key that is always safe.',
  },
  UPLOAD_SILENT: {
    means: 'Nothing came for as long as timeouts.idle allows.',
    cure: 'Send the whole upload again; look for what holds it up on the way.',
  },
  UPLOAD_TOO_SLOW: {
    means: 'The upload took longer than timeouts.total allows.',
    cure: 'Send smaller uploads or use a faster line, or let the owner of the service raise timeouts.total.',
  },
  PART_HEADER_WRONG: {
    means: 'The header of a part breaks the grammar, or a header that may stand once stands twice.',
    cure: 'Use a client library for multipart/form-data; names and file names are UTF-8 without control characters.',
  },
  PART_HEADER_TOO_LARGE: {
    means: 'The header of a part is larger than limits.headerBytes allows.',
    cure: 'Send shorter names and no headers of your own.',
  },
  PART_NAME_TOO_LONG: {
    means: 'The name of a part is longer than limits.nameLength allows.',
    cure: 'Use a shorter name for the part; what is long belongs in a value.',
  },
  PART_ENCODING_UNKNOWN: {
    means: 'A part has a Content-Transfer-Encoding that is none of binary, 8bit, 7bit, base64, quoted-printable.',
    cure: 'Send the part without Content-Transfer-Encoding.',
  },
  PART_ENCODING_WRONG: {
    means: 'A part is not what its Content-Transfer-Encoding says: it cannot be decoded without loss.',
    cure: 'Send the part without Content-Transfer-Encoding, or mend the encoder.',
  },
  PART_NESTED: {
    means: 'A part is itself multipart; files within parts are not taken.',
    cure: 'Send each file as a part of its own.',
  },
  TOO_MANY_PARTS: {
    means: 'The upload has more parts than limits.parts allows.',
    cure: 'Send the files in several uploads, or let the owner of the service raise limits.parts.',
  },
  TOO_MANY_FIELDS: {
    means: 'The upload has more text fields than limits.fields allows.',
    cure: 'Send fewer fields, or let the owner of the service raise limits.fields.',
  },
  FIELDS_TOO_LARGE: {
    means: 'The text fields together are larger than limits.fieldBytes allows.',
    cure: 'Send what is large as a file; give the part a file name.',
  },
  FIELD_REPEATED: {
    means: 'Two text fields have the same name; which one counts is not certain.',
    cure: 'Send each field once.',
  },
  FIELD_NOT_TEXT: {
    means: 'A part without a file name is not text in the charset that it says (UTF-8 unless it says another).',
    cure: 'Send the right charset; give the part a file name if it is a file.',
  },
  NO_FILE_PART: {
    means: 'The upload has no file: no part with a file name.',
    cure: 'Give the part that holds the file a file name.',
  },
  PART_NOT_WANTED: {
    means: 'A file fits no rule of the service, so nobody knows what it is; the whole upload is refused.',
    cure: 'Use the part names, types and file names that were agreed, or add a rule under parts.',
  },
  IDEMPOTENCY_KEY_WRONG: {
    means: 'The Idempotency-Key breaks its grammar: a string in quotes or a plain word, 1 to 255 characters of ASCII.',
    cure: 'Use a UUID, one for each upload, and the same one when that upload is repeated.',
  },
  IDEMPOTENCY_KEY_IN_FLIGHT: {
    means: 'An upload with the same Idempotency-Key is coming in at this moment.',
    cure: 'Wait for its answer, or repeat later.',
  },
  IDEMPOTENCY_KEY_TAKEN: {
    means: 'The Idempotency-Key stands for an earlier upload with other content; nothing of this one was kept.',
    cure: 'Use a new key for a new upload; the answer names the receipt that has the key.',
  },
  UPLOADS_TOO_MANY: {
    means: 'As many uploads as maxConcurrent allows are coming in at this moment.',
    cure: 'Repeat after the time in Retry-After.',
  },
  SERVICE_STOPPING: {
    means: 'The service is stopping and takes no uploads in; one that was coming in was cut and nothing of it kept.',
    cure: 'Repeat after the time in Retry-After.',
  },
  UPLOAD_NOT_STORED: {
    means: 'The engine could not store the upload (the disk may be full); nothing of it is visible.',
    cure: 'Repeat later, with the same Idempotency-Key; the operator finds the reason in the log.',
  },
  RECEIPT_NOT_READ: {
    means: 'The upload is safe, but its receipt could not be read for the answer.',
    cure: 'Repeat with the same Idempotency-Key: the answer is then the receipt, and nothing is taken twice.',
  },
  FILE_NAME_WRONG: {
    means: 'The file name of a plain upload, in the query or in Content-Disposition, breaks the grammar.',
    cure: 'Give the name as ?name=..., percent-encoded UTF-8, once.',
  },
  PATH_RESERVED: {
    means: 'The path belongs to the listener itself.',
    cure: 'Choose another path, such as /uploads.',
  },
  PART_RULE_SHADOWED: {
    means: 'Every file that fits the rule fits an earlier one, and the first match counts; the rule is never used.',
    cure: 'Put the narrower rule first, or give the wider one a contentType or a fileName.',
  },
  PART_RULE_NEVER_MATCHES: {
    means: 'No file can fit the rule: its pattern holds a path, or a type that is never taken.',
    cure: 'Write fileName for bare names, and contentType for what files are, such as application/pdf.',
  },
});

export type UploadCode = keyof typeof errors;

/** HTTP status of each refusal, where it is not 400. */
const STATUS: Partial<Record<UploadCode, number>> = {
  UPLOAD_TYPE_UNKNOWN: 415,
  UPLOAD_ENCODED: 415,
  UPLOAD_TOO_LARGE: 413,
  PART_TOO_LARGE: 413,
  FIELDS_TOO_LARGE: 413,
  UPLOAD_SILENT: 408,
  UPLOAD_TOO_SLOW: 408,
  NO_FILE_PART: 422,
  PART_NOT_WANTED: 422,
  IDEMPOTENCY_KEY_TAKEN: 422,
  IDEMPOTENCY_KEY_IN_FLIGHT: 409,
  UPLOADS_TOO_MANY: 503,
  SERVICE_STOPPING: 503,
  UPLOAD_NOT_STORED: 503,
  RECEIPT_NOT_READ: 503,
};

/** Seconds after which it makes sense to repeat, where that is so. */
const RETRY_AFTER: Partial<Record<UploadCode, number>> = {
  IDEMPOTENCY_KEY_IN_FLIGHT: 2,
  UPLOADS_TOO_MANY: 2,
  SERVICE_STOPPING: 5,
  UPLOAD_NOT_STORED: 30,
  RECEIPT_NOT_READ: 5,
};

/** An upload that is turned away, as the listener answers it. The message names parts by number and name, never content. */
export class UploadError extends WaybillError {
  readonly statusCode: number;
  /** Seconds for a Retry-After header. */
  readonly retryAfter: number | undefined;

  constructor(code: string, message: string, statusCode: number, details: ErrorDetails & { retryAfter?: number } = {}) {
    const { retryAfter, ...rest } = details;
    super(code, message, rest);
    this.statusCode = statusCode;
    this.retryAfter = retryAfter;
  }
}

/** A refusal by its code; without a message of its own it says what the code means. The cure is always added. */
export function refusal(code: UploadCode, found?: string, details: ErrorDetails = {}): UploadError {
  const { means, cure } = errors[code];
  const retryAfter = RETRY_AFTER[code];
  const message = `${found ?? means} ${cure}`;
  return new UploadError(code, message, STATUS[code] ?? 400, {
    ...details,
    ...(retryAfter === undefined ? {} : { retryAfter }),
  });
}
