/** The receiver that a twin plays: understands a request, decides, takes, and says what is to be answered. */
import type { IncomingHttpHeaders } from 'node:http';
import { decodeAnswer } from '../answer.ts';
import { UnreadableAnswer } from '../answer-reader.ts';
import type { Dialect } from '../dialect.ts';
import { Admission, checkAction, type Expected, isOfType } from './admission.ts';
import { BadRequest } from './envelope-reader.ts';
import type { Memory, TwinCounts } from './memory.ts';
import { type Received, readMessages } from './messages.ts';
import { Plan } from './plan.ts';
import { page, Replies, type Reply } from './reply.ts';
import { readRequest, type SoapRequest } from './request.ts';
import { type BodyFacts, type Choice, Director, NO_SINS, type Scenario } from './scenario.ts';
import type { EarlySin, Sin, WireSin } from './sins.ts';
import { isEarly, SINS } from './sins.ts';
import { answerStatus, Submissions } from './submissions.ts';
import type { Outgoing } from './wire.ts';

/** A request whose headers are there. */
export interface Arrival {
  readonly request: number;
  /** What the scenario, or the request itself, wants before the body is read. */
  readonly early: { readonly sin: EarlySin; readonly rule: number | undefined } | undefined;
  /** What the request itself asks for. */
  readonly asked: readonly Sin[] | undefined;
}

/** What came of a request: an answer, and what it counts as. */
interface Result {
  readonly reply: Reply;
  readonly refused: boolean;
  /** What a status query was about. */
  readonly asked?: string;
}

interface Understood {
  readonly soap: SoapRequest | undefined;
  readonly received: Received | undefined;
  /** Why it makes no sense. */
  readonly problem: Reply | undefined;
}

export class Receiver {
  readonly #dialect: Dialect;
  readonly #replies: Replies;
  readonly #admission: Admission;
  readonly #submissions: Submissions;
  readonly #memory: Memory;
  readonly #director: Director | undefined;
  readonly #now: () => Date;

  constructor(dialect: Dialect, expected: Expected, memory: Memory, scenario: Scenario | undefined, now: () => Date) {
    this.#dialect = dialect;
    this.#replies = new Replies(dialect);
    this.#admission = new Admission(dialect, expected);
    this.#memory = memory;
    this.#submissions = new Submissions(dialect, this.#replies, memory, scenario?.seed ?? 1);
    this.#director = scenario && new Director(scenario, memory.acted);
    this.#now = now;
  }

  get counts(): TwinCounts {
    return this.#memory.counts;
  }

  /** Numbers a request. @param asked sins of its header x-twin */
  arrive(bytes: number | undefined, asked: readonly Sin[] | undefined): Arrival {
    const request = this.#memory.nextRequest();
    const wanted = asked?.find(isEarly);
    if (asked) return { request, early: wanted && { sin: wanted, rule: undefined }, asked };
    const facts = { request, bytes, now: this.#now(), taken: this.#memory.messages };
    const { sins, rule } = this.#director?.early(facts) ?? NO_SINS;
    const sin = sins.find(isEarly);
    return { request, early: sin && { sin, rule }, asked: undefined };
  }

  /** Notes that an early sin was committed. @param bytes of the body that were read */
  cutEarly({ request, early }: Arrival, bytes: number): void {
    const sins = new Set(early ? [early.sin.sin] : []);
    this.#memory.end({ request, purpose: undefined, bytes, refused: false, rule: early?.rule, sins });
  }

  /** A body over the limit of the twin: its number of bytes. */
  tooLarge({ request }: Arrival, bytes: number, maxBytes: number): Reply {
    this.#memory.end({ request, purpose: undefined, bytes: 0, refused: true, rule: undefined, sins: new Set() });
    return this.#replies.tooLarge(bytes, maxBytes, 'fault');
  }

  /** Does everything with one request but the sending of its answer. */
  answer(arrival: Arrival, body: Buffer, http: IncomingHttpHeaders): Outgoing {
    const { request } = arrival;
    const now = this.#now();
    const { soap, received, problem } = this.#understand(body, http);
    const purpose = soap?.purpose;
    const plan = new Plan(this.#choose(arrival, { now, bytes: body.length, soap, received }));
    const silent = plan.commit('cut-before-commit') ?? plan.look('no-answer');
    const whole = this.#refusal(plan);
    const goesOn = whole ? whole.taken : silent?.sin !== 'cut-before-commit' && (silent?.taken ?? true);
    let result: Result | undefined;
    if (goesOn) {
      result = problem
        ? { reply: problem, refused: true }
        : this.#dispatch({ request, body, http, now, plan }, soap, received);
    }
    if (whole) result = { reply: whole.reply, refused: true };
    const outgoing = this.#outgoing(plan, result?.reply);
    const { refused = false, asked } = result ?? {};
    this.#memory.end({
      request,
      purpose,
      bytes: body.length,
      refused,
      rule: plan.rule,
      sins: plan.done,
      ...(asked === undefined ? {} : { asked }),
    });
    return outgoing;
  }

