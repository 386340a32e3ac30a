/** Row by row: what was sent in, what the ledger says of it, and what the receiver has. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Questions } from '../../engine/contracts/store.ts';
import { openLedger } from '../../store/sqlite/client.ts';
import type { TakenMessage } from '../support/crash.ts';
import type { TestProduction } from '../support/production.ts';
import type { ExpectedRow, TestFile } from './files.ts';

/** What was known when a process died. */
export interface Death {
  readonly label: string;
  /** Control ids whose delivery was committed. */
  readonly delivered: ReadonlySet<string>;
  /** Messages that the receiver had. */
  readonly taken: number;
}

export interface AuditRequest {
  readonly production: TestProduction;
  readonly files: readonly TestFile[];
  /** What the receiver has, in the order in which it came. */
  readonly taken: readonly TakenMessage[];
  /** Messages that the receiver never takes. */
  readonly refuses?: (controlId: string) => boolean;
  readonly deaths: readonly Death[];
}

export interface Audit {
  readonly rows: number;
  /** Valid rows that are not settled, or that the receiver lacks. */
  readonly lost: number;
  /** Messages that the receiver has more than once. */
  readonly doubled: number;
  /** Sentences; none where all holds. */
  readonly problems: readonly string[];
}

export type Ask = <K extends keyof Questions>(question: K, request: Questions[K]['with']) => Questions[K]['gives'];

/** Compares everything, once all is settled. */
export function audit(request: AuditRequest): Audit {
  const ledger = openLedger(join(request.production.data, 'ledger.db'));
  try {
    const { taken, refuses = () => false } = request;
    const found = new Rows(ledger.ask, taken, refuses);
    for (const file of request.files) found.file(file);
    found.strangers();
    const problems = [
      ...found.problems,
      ...verifyProblems(ledger.ask),
      ...sentAgain(request.deaths, taken),
      ...folderProblems(request),
    ];
    return { rows: found.rows, lost: found.lost, doubled: found.doubled, problems };
  } finally {
    ledger.close();
  }
}

class Rows {
  readonly problems: string[] = [];
  rows = 0;
  lost = 0;
  doubled = 0;
  readonly #ask: Ask;
  readonly #taken: Map<string, TakenMessage[]>;
  readonly #known = new Set<string>();
  readonly #instance: string;

  readonly #refuses: (controlId: string) => boolean;

  constructor(ask: Ask, taken: readonly TakenMessage[], refuses: (controlId: string) => boolean) {
    this.#ask = ask;
    this.#refuses = refuses;
    this.#taken = Map.groupBy(taken, ({ controlId }) => controlId);
    this.#instance = ask('facts', {}).instance;
  }

  file(file: TestFile): void {
    const submissions = this.#ask('submissions', { name: file.name, limit: 10 });
    const [submission, ...others] = submissions;
    this.rows += file.rows.length;
    if (!submission || others.length > 0) {
      this.lost += submission ? 0 : file.rows.length;
      this.problems.push(`${file.name}: ${submissions.length} submissions`);
      return;
    }
    const { number, state, items } = submission;
    if (state !== 'routed' || items !== file.rows.length)
      this.problems.push(`${file.name}: ${state} with ${items} of ${file.rows.length} items`);
    for (const row of file.rows) this.#row(file, number, row);
  }

