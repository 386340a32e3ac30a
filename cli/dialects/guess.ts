/** What the elements of a WSDL are probably for, by their names. A person confirms each. */

import type { ContractOperation } from '../../operations/soap/contract.ts';
import type { Source } from '../../operations/soap/dialect.ts';
import type { SchemaElement } from '../../operations/soap/schemas.ts';

const NAMES: readonly (readonly [RegExp, Source])[] = [
  [/pass(word|phrase|wd)?$|^pwd$|secret/i, 'credentials.password'],
  [/file_?name/i, 'fileName'],
  [/time|date/i, 'time'],
  [/user|login|account/i, 'credentials.username'],
  [/facility|organi[sz]ation|^org|sender|site|provider|^pin$/i, 'credentials.organisation'],
  [/batch_?id|transaction_?id|request_?id/i, 'batchId'],
  [/count|number_?of/i, 'messages'],
];
const MESSAGE = /hl7|message|payload|content|body|letter|report|document|^byt|data/i;
const TEXTS = new Set(['string', 'normalizedString', 'token', 'anyType', 'dateTime', 'base64Binary']);

/** The element that most likely takes the message: bytes before texts, one with HL7 in its name before others. */
export function messageElement(elements: readonly SchemaElement[]): SchemaElement | undefined {
  const all = leavesOf(elements).filter(
    ({ name, text }) =>
      (text === 'base64Binary' || (text !== undefined && MESSAGE.test(name))) && sourceOf(name) === undefined,
  );
  const rank = ({ name, text }: SchemaElement): number =>
    (/hl7/i.test(name) ? 4 : 0) + (text === 'base64Binary' ? 2 : 0) + (/signature/i.test(name) ? -3 : 0);
  return all.toSorted((a, b) => rank(b) - rank(a))[0];
}

/** What an element that takes no message is probably for; `undefined` where its name says nothing. */
export function sourceFor({ name, text }: SchemaElement): Source | undefined {
  return text !== undefined && TEXTS.has(text) ? sourceOf(name) : undefined;
}

function sourceOf(name: string): Source | undefined {
  return NAMES.find(([pattern]) => pattern.test(name))?.[1];
}

function leavesOf(elements: readonly SchemaElement[]): readonly SchemaElement[] {
  return elements.flatMap((each) => (each.children.length > 0 ? leavesOf(each.children) : [each]));
}

/** How well an operation looks like the one that takes messages; 0 where it has no place for one. */
export function fitness({ elements }: ContractOperation): number {
  if (!messageElement(elements)) return 0;
  const sources = new Set(leavesOf(elements).map(sourceFor));
  return 1 + ['credentials.username', 'credentials.password'].filter((each) => sources.has(each as Source)).length;
}

export interface AnswerGuess {
  readonly element: string;
  readonly success: string | undefined;
  readonly words: string | undefined;
}

/** Where the answer probably stands, among the paths of a WSDL. */
export function answerOf(paths: readonly string[]): AnswerGuess {
  const inner = paths.filter((path) => !paths.some((other) => other.startsWith(`${path}/`)));
  const last = (path: string): string => path.split('/').at(-1) ?? '';
  const success = inner.find((path) => /^(is)?success(ful)?$|^(is)?ok$|^accepted$/i.test(last(path)));
  const texts = inner.filter((path) => path !== success);
  const words = texts.find((path) => /message|reason|text|error|detail|description|remark|note/i.test(last(path)));
  const element = texts.find((path) => /hl7|ack|return|result/i.test(last(path))) ?? words ?? texts[0] ?? '';
  return { element, success, words };
}
