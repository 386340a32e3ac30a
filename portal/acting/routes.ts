/** The API of operators: the same on the socket of the data folder and, with a key, over the network. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type ActQuestion, selected } from '../../engine/act-preview.ts';
import type { Acting } from '../../engine/acting.ts';
import type { ActGoal, ActVerb, SelectedMessage, SelectionCursor } from '../../engine/contracts/acting.ts';
import { WaybillError } from '../../engine/errors.ts';
import { parseSubmissionId } from '../../engine/ids.ts';
import { parseWhere } from '../../engine/where.ts';
import { HttpError } from '../problems.ts';
import type { Commands } from '../server.ts';
import { actDocument, messageDocument, previewDocument, statusDocument } from './documents.ts';
import { ACT_BODY, ANSWERS, bodyOf, DECISION_BODY, LIMIT, paramsOf, queryOf, WHERE } from './schemas.ts';

/** What the API works on. */
export interface ActingSource {
  readonly acting: Acting;
  readonly commands: Pick<Commands, 'resume' | 'release' | 'cancel'>;
}

export interface ActingRoutes extends ActingSource {
  /** Who asks, by its key; absent on the socket, where the body says it. */
  readonly operatorOf?: (request: FastifyRequest) => string;
}

interface Named {
  readonly who?: string;
}

interface ActBody extends Named {
  readonly verb: ActVerb;
  readonly outcome?: ActGoal;
  readonly where: string;
  readonly reason?: string;
  readonly confirm?: number | 'any';
}

interface DecisionBody extends Named {
  readonly reason: string;
}

/** Longest list in one answer. */
const MOST = 1000;

/** Adds `/api/v1/`. Bodies are JSON by their content type, or refused: no form of another site can send one. */
export function addActing(server: FastifyInstance, source: ActingRoutes): void {
  const { acting, commands, operatorOf } = source;
  const { instance } = acting.looking.facts;
  const named = operatorOf === undefined;
  const whoOf = (request: FastifyRequest, body: Named) => operatorOf?.(request) ?? body.who ?? '';

  server.get(
    '/api/v1/status',
    { schema: describe('How everything is', 'status', { response: ANSWERS.status }) },
    async () => statusDocument(await acting.looking.ask('status', {}), instance),
  );

  server.get<{ Querystring: { where: string; limit?: string; after?: string } }>(
    '/api/v1/messages',
    {
      schema: describe('Messages that fit a filter', 'messages', {
        querystring: queryOf({ where: WHERE, limit: LIMIT, after: { type: 'string', maxLength: 80 } }, ['where']),
        response: ANSWERS.messages,
      }),
    },
    async ({ query }) => messagePage(acting, query.where, Math.min(Number(query.limit ?? 100), MOST), query.after),
  );

  server.get<{ Querystring: { limit?: string; before?: string } }>(
    '/api/v1/acts',
    {
      schema: describe('What was done with messages, by whom and why', 'acts', {
        querystring: queryOf({ limit: LIMIT, before: { type: 'string', pattern: '^[1-9][0-9]{0,14}$' } }),
        response: ANSWERS.acts,
      }),
    },
    async ({ query: { limit, before } }) => {
      const acts = await acting.looking.ask('acts', {
        limit: Math.min(Number(limit ?? 100), MOST),
        ...(before === undefined ? {} : { before: Number(before) }),
      });
      return { acts: acts.map((act) => actDocument(act, instance)) };
    },
  );

  server.get<{ Params: { act: string } }>(
    '/api/v1/acts/:act',
    {
      schema: describe('One act, and how far it is', 'act', {
        params: paramsOf('act', '^[1-9][0-9]{0,14}$', 'Its number.'),
        response: ANSWERS.act,
      }),
    },
    async ({ params }) => actDocument(await acting.act(Number(params.act)), instance),
  );

  server.post<{ Body: ActBody }>(
    '/api/v1/acts',
    {
      schema: describe('Look at what an act would do, or, with its count confirmed, do it', 'postAct', {
        body: bodyOf(ACT_BODY, ['verb', 'where'], named),
        response: ANSWERS.actPosted,
      }),
    },
    async (request, reply) => {
      const { verb, outcome, where, reason, confirm } = request.body;
      const question: ActQuestion = { verb, where, ...(outcome === undefined ? {} : { goal: outcome }) };
      if (confirm === undefined) return previewDocument(await acting.preview(question));
      if (reason === undefined || reason.trim() === '')
        throw new HttpError(400, 'API_BODY', 'body: reason is needed to act; it is kept with the event.');
      const begun = await acting.begin({ ...question, reason, confirm, who: whoOf(request, request.body) });
      return reply.code(202).header('location', `/api/v1/acts/${begun.act}`).send(actDocument(begun, instance));
    },
  );

  server.post<{ Params: { name: string }; Body: DecisionBody }>(
    '/api/v1/destinations/:name/resume',
    {
      schema: describe('Let a stopped destination go on', 'resume', {
        params: paramsOf('name', '^[a-z][a-z0-9-]{0,59}$', 'Its name.'),
        body: bodyOf(DECISION_BODY, ['reason'], named),
        response: ANSWERS.resume,
      }),
    },
    async (request) => commands.resume(request.params.name, whoOf(request, request.body), request.body.reason),
  );

  for (const decide of ['release', 'cancel'] as const)
    server.post<{ Params: { id: string }; Body: DecisionBody }>(
      `/api/v1/submissions/:id/${decide}`,
      {
        schema: describe(
          decide === 'release' ? 'Let a submission out of quarantine' : 'Give up a submission that is not routed',
          `${decide}Submission`,
          {
            params: paramsOf('id', '^[a-z0-9-]{1,20}$', 'Its id.'),
            body: bodyOf(DECISION_BODY, ['reason'], named),
            response: ANSWERS.decision,
          },
        ),
      },
      async (request) => {
        const submission = parseSubmissionId(instance, request.params.id);
        const row = submission === undefined ? undefined : await acting.looking.ask('submission', { submission });
        if (!row) throw new WaybillError('SUBMISSION_UNKNOWN', 'The ledger has no such submission.');
        await commands[decide]({
          submission: row.number,
          reason: request.body.reason,
          who: whoOf(request, request.body),
        });
        return {};
      },
    );
}