  #row(file: TestFile, submission: number, row: ExpectedRow): void {
    const where = `${file.name} line ${row.line}`;
    const item = this.#ask('locate', { submission, line: row.line });
    const message = item?.messages[0];
    if (!item || !message || item.line !== row.line || item.messages.length !== 1) {
      this.lost += 1;
      this.problems.push(`${where}: ${item?.messages.length ?? 'no'} ledger rows`);
      return;
    }
    const controlId = `${this.#instance}-${submission}-${item.item}`;
    this.#known.add(controlId);
    const came = this.#taken.get(controlId) ?? [];
    const comes = row.valid && !this.#refuses(controlId);
    const wanted = row.valid ? (comes ? 'delivered' : 'rejected') : 'invalid';
    if (message.state !== wanted) this.problems.push(`${where}: ${message.state} instead of ${wanted}`);
    if (comes && (came.length === 0 || message.state !== 'delivered')) this.lost += 1;
    if ((came.length === 0) === comes) this.problems.push(`${where}: the receiver has it ${came.length} times`);
    if (came.length > 1) this.#repeated(where, message.batch, came.length);
    for (const { message: text } of came) this.#content(where, row, text);
  }

  /** Twice is right only where the trace says each time that it was decided so. */
  #repeated(where: string, batch: number | undefined, times: number): void {
    this.doubled += 1;
    const resent = this.#resent(batch);
    if (times > resent + 1)
      this.problems.push(
        `${where}: the receiver has it ${times} times, and ${resent} decisions to send it again are in the trace`,
      );
  }

  /** Decisions to send again, of a batch and of those that it replaces. */
  #resent(batch: number | undefined): number {
    if (batch === undefined) return 0;
    const events = this.#ask('events', { batch, limit: 1000 });
    const decided = events.filter(({ what, detail }) => what === 'resolved' && detail.to === 'queued').length;
    return decided + this.#resent(this.#ask('batch', { batch })?.replaces);
  }

  #content(where: string, row: ExpectedRow, text: string): void {
    const { chart, family, note } = text.startsWith('{') ? document(text) : message(text);
    if (chart !== row.chart || family !== row.family || note !== row.note)
      this.problems.push(`${where}: another row's content, or another text, was sent under its control id`);
  }

  strangers(): void {
    const strangers = [...this.#taken.keys()].filter((id) => !this.#known.has(id));
    if (strangers.length > 0)
      this.problems.push(`the receiver has ${strangers.length} messages that no row stands for: ${strangers[0]}`);
  }
}

type Content = Pick<ExpectedRow, 'chart' | 'family' | 'note'>;

function document(text: string): Content {
  const { chart, family, note = '' } = JSON.parse(text) as Omit<Content, 'note'> & { readonly note?: string };
  return { chart, family, note };
}

function message(text: string): Content {
  const segment = text.split('\r').find((each) => each.startsWith('PID'));
  const fields = segment?.split('|') ?? [];
  const [family = '', note = ''] = (fields[5] ?? '').split('^').map(withoutEscapes);
  return { chart: fields[3] ?? '', family, note };
}

const DELIMITERS: Readonly<Record<string, string>> = { F: '|', S: '^', T: '&', R: '~', E: '\\' };

/** Undoes HL7 escapes (v2.5.1, 2.7.1), on its own. */
function withoutEscapes(text: string): string {
  return text.replace(/\\(?:([FSTRE])|X([0-9A-F]+))\\/g, (_, letter: string | undefined, hex: string | undefined) =>
    letter ? (DELIMITERS[letter] ?? '') : Buffer.from(hex ?? '', 'hex').toString('latin1'),
  );
}

/** The conservation law, and what the counters say. */
export function verifyProblems(ask: Ask): string[] {
  const problems: string[] = [];
  for (let after: number | undefined = 0; after !== undefined; ) {
    const page: Questions['verify']['gives'] = ask('verify', { after });
    for (const { submission, entries } of page.submissions)
      for (const { mismatches } of entries)
        problems.push(...mismatches.map((text) => `verify, submission ${submission}: ${text}`));
    after = page.next;
  }
  return problems;
}

/** No message whose delivery was committed before a death came to the receiver after it. */
function sentAgain(deaths: readonly Death[], taken: readonly TakenMessage[]): string[] {
  return deaths.flatMap(({ label, delivered, taken: before }) => {
    const again = taken.slice(before).filter(({ controlId }) => delivered.has(controlId));
    return again.length === 0
      ? []
      : [`after ${label}: ${again.length} messages were sent again though their delivery was committed`];
  });
}

/** Every file is in done/, once; nothing is left in the inbox or in work/. */
export function folderProblems({ production, files }: Pick<AuditRequest, 'production' | 'files'>): string[] {
  const names = (folder: string) => (existsSync(folder) ? readdirSync(folder) : []);
  const inner = ['work', 'done', 'failed'];
  const left = names(production.inbox).filter((name) => !inner.includes(name));
  const problems = left.length === 0 ? [] : [`the inbox still holds ${left.join(', ')}`];
  for (const folder of ['work', 'failed']) {
    const held = names(join(production.inbox, folder));
    if (held.length > 0) problems.push(`${folder}/ holds ${held.join(', ')}`);
  }
  const done = names(join(production.inbox, 'done'));
  for (const { name } of files) {
    const stem = name.replace('.csv', '');
    const copies = done.filter((found) => found.includes(stem) && !/reject|report/.test(found));
    if (copies.length !== 1) problems.push(`done/ holds ${copies.length} files of ${name}`);
  }
  return problems;
}
