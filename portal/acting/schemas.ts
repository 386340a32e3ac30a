/** Shapes of what the API takes and gives, for validation and for its description. */
import { ACT_VERBS, RESOLVE_GOALS } from '../../engine/acts.ts';
import { problemAnswer } from '../openapi.ts';

const text = (description: string, maxLength = 2000) => ({ type: 'string', minLength: 1, maxLength, description });
const time = { type: ['string', 'null'], description: 'ISO 8601, UTC.' };
const counts = { type: 'object', additionalProperties: { type: 'integer' } };

export const WHERE = text(
  'Which messages: key=value with spaces between them, all of which must hold; destination, state, code, entry, submission, batch, message, since, until, and field.NAME for a searchable field.',
);
const REASON = text('Why, for those who come after.');
const WHO = text('Who decides; only on the socket of the data folder, where nobody has to say who they are.', 200);

/** A body with these keys and no others; on the socket also with `who`, since it asks nobody for a key. */
export function bodyOf(properties: Readonly<Record<string, object>>, required: readonly string[], named: boolean) {
  return {
    type: 'object',
    required: named ? [...required, 'who'] : required,
    properties: named ? { ...properties, who: WHO } : properties,
    additionalProperties: false,
  };
}

export const ACT_BODY = {
  verb: { enum: ACT_VERBS, description: 'What to do with the messages.' },
  outcome: { enum: RESOLVE_GOALS, description: 'resolve: what they become; queued sends them again.' },
  where: WHERE,
  reason: { ...REASON, description: 'Why, for those who come after. Needed with confirm.' },
  confirm: {
    anyOf: [{ type: 'integer', minimum: 1 }, { const: 'any' }],
    description:
      'How many messages may be changed: refused if another number fits now. any: whatever fits. Without it the answer is a preview and nothing is changed.',
  },
};

export const DECISION_BODY = { reason: REASON };

/** A query with these keys and no others. */
export function queryOf(properties: Readonly<Record<string, object>>, required: readonly string[] = []) {
  return { type: 'object', required, properties, additionalProperties: false };
}

export const LIMIT = { type: 'string', pattern: '^[1-9][0-9]{0,3}$', description: 'How many at most; default: 100.' };

export function paramsOf(name: string, pattern: string, description: string) {
  return { type: 'object', required: [name], properties: { [name]: { type: 'string', pattern, description } } };
}

const json = (description: string, schema: object) => ({ description, content: { 'application/json': { schema } } });

const ACT = {
  type: 'object',
  required: ['act', 'verb', 'outcome', 'filter', 'who', 'reason', 'at', 'count', 'state', 'done', 'skipped'],
  properties: {
    act: { type: 'integer' },
    verb: { type: 'string' },
    outcome: { type: 'string', description: 'The state that messages get.' },
    filter: { type: 'string' },
    who: { type: 'string' },
    reason: { type: 'string' },
    at: time,
    endedAt: time,
    count: { type: 'integer', description: 'Messages that were decided about.' },
    state: { enum: ['running', 'done'] },
    done: { type: 'integer', description: 'Messages that were changed so far.' },
    skipped: { type: 'integer', description: 'Messages that had changed meanwhile and were left as they are.' },
    destinations: { type: 'array', items: { type: 'string' } },
    submissions: { type: 'array', items: { type: 'object' }, description: 'The first hundred that it touched.' },
  },
};

const PREVIEW = {
  type: 'object',
  required: ['verb', 'outcome', 'filter', 'count', 'destinations', 'states', 'codes', 'submissions', 'leftOut'],
  properties: {
    verb: { type: 'string' },
    outcome: { type: 'string' },
    filter: { type: 'string' },
    count: { type: 'integer', description: 'What to confirm.' },
    destinations: counts,
    states: counts,
    codes: counts,
    submissions: { ...counts, description: 'The first twenty.' },
    submissionCount: { type: 'integer' },
    oldest: time,
    newest: time,
    examples: { type: 'array', items: { type: 'string' } },
    leftOut: {
      type: 'array',
      items: { type: 'object' },
      description: 'What fits and is left as it is, with the reason.',
    },
  },
};

const MESSAGES = {
  type: 'object',
  required: ['messages', 'next'],
  properties: {
    messages: { type: 'array', items: { type: 'object' } },
    next: { type: ['string', 'null'], description: 'Where the list goes on: the value for after.' },
  },
};

const WORDS: Readonly<Record<number, string>> = {
  400: 'The request is not as it should be.',
  401: 'There is no key, or not a valid one.',
  404: 'There is nothing of this name or number.',
  409: 'It is no longer as it was; nothing was changed.',
  415: 'The body is not JSON.',
  422: 'What was asked cannot be done.',
  429: 'There were too many wrong keys.',
  500: 'The request failed for a reason of ours.',
  503: 'Nothing can be changed at the moment; try again after the time in Retry-After.',
};

const EVERYWHERE = [400, 401, 429, 500, 503];

/** Answers of a route: its own, and refusals as problems. */
function answers(own: Readonly<Record<number, object>>, refusals: readonly number[] = []) {
  const problems = [...EVERYWHERE, ...refusals].map((status) => [status, problemAnswer(WORDS[status] ?? '')] as const);
  return { ...own, ...Object.fromEntries(problems) };
}

export const ANSWERS = {
  status: answers({ 200: json('How every destination is.', { type: 'object', required: ['instance'] }) }),
  messages: answers({ 200: json('Messages that fit, by their ids; nothing of their content.', MESSAGES) }, [422]),
  acts: answers({
    200: json('Acts, the newest first.', { type: 'object', properties: { acts: { type: 'array', items: ACT } } }),
  }),
  act: answers({ 200: json('The act, and how far it is.', ACT) }, [404]),
  actPosted: answers(
    { 200: json('What it would do; nothing was changed.', PREVIEW), 202: json('It is kept and being done.', ACT) },
    [409, 415, 422],
  ),
  resume: answers(
    { 200: json('It goes on.', { type: 'object', properties: { wasStopped: { type: 'boolean' } } }) },
    [404, 415],
  ),
  decision: answers({ 200: json('It is decided.', { type: 'object' }) }, [404, 409, 415]),
  document: answers({ 200: json('OpenAPI 3.1.', { type: 'object' }) }),
};
