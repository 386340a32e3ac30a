/** Everything that a twin can do wrong, by name: what a person writes for it, and what it does. */
import { Duration, Keys, Size, type TSchema, Type, Words } from '../../../engine/schema.ts';

/** Codes of an acknowledgement (table 0008). */
export type AckCode = 'AA' | 'AE' | 'AR' | 'CA' | 'CE' | 'CR';

interface Plain<N extends string> {
  readonly sin: N;
}

/** Before the body was read: nothing is known of the request but its headers. */
export type EarlySin =
  | Plain<'cut-before-body'>
  | (Plain<'cut-in-body'> & { readonly after: number })
  | (Plain<'refuse-connections'> & { readonly for: number });

/** The request is answered, or not, without its messages being looked at. */
export type RefusalSin =
  | (Plain<'fault'> & {
      readonly fault: string;
      readonly status: number;
      readonly words?: string;
      readonly taken: boolean;
    })
  | (Plain<'http-status'> & {
      readonly status: number;
      readonly body: 'empty' | 'html' | 'json' | 'text';
      readonly retryAfter?: number;
      readonly taken: boolean;
    })
  | (Plain<'maintenance'> & { readonly retryAfter?: number })
  | (Plain<'rate-limit'> & { readonly retryAfter?: number })
  | (Plain<'redirect'> & { readonly status: number; readonly to: string })
  | (Plain<'one-message'> & { readonly answer: 'fault' | 'http' })
  | (Plain<'too-large'> & {
      readonly messages?: number;
      readonly bytes?: number;
      readonly answer: 'fault' | 'http';
    });

/** How the answer travels, or that it does not. */
export type WireSin =
  | (Plain<'no-answer'> & { readonly taken: boolean })
  | Plain<'cut-before-commit'>
  | Plain<'cut-after-commit'>
  | (Plain<'cut-in-answer'> & { readonly after?: number })
  | (Plain<'slow-first-byte'> & { readonly wait: number })
  | (Plain<'slow-body'> & { readonly bytesPerSecond: number })
  | (Plain<'huge-answer'> & { readonly bytes: number })
  | (Plain<'gzip-bomb'> & { readonly bytes: number })
  | (Plain<'answer-status'> & { readonly status: number });

/** What is decided about the messages. */
export type DecisionSin =
  | (Plain<'code'> & {
      readonly code: AckCode;
      readonly messages?: string;
      readonly controlId?: string;
      readonly every?: number;
    })
  | (Plain<'repeats'> & { readonly code: AckCode })
  | (Plain<'half-answer'> & { readonly take: 'all' | 'half' })
  | (Plain<'success-false'> & { readonly words?: string });

/** What the acknowledgements say, where they say something else than was decided. */
export type WordingSin =
  | (Plain<'wrong-id'> & { readonly id?: string })
  | Plain<'empty-id'>
  | Plain<'previous-answer'>
  | (Plain<'named-twice'> & { readonly code: AckCode })
  | (Plain<'unknown-id'> & { readonly id?: string })
  | Plain<'wrong-counts'>
  | Plain<'shuffled'>
  | Plain<'errors-only'>
  | Plain<'report'>
  | (Plain<'several-errors'> & { readonly count: number });

/** In which form the answer is written. */
export type FormSin =
  | Plain<'no-white-space'>
  | Plain<'no-line-ends'>
  | Plain<'line-feeds'>
  | Plain<'spaced'>
  | Plain<'wrong-tags'>
  | Plain<'missing-end-tag'>
  | Plain<'plain-text'>
  | Plain<'extra-element'>
  | Plain<'base64'>
  | Plain<'url-encoded'>
  | Plain<'empty-element'>
  | (Plain<'xml-bomb'> & { readonly kind: 'doctype' | 'entities' | 'depth' | 'elements' | 'attributes' });

/** What a status query is told. */
export type StatusSin = (Plain<'still-working'> & { readonly asks: number }) | Plain<'unknown-ticket'>;

export type Sin = EarlySin | RefusalSin | WireSin | DecisionSin | WordingSin | FormSin | StatusSin;
export type SinName = Sin['sin'];
export type SinGroup = 'early' | 'refusal' | 'wire' | 'decision' | 'wording' | 'form' | 'status';

interface Entry<S extends Sin> {
  readonly group: SinGroup;
  /** One sentence for lists. */
  readonly does: string;
  readonly keys: { readonly [K in Exclude<keyof S, 'sin'>]-?: TSchema };
}

const TAKEN = Type.Boolean({ default: false, description: 'true: the messages are taken all the same.' });
const RETRY_AFTER = Type.Optional(Duration({ description: 'Retry-After, in whole seconds; absent: no such header.' }));
const TOO_LARGE_ANSWER = Words(['fault', 'http'], {
  default: 'fault',
  description: "fault: the dialect's fault for it. http: 413.",
});

function httpStatus(defaultStatus?: number): TSchema {
  return Type.Integer({
    minimum: 200,
    maximum: 599,
    ...(defaultStatus === undefined ? {} : { default: defaultStatus }),
    description: 'HTTP status.',
  });
}

