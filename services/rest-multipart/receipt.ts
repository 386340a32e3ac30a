import type { ReceiptView } from '../../engine/contracts/service.ts';

/** Path of a receipt on the listener. */
export function receiptPath(id: string): string {
  return `/receipts/${encodeURIComponent(id)}`;
}

/** A receipt as the answer to its upload. What becomes of the submissions is asked for at `links.self`. */
export function receiptAnswer(receipt: ReceiptView, duplicate: boolean) {
  const self = receiptPath(receipt.id);
  return {
    id: receipt.id,
    service: receipt.service,
    partner: receipt.partner,
    acceptedAt: new Date(receipt.acceptedAt).toISOString(),
    duplicate,
    fields: receipt.fields,
    submissions: receipt.submissions.map(({ id, part, name, contentType, bytes, hash }) => ({
      id,
      part,
      name,
      contentType,
      bytes,
      sha256: hash,
    })),
    links: { self },
  };
}

const text = (description: string) => ({ type: 'string', description });

const RECEIPT = {
  type: 'object',
  required: ['id', 'service', 'partner', 'acceptedAt', 'duplicate', 'fields', 'submissions', 'links'],
  properties: {
    id: text('Id of the receipt.'),
    service: text('Service that took it in.'),
    partner: text('Partner who sent it.'),
    acceptedAt: { type: 'string', format: 'date-time', description: 'When the upload was committed.' },
    duplicate: { type: 'boolean', description: 'True where the receipt is that of an earlier, equal upload.' },
    fields: { type: 'object', additionalProperties: { type: 'string' }, description: 'Text fields of the upload.' },
    submissions: {
      type: 'array',
      description: 'One for each file, in their order.',
      items: {
        type: 'object',
        required: ['id', 'part', 'name', 'contentType', 'bytes', 'sha256'],
        properties: {
          id: text('Id of the submission.'),
          part: text('Name of the part.'),
          name: text('File name.'),
          contentType: text('Content type as sent.'),
          bytes: { type: 'integer', minimum: 0, description: 'Size of the decoded content.' },
          sha256: text('SHA-256 of the decoded content, hexadecimal.'),
        },
      },
    },
    links: {
      type: 'object',
      required: ['self'],
      properties: { self: text('Path of the receipt.') },
    },
  },
};

/** What the listener answers as a problem; it adds what such an answer looks like. */
const PROBLEMS = {
  400: 'The body, a header or the Idempotency-Key is not sound.',
  408: 'The sender was silent or slow for too long.',
  409: 'An upload with the same Idempotency-Key is coming in.',
  413: 'The upload, a file or the fields are too large.',
  415: 'The content type is not taken, or the body is compressed.',
  422: 'No file, a file that fits no rule, or an Idempotency-Key that stands for other content.',
  503: 'Too many uploads, no room, or the service is stopping: repeat after Retry-After.',
};

const LOCATION = { Location: { type: 'string', description: 'Path of the receipt.' } };

/** What /openapi.json says of the route. Types of plain bodies are those that the rules name. */
export function routeSchema(plainTypes: readonly string[]) {
  const binary = { type: 'string', format: 'binary' };
  const form = {
    type: 'object',
    description: 'Parts with a file name are files; parts without are text fields.',
    additionalProperties: binary,
  };
  const content = Object.fromEntries([
    ['multipart/form-data', { schema: form }],
    ...plainTypes.map((type) => [type, { schema: binary }] as const),
  ]);
  const problems = Object.entries(PROBLEMS).map(([status, description]) => [status, { description }]);
  const receipt = (description: string) => ({
    description,
    headers: LOCATION,
    content: { 'application/json': { schema: RECEIPT } },
  });
  return {
    summary: 'Uploads files',
    tags: ['uploads'],
    description:
      'One upload becomes one receipt, with a submission for each file. Nothing is kept unless all of it is.',
    consumes: Object.keys(content),
    headers: {
      type: 'object',
      properties: { 'idempotency-key': text('A word or a quoted string; the same when an upload is repeated.') },
    },
    querystring: {
      type: 'object',
      properties: {
        name: text('File name of a plain body.'),
        part: text('Name of the part that a plain body stands for.'),
      },
    },
    body: { content },
    response: {
      200: receipt('The same upload came before: its receipt.'),
      202: receipt('Every file is safe.'),
      ...Object.fromEntries(problems),
    },
  };
}
