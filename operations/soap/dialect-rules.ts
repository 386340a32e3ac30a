/** What a dialect may not say although its schema lets it: lines that contradict each other. */
import { datePatternProblem } from '../../engine/dates.ts';
import { type Child, type Dialect, leaves, type StatusQuery } from './dialect-types.ts';

/** A line that contradicts another, and where it stands. */
export interface Contradiction {
  readonly path: string;
  /** A sentence without its end, to follow `the dialect NAME:`. */
  readonly problem: string;
}

/** The first contradiction of a whole dialect, or `undefined`. */
export function contradiction(dialect: Dialect): Contradiction | undefined {
  const { request, headers, status } = dialect;
  return (
    messageProblem(request.children) ??
    childrenProblem(request.children, 'request.children', false) ??
    childrenProblem(headers, 'headers', false) ??
    headerProblem(headers) ??
    answerProblem(dialect) ??
    (status && statusProblem(status, dialect))
  );
}

function messageProblem(children: readonly Child[]): Contradiction | undefined {
  const messages = leaves(children).filter(({ child }) => child.from === 'message');
  if (messages.length === 1) return undefined;
  return { path: 'request.children', problem: 'exactly one child must have `from: message` under request.children' };
}

function headerProblem(headers: readonly Child[]): Contradiction | undefined {
  const message = leaves(headers).some(({ child }) => child.from === 'message');
  return message ? { path: 'headers', problem: 'the message cannot stand in a header' } : undefined;
}

function childrenProblem(children: readonly Child[], path: string, inQuery: boolean): Contradiction | undefined {
  for (const child of children) {
    const problem = childProblem(child, inQuery);
    if (problem !== undefined) return { path, problem: `${child.element} ${problem}` };
    const inside = childrenProblem(child.children ?? [], path, inQuery);
    if (inside) return inside;
  }
  return undefined;
}

function childProblem({ from, text, children, carry, format, extension }: Child, inQuery: boolean): string | undefined {
  const given = [from, text, children].filter((each) => each !== undefined);
  if (given.length !== 1) return 'must have exactly one of from, text and children';
  if (carry !== undefined && from !== 'message') return 'has carry, which belongs to the message';
  if (extension !== undefined && from !== 'fileName') return 'has extension, which belongs to fileName';
  if (format !== undefined && from !== 'time') return 'has format, which belongs to time';
  if (format !== undefined) {
    const problem = datePatternProblem(format);
    if (problem !== undefined) return `has a format that is no date pattern: ${problem}`;
  }
  if (inQuery && (from === 'message' || from === 'fileName' || from === 'byteLength' || from === 'messages'))
    return `is from ${from}, which a status query does not have`;
  if (!inQuery && (from === 'ticket' || from === 'controlId')) return `is from ${from}, which only a status query has`;
  return undefined;
}

function answerProblem({ answer, batch, status }: Dialect): Contradiction | undefined {
  if (answer.ticket !== undefined && status?.by !== 'ticket') {
    return { path: 'answer.ticket', problem: 'a ticket needs a status query whose request has a child from ticket' };
  }
  if (batch.answers === 'report' && answer.content === 'hl7') {
    return { path: 'batch.answers', problem: 'a report needs answer.content: text' };
  }
  return undefined;
}

function statusProblem(status: StatusQuery, dialect: Dialect): Contradiction | undefined {
  const { request, states, answer, state, by } = status;
  const asked = leaves(request.children).filter(({ child }) => child.from === 'ticket' || child.from === 'controlId');
  if (asked.length !== 1) {
    return { path: 'status.request', problem: 'exactly one child of the query must be from ticket or controlId' };
  }
  if (by === 'ticket' && dialect.answer.ticket === undefined) {
    return {
      path: 'status.request',
      problem: 'the query asks by a ticket, and answer.ticket does not say where it is',
    };
  }
  if (answer?.content !== 'hl7' && (state === undefined || states.delivered.length === 0)) {
    return {
      path: 'status.states',
      problem: 'without an hl7 answer, state and states.delivered must say what means taken',
    };
  }
  return childrenProblem(request.children, 'status.request', true);
}