function code(words: readonly AckCode[], defaultCode?: AckCode): TSchema {
  return Words(words, {
    description: 'Code of the acknowledgement (MSA-1).',
    ...(defaultCode === undefined ? {} : { default: defaultCode }),
  });
}

function otherId(description: string): TSchema {
  return Type.Optional(Type.String({ pattern: '^[\\x21-\\x7e]{1,200}$', description }));
}

const ALL_CODES: readonly AckCode[] = ['AA', 'AE', 'AR', 'CA', 'CE', 'CR'];

/** The catalogue: name, what it does, and its keys. */
export const SINS: { readonly [N in SinName]: Entry<Extract<Sin, { readonly sin: N }>> } = {
  'cut-before-body': { group: 'early', does: 'Cuts the connection before it reads the body.', keys: {} },
  'cut-in-body': {
    group: 'early',
    does: 'Cuts the connection within the body.',
    keys: { after: Size({ default: '1B', description: 'After so many bytes of it.' }) },
  },
  'refuse-connections': {
    group: 'early',
    does: 'Cuts all connections and takes no new ones for a while, as a receiver that restarts.',
    keys: { for: Duration({ description: 'How long the port is closed.' }) },
  },
  fault: {
    group: 'refusal',
    does: 'Answers a SOAP fault.',
    keys: {
      fault: Type.String({
        pattern: '^[A-Za-z][A-Za-z0-9_]*$',
        description: "A detail element of the dialect's faults, such as SecurityFault; or the code Sender or Receiver.",
      }),
      status: httpStatus(500),
      words: Type.Optional(Type.String({ maxLength: 500, description: "The receiver's words." })),
      taken: TAKEN,
    },
  },
  'http-status': {
    group: 'refusal',
    does: 'Answers an HTTP status without an envelope, as a proxy does.',
    keys: {
      status: httpStatus(),
      body: Words(['html', 'json', 'text', 'empty'], { default: 'html', description: 'What stands in the body.' }),
      retryAfter: RETRY_AFTER,
      taken: TAKEN,
    },
  },
  maintenance: {
    group: 'refusal',
    does: 'Answers 503 with a page for people.',
    keys: { retryAfter: RETRY_AFTER },
  },
  'rate-limit': { group: 'refusal', does: 'Answers 429.', keys: { retryAfter: RETRY_AFTER } },
  redirect: {
    group: 'refusal',
    does: 'Answers a redirect.',
    keys: {
      status: httpStatus(307),
      to: Type.String({ pattern: '^[\\x21-\\x7e]+$', description: 'Address in its Location header.' }),
    },
  },
  'one-message': {
    group: 'refusal',
    does: 'Refuses a request with more than one MSH as too large.',
    keys: { answer: TOO_LARGE_ANSWER },
  },
  'too-large': {
    group: 'refusal',
    does: 'Refuses a request over a limit as too large.',
    keys: {
      messages: Type.Optional(Type.Integer({ minimum: 1, description: 'Most messages in a request.' })),
      bytes: Type.Optional(Size({ description: 'Most bytes of a request body.' })),
      answer: TOO_LARGE_ANSWER,
    },
  },
  'no-answer': { group: 'wire', does: 'Reads the request and never answers.', keys: { taken: TAKEN } },
  'cut-before-commit': {
    group: 'wire',
    does: 'Reads the request, takes nothing, and cuts the connection.',
    keys: {},
  },
  'cut-after-commit': {
    group: 'wire',
    does: 'Takes the messages and cuts the connection without an answer.',
    keys: {},
  },
  'cut-in-answer': {
    group: 'wire',
    does: 'Takes the messages and cuts the connection in the middle of the answer.',
    keys: { after: Type.Optional(Size({ description: 'After so many bytes of its body; default: half of them.' })) },
  },
  'slow-first-byte': {
    group: 'wire',
    does: 'Waits before it answers.',
    keys: { wait: Duration({ description: 'How long.' }) },
  },
  'slow-body': {
    group: 'wire',
    does: 'Lets the answer trickle.',
    keys: { bytesPerSecond: Type.Integer({ minimum: 1, description: 'Bytes of the body in a second.' }) },
  },
  'huge-answer': {
    group: 'wire',
    does: 'Answers as it should, in an answer of this size.',
    keys: { bytes: Size({ default: '1GB', description: 'Bytes of the body.' }) },
  },
  'gzip-bomb': {
    group: 'wire',
    does: 'Answers with a small gzip body that unpacks to this size, which nobody asked for.',
    keys: { bytes: Size({ default: '1GB', description: 'Bytes of the unpacked body.' }) },
  },
  'answer-status': {
    group: 'wire',
    does: 'Answers as it should, under another HTTP status.',
    keys: { status: httpStatus(500) },
  },
  code: {
    group: 'decision',
    does: 'Decides this about messages; only AA and CA take them. All of a request unless one of the keys chooses.',
    keys: {
      code: code(ALL_CODES),
      messages: Type.Optional(
        Type.String({ pattern: '^[1-9]\\d*(-([1-9]\\d*)?)?$', description: 'Places in the request: 2, 2-5 or 3-.' }),
      ),
      controlId: Type.Optional(
        Type.String({ minLength: 1, maxLength: 200, description: 'Control ids; * stands for any text.' }),
      ),
      every: Type.Optional(Type.Integer({ minimum: 1, description: 'Every so many messages of the request.' })),
    },
  },
  repeats: {
    group: 'decision',
    does: 'Decides this about a message whose control id it has taken before.',
    keys: { code: code(ALL_CODES, 'AR') },
  },
  'half-answer': {
    group: 'decision',
    does: 'Acknowledges only the first half of the messages.',
    keys: {
      take: Words(['all', 'half'], {
        default: 'all',
        description: 'all: the others are taken as well, without a word. half: they are not.',
      }),
    },
  },
  'success-false': {
    group: 'decision',
    does: 'Says in the body, under HTTP 200, that it failed; for dialects with a success flag.',
    keys: { words: Type.Optional(Type.String({ maxLength: 500, description: "The receiver's words." })) },
  },
  'wrong-id': {
    group: 'wording',
    does: 'MSA-2 names another message than the one that was sent.',
    keys: { id: otherId('What it names; default: an id that nobody sent.') },
  },
  'empty-id': { group: 'wording', does: 'MSA-2 is empty.', keys: {} },
  'previous-answer': {
    group: 'wording',
    does: 'Takes the messages, and answers what it answered to the request before.',
    keys: {},
  },
  'named-twice': {
    group: 'wording',
    does: 'Names the first message twice, with different codes.',
    keys: { code: code(ALL_CODES, 'AE') },
  },
  'unknown-id': {
    group: 'wording',
    does: 'Acknowledges, besides, a message that was not sent.',
    keys: { id: otherId('Its control id.') },
  },
  'wrong-counts': { group: 'wording', does: 'BTS-1 of the answer is one too many.', keys: {} },
  shuffled: { group: 'wording', does: 'Acknowledges the messages of a batch in another order.', keys: {} },
  'errors-only': {
    group: 'wording',
    does: 'Acknowledges only what it did not take; an empty batch means that everything was taken.',
    keys: {},
  },
  report: { group: 'wording', does: 'Answers a report for people instead of acknowledgements.', keys: {} },
  'several-errors': {
    group: 'wording',
    does: 'Adds ERR segments to each acknowledgement, warnings to a good one.',
    keys: { count: Type.Integer({ minimum: 1, maximum: 1000, default: 3, description: 'How many.' }) },
  },
  'no-white-space': {
    group: 'form',
    does: 'No XML declaration, nothing between the elements.',
    keys: {},
  },
  'no-line-ends': { group: 'form', does: 'The segments of the acknowledgement run together.', keys: {} },
  'line-feeds': { group: 'form', does: 'LF instead of CR after each segment.', keys: {} },
  spaced: { group: 'form', does: 'Blanks and empty lines everywhere, around the acknowledgement too.', keys: {} },
  'wrong-tags': { group: 'form', does: 'The elements around the acknowledgement have other names.', keys: {} },
  'missing-end-tag': { group: 'form', does: 'The last end tag is missing.', keys: {} },
  'plain-text': { group: 'form', does: 'The acknowledgement alone, as text/plain.', keys: {} },
  'extra-element': { group: 'form', does: 'One more element around the acknowledgement.', keys: {} },
  base64: { group: 'form', does: 'The acknowledgement as base64.', keys: {} },
  'url-encoded': { group: 'form', does: 'The acknowledgement URL-encoded.', keys: {} },
  'empty-element': { group: 'form', does: 'The element is there and empty.', keys: {} },
  'xml-bomb': {
    group: 'form',
    does: 'Answers with XML that harms careless readers.',
    keys: {
      kind: Words(['doctype', 'entities', 'depth', 'elements', 'attributes'], {
        default: 'entities',
        description:
          'doctype: an external entity. entities: each ten of the one before. depth, elements, attributes: very many of them.',
      }),
    },
  },
  'still-working': {
    group: 'status',
    does: 'Says at first that it has not looked at a request yet.',
    keys: { asks: Type.Integer({ minimum: 1, default: 1, description: 'At so many status queries for one ticket.' }) },
  },
  'unknown-ticket': { group: 'status', does: 'Does not know what it is asked about.', keys: {} },
};

/** The names, in the order of the catalogue. */
export const SIN_NAMES: readonly SinName[] = Object.keys(SINS) as readonly SinName[];

/** One sin with its keys, as a scenario writes it. */
export const SIN_SCHEMA: TSchema = Type.Union(
  SIN_NAMES.map((name) =>
    Keys(
      { sin: Type.Literal(name, { description: SINS[name].does }), ...SINS[name].keys },
      { description: SINS[name].does },
    ),
  ),
);

/** True where the sin is committed before anything of the body is known. */
export function isEarly(sin: Sin): sin is EarlySin {
  return SINS[sin.sin].group === 'early';
}