function describe(summary: string, operationId: string, schema: Readonly<Record<string, object>>) {
  return { summary, operationId, tags: ['operators'], ...schema };
}

/** Some messages in the order of submissions, and where the list goes on. */
async function messagePage(acting: Acting, where: string, limit: number, after: string | undefined) {
  const { looking } = acting;
  const { instance } = looking.facts;
  if (parseWhere(where, { instance, now: looking.now() }).fields.length > 0)
    throw new HttpError(
      422,
      'API_FIELD',
      'A value of a field does not belong into an address: POST it to /api/v1/acts.',
    );
  const place = after === undefined ? undefined : placeOf(after);
  const found: SelectedMessage[] = [];
  let from = place?.cursor;
  for await (const { message, cursor } of selected(looking, where, from)) {
    if (place && isBefore(message, place)) continue;
    found.push(message);
    from = cursor;
    if (found.length === limit) break;
  }
  const last = found.length === limit ? found.at(-1) : undefined;
  const next = last && [from?.submission ?? 0, from?.bodyBlock ?? 0, last.submission, last.message].join('.');
  return { messages: found.map((message) => messageDocument(message, instance)), next: next ?? null };
}

interface Place {
  readonly cursor: SelectionCursor;
  readonly submission: number;
  readonly message: number;
}

/** Messages come by submission, and in each by their number. */
function isBefore(message: SelectedMessage, place: Place): boolean {
  if (message.submission !== place.submission) return message.submission < place.submission;
  return message.message <= place.message;
}

function placeOf(text: string): Place {
  const [, submission, bodyBlock, last, message] = /^(\d{1,15})\.(\d{1,15})\.(\d{1,15})\.(\d{1,15})$/.exec(text) ?? [];
  if (message === undefined) throw new HttpError(422, 'API_CURSOR', 'after is no place in a list that the API gave.');
  return {
    cursor: { submission: Number(submission), bodyBlock: Number(bodyBlock) },
    submission: Number(last),
    message: Number(message),
  };
}