  #understand(body: Buffer, http: IncomingHttpHeaders): Understood {
    let soap: SoapRequest | undefined;
    try {
      soap = readRequest(decodeAnswer({ status: 200, headers: http, body }), this.#dialect);
      if (soap.purpose === 'submit' || soap.purpose === 'status') {
        if (!isOfType(http, this.#dialect.contentType)) {
          return { soap, received: undefined, problem: page(415, 'text', `send ${this.#dialect.contentType}`) };
        }
        checkAction(http, this.#actionOf(soap), this.#dialect.soap);
      }
      const received = soap.purpose === 'submit' ? readMessages(soap.message) : undefined;
      return { soap, received, problem: undefined };
    } catch (error) {
      if (!(error instanceof BadRequest || error instanceof UnreadableAnswer)) throw error;
      return { soap, received: undefined, problem: this.#replies.fault('Sender', error.message) };
    }
  }

  #actionOf({ purpose }: SoapRequest): string {
    return purpose === 'status' ? (this.#dialect.status?.action ?? '') : this.#dialect.action;
  }

  #choose(
    { request, asked }: Arrival,
    given: {
      readonly now: Date;
      readonly bytes: number;
      readonly soap: SoapRequest | undefined;
      readonly received: Received | undefined;
    },
  ): Choice {
    const { soap, received, now, bytes } = given;
    const purpose = soap?.purpose;
    const ofPurpose = purpose === undefined ? 0 : this.#memory.nextOf(purpose);
    if (asked) return { rule: undefined, sins: asked };
    if (!this.#director) return NO_SINS;
    const controlIds = received?.messages.map(({ controlId }) => controlId) ?? [];
    const facts: BodyFacts = { request, bytes, now, taken: this.#memory.messages, purpose, ofPurpose, controlIds };
    return this.#director.late(facts);
  }

  /** The answer of a proxy, or of a receiver that does not look at messages. `taken`: they are taken all the same. */
  #refusal(plan: Plan): { readonly reply: Reply; readonly taken: boolean } | undefined {
    const fault = plan.commit('fault');
    if (fault) {
      const words = fault.words ?? 'this receiver was told to answer a fault';
      return { reply: this.#replies.fault(fault.fault, words, fault.status), taken: fault.taken };
    }
    const http = plan.commit('http-status');
    if (http) {
      const words = `this receiver was told to answer ${http.status}`;
      return { reply: page(http.status, http.body, words, retryAfter(http.retryAfter)), taken: http.taken };
    }
    const closed = plan.commit('maintenance');
    const words = 'Down for maintenance.';
    if (closed) return { reply: page(503, 'html', words, retryAfter(closed.retryAfter)), taken: false };
    const busy = plan.commit('rate-limit');
    if (busy) return { reply: page(429, 'text', 'too many requests', retryAfter(busy.retryAfter)), taken: false };
    const moved = plan.commit('redirect');
    return moved && { reply: page(moved.status, 'empty', '', { location: moved.to }), taken: false };
  }

  #dispatch(
    given: {
      readonly request: number;
      readonly body: Buffer;
      readonly http: IncomingHttpHeaders;
      readonly now: Date;
      readonly plan: Plan;
    },
    soap: SoapRequest | undefined,
    received: Received | undefined,
  ): Result {
    const { request, body, http, now, plan } = given;
    if (soap?.purpose === undefined) return { reply: this.#replies.unsupported(), refused: true };
    if (soap.purpose === 'test') return { reply: this.#replies.echo(soap.echo), refused: false };
    const refusal = this.#admit(soap, http, now);
    if (refusal) return { reply: refusal, refused: true };
    if (soap.purpose === 'status') {
      return answerStatus({ dialect: this.#dialect, replies: this.#replies, memory: this.#memory }, soap, plan, {
        request,
        now,
      });
    }
    if (!received) return { reply: this.#replies.unsupported(), refused: true };
    return this.#submissions.take({ request, now, plan, soap, received, bytes: body.length });
  }

  #admit(soap: SoapRequest, http: IncomingHttpHeaders, now: Date): Reply | undefined {
    try {
      const refusal = this.#admission.refusal(soap, http, this.#actionOf(soap), now);
      if (!refusal) return undefined;
      if (refusal.kind === 'security') return this.#replies.security(refusal.words);
      if (refusal.kind === 'mustUnderstand') return this.#replies.fault('MustUnderstand', refusal.words);
      if (refusal.kind === 'sender') return this.#replies.fault('Sender', refusal.words);
      return page(401, 'text', refusal.words, { 'www-authenticate': 'Basic realm="twin"' });
    } catch (error) {
      if (!(error instanceof BadRequest)) throw error;
      return this.#replies.fault('Sender', error.message);
    }
  }

  #outgoing(plan: Plan, reply: Reply | undefined): Outgoing {
    if (plan.isGood) return { reply, sins: [] };
    const status = reply && plan.commit('answer-status')?.status;
    const sins = plan.sins.filter((sin): sin is WireSin => SINS[sin.sin].group === 'wire');
    const last = sins.filter(({ sin }) => sin !== 'answer-status');
    for (const { sin } of last) if (sin !== 'cut-before-commit') plan.commit(sin);
    if (plan.has('cut-before-commit') || plan.has('cut-after-commit'))
      return { reply: undefined, without: 'cut', sins: last };
    if (plan.has('no-answer') || !reply) return { reply: undefined, without: 'hold', sins: last };
    return { reply: status === undefined ? reply : { ...reply, status }, sins: last };
  }
}

function retryAfter(ms: number | undefined): Readonly<Record<string, string>> {
  return ms === undefined ? {} : { 'retry-after': String(Math.ceil(ms / 1000)) };
}
