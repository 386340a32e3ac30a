/** What became of an upload, for the partner who sent it and nobody else. */
import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ReceiptView, RejectedItem } from '../engine/contracts/service.ts';
import { codeOf } from '../engine/errors.ts';
import { emit } from '../engine/events.ts';
import { layoutOf, rejectedCsv } from '../engine/rejected-csv.ts';
import { SUBMISSION_STATES } from '../engine/states.ts';
import { problemAnswer } from './openapi.ts';
import { HttpError } from './problems.ts';

/** Where receipts come from. */
export interface ReceiptSource {
  receipt(id: string): Promise<ReceiptView | undefined>;
  /** What became of a submission: as `ServiceContext.report`. */
  report(submission: string): Promise<Readonly<Record<string, unknown>>>;
  /** Its rejected items from the first, at each call. */
  rejected(submission: string): AsyncIterable<RejectedItem>;
}

type Part = ReceiptView['submissions'][number];

/** Adds `/receipts`; requests come with a partner already. */
export function addReceipts(
  server: FastifyInstance,
  source: ReceiptSource,
  partnerOf: (request: FastifyRequest) => string,
): void {
  const own = async (request: FastifyRequest, id: string): Promise<ReceiptView> => {
    const view = await source.receipt(id);
    // Another partner's receipt looks like none at all.
    if (view?.partner !== partnerOf(request)) throw unknown('There is no such receipt.');
    return view;
  };

  server.get<{ Params: { id: string } }>('/receipts/:id', { schema: RECEIPT_ROUTE }, async (request) => {
    const view = await own(request, request.params.id);
    const submissions = [];
    for (const part of view.submissions) submissions.push(partDocument(view.id, part, await source.report(part.id)));
    return {
      id: view.id,
      service: view.service,
      partner: view.partner,
      acceptedAt: new Date(view.acceptedAt).toISOString(),
      fields: view.fields,
      settled: view.submissions.every(({ settled }) => settled),
      submissions,
      links: { self: pathOf(view.id) },
    };
  });

  server.get<{ Params: { id: string; part: string } }>(
    '/receipts/:id/parts/:part/rejected.csv',
    { schema: REJECTED_ROUTE },
    async (request, reply) => {
      const view = await own(request, request.params.id);
      const part = findPart(view, request.params.part);
      if (!isRead(part)) throw notReady();
      if (part.bodiesPurgedAt !== undefined) throw purged(part.bodiesPurgedAt);
      const text = rejectedCsv({ ...layoutOf(part.scan), items: () => source.rejected(part.id) });
      return reply
        .type('text/csv; charset=utf-8')
        .header('content-disposition', `attachment; filename="${part.id}.rejected.csv"`)
        .send(Readable.from(told(text, request.method), { objectMode: false }));
    },
  );
}

/** By the submission's id, or by the name of the part where only one has it. */
function findPart(view: ReceiptView, wanted: string): Part {
  const byId = view.submissions.find(({ id }) => id === wanted);
  if (byId) return byId;
  const [byName, ...more] = view.submissions.filter(({ part }) => part === wanted);
  if (byName && more.length === 0) return byName;
  throw unknown(
    byName ? 'Several parts of the receipt have this name; name the submission.' : 'The receipt has no such part.',
  );
}

/** Whether all of its rows were looked at: nothing will be added to those that are rejected. */
function isRead({ state, settled }: Part): boolean {
  return settled || state === 'routed' || state === 'refused' || state === 'cancelled';
}

/** A stream that breaks in the middle cuts the connection, so that the partner sees it; the operator reads why. */
async function* told(chunks: AsyncIterable<string>, method: string): AsyncGenerator<string> {
  try {
    yield* chunks;
  } catch (error) {
    emit('requestFailed', { method, path: '/receipts/:id/parts/:part/rejected.csv', code: codeOf(error) });
    throw error;
  }
}

function unknown(detail: string): HttpError {
  return new HttpError(404, 'RECEIPT_UNKNOWN', detail);
}

function notReady(): HttpError {
  return new HttpError(409, 'REJECTED_NOT_READY', 'The rows of this part are still being read; ask again.', {
    'retry-after': '5',
  });
}

function purged(at: number): HttpError {
  const on = new Date(at).toISOString();
  return new HttpError(410, 'PART_PURGED', `The rows of this part were kept as long as agreed and purged on ${on}.`);
}

function pathOf(receipt: string): string {
  return `/receipts/${encodeURIComponent(receipt)}`;
}

/** What was told when it was taken in, and what became of it since. */
function partDocument(receipt: string, part: Part, report: Readonly<Record<string, unknown>>) {
  const { refusal } = part;
  const linked = part.rejectedItems > 0 && isRead(part) && part.bodiesPurgedAt === undefined;
  return {
    id: part.id,
    part: part.part,
    name: part.name,
    contentType: part.contentType,
    bytes: part.bytes,
    sha256: part.hash,
    state: part.state,
    settled: part.settled,
    ...(part.items === undefined ? {} : { items: part.items }),
    ...(refusal === undefined ? {} : { refusal }),
    entries: entriesOf(report.entries),
    rejectedItems: part.rejectedItems,
    links: linked ? { rejected: `${pathOf(receipt)}/parts/${encodeURIComponent(part.id)}/rejected.csv` } : {},
  };
}

/** Name and counts of each entry of a report; where it goes is not the partner's business. */
function entriesOf(entries: unknown): { entry: string; counts: Record<string, number> }[] {
  if (!Array.isArray(entries)) return [];
  return entries.flatMap((each: unknown) => {
    if (!isRecord(each) || typeof each.entry !== 'string' || !isRecord(each.counts)) return [];
    const counts = Object.entries(each.counts).flatMap(([state, n]) =>
      typeof n === 'number' ? [[state, n] as const] : [],
    );
    return [{ entry: each.entry, counts: Object.fromEntries(counts) }];
  });
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

const ID = { type: 'string', maxLength: 1000 };
const COUNT = { type: 'integer', minimum: 0 };

const SUBMISSION_SCHEMA = {
  type: 'object',
  required: [
    'id',
    'part',
    'name',
    'contentType',
    'bytes',
    'sha256',
    'state',
    'settled',
    'entries',
    'rejectedItems',
    'links',
  ],
  properties: {
    id: { type: 'string', description: 'Id of the submission.', examples: ['7kq2-15'] },
    part: { type: 'string', description: 'Name of the part in its form.' },
    name: { type: 'string', description: 'Name of the file as it was sent.' },
    contentType: { type: 'string' },
    bytes: COUNT,
    sha256: { type: 'string', description: 'SHA-256 of the decoded content, hexadecimal.' },
    state: { type: 'string', enum: Object.keys(SUBMISSION_STATES) },
    settled: { type: 'boolean' },
    items: { ...COUNT, description: 'Rows or messages in it, once they are counted.' },
    refusal: {
      type: 'object',
      description: 'Why it was refused, or is kept back.',
      required: ['code', 'reason'],
      properties: {
        code: { type: 'string' },
        reason: { type: 'string' },
        line: { type: 'integer' },
        column: { type: 'integer' },
      },
    },
    entries: {
      type: 'array',
      description: 'Where its items go, and how many are in which state.',
      items: {
        type: 'object',
        required: ['entry', 'counts'],
        properties: { entry: { type: 'string' }, counts: { type: 'object', additionalProperties: COUNT } },
      },
    },
    rejectedItems: { ...COUNT, description: 'Items that were not taken, whole or in some entry.' },
    links: {
      type: 'object',
      properties: { rejected: { type: 'string', description: 'Path of rejected.csv, where there are any.' } },
    },
  },
} as const;

/** The receipt as partners get it: the answer to their upload, with what became of it since. */
const RECEIPT_SCHEMA = {
  type: 'object',
  required: ['id', 'service', 'partner', 'acceptedAt', 'fields', 'settled', 'submissions', 'links'],
  properties: {
    id: { type: 'string', description: 'Id of the receipt.', examples: ['7kq2-R8'] },
    service: { type: 'string' },
    partner: { type: 'string' },
    acceptedAt: { type: 'string', format: 'date-time' },
    fields: { type: 'object', additionalProperties: { type: 'string' }, description: 'Text fields of the upload.' },
    settled: { type: 'boolean', description: 'Nothing will change any more by itself.' },
    submissions: { type: 'array', description: 'One for each file, in their order.', items: SUBMISSION_SCHEMA },
    links: { type: 'object', required: ['self'], properties: { self: { type: 'string' } } },
  },
} as const;

const RECEIPT_ROUTE = {
  summary: 'What became of an upload',
  operationId: 'receipt',
  tags: ['receipts'],
  params: { type: 'object', required: ['id'], properties: { id: ID } },
  response: {
    200: { description: 'The receipt.', content: { 'application/json': { schema: RECEIPT_SCHEMA } } },
    404: problemAnswer('There is no such receipt of this partner.'),
  },
};

const REJECTED_ROUTE = {
  summary: 'The rejected rows of a part with the reasons, in the layout of the file',
  operationId: 'rejected',
  tags: ['receipts'],
  params: {
    type: 'object',
    required: ['id', 'part'],
    properties: {
      id: ID,
      part: { ...ID, description: 'The submission, or the name of the part where only one has it.' },
    },
  },
  response: {
    200: { description: 'A CSV file in UTF-8.', content: { 'text/csv': { schema: { type: 'string' } } } },
    404: problemAnswer('There is no such receipt of this partner, or no such part.'),
    409: problemAnswer('The rows are still being read.'),
    410: problemAnswer('The rows were kept as long as agreed, and are purged.'),
  },
};
