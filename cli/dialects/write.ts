/** Writes a dialect, and samples to begin with, from a WSDL. What the WSDL does not say is marked for a person. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { stringify } from 'yaml';
import { WaybillError } from '../../engine/errors.ts';
import { DEFAULT_LIMITS } from '../../operations/soap/config.ts';
import { type ContractOperation, readContract } from '../../operations/soap/contract.ts';
import { ContractError, Documents } from '../../operations/soap/documents.ts';
import { ENVELOPE_NAMESPACE } from '../../operations/soap/envelope.ts';
import type { SchemaElement } from '../../operations/soap/schemas.ts';
import { type AnswerGuess, answerOf, fitness, messageElement, sourceFor } from './guess.ts';
import { samplesPath } from './samples.ts';

const NAME = /^[a-z0-9][a-z0-9-]*$/;
/** Documents are read from files only: an address that nobody has. */
const NOWHERE = new URL('http://wsdl.invalid/');

/**
 * Writes `dialects/NAME.yaml` and its samples. Never overwrites.
 * @returns the files written, relative to the current folder
 * @throws WaybillError DIALECT_NAME, DIALECT_EXISTS, DIALECT_WSDL, DIALECT_OPERATION
 */
export async function writeDialect(
  name: string,
  wsdl: string,
  wanted: string | undefined,
  folder: string,
): Promise<readonly string[]> {
  if (!NAME.test(name))
    throw new WaybillError('DIALECT_NAME', `${JSON.stringify(name)} cannot be the name of a dialect`);
  const dialects = join(folder, 'dialects');
  const [file, samples] = [join(dialects, `${name}.yaml`), samplesPath(dialects, name)];
  for (const path of [file, samples]) {
    if (existsSync(path))
      throw new WaybillError('DIALECT_EXISTS', `${shown(path)} is there already; nothing was written`);
  }
  const operation = chosen(await operationsOf(resolve(wsdl)), wanted);
  const answer = answerOf(operation.answers);
  mkdirSync(dirname(samples), { recursive: true });
  writeFileSync(file, dialectLines(name, operation, answer, basename(wsdl)));
  writeFileSync(samples, sampleLines(name, operation, answer));
  return [file, samples].map(shown);
}

async function operationsOf(wsdl: string): Promise<readonly ContractOperation[]> {
  const source = { url: NOWHERE, wsdl, folder: dirname(wsdl), tls: {}, limits: DEFAULT_LIMITS };
  const documents = new Documents(source, new AbortController().signal);
  try {
    return (await readContract(source, documents)).operations;
  } catch (error) {
    if (!(error instanceof ContractError)) throw error;
    throw new WaybillError('DIALECT_WSDL', `${shown(wsdl)}: ${error.message}`, { cause: error });
  } finally {
    await documents.close();
  }
}

/** The operation of this name, else the only one that looks as if it took messages; of SOAP 1.2 where both are offered. */
function chosen(operations: readonly ContractOperation[], wanted: string | undefined): ContractOperation {
  const most = Math.max(...operations.map(fitness));
  const fitting = operations.filter((each) =>
    wanted === undefined ? most > 0 && fitness(each) === most : each.name === wanted,
  );
  const names = new Set(fitting.map(({ name }) => name));
  const found = fitting.find(({ soap }) => soap === '1.2') ?? fitting[0];
  if (found && names.size === 1 && messageElement(found.elements)) return found;
  const known = [...new Set(operations.map(({ name }) => name))].join(', ');
  const why =
    wanted === undefined
      ? `the WSDL has ${names.size === 0 ? 'no operation' : 'several operations'} that could take messages`
      : `the WSDL has no operation ${wanted} that could take messages`;
  throw new WaybillError('DIALECT_OPERATION', `${why}; it has ${known}`);
}

function dialectLines(name: string, operation: ContractOperation, answer: AnswerGuess, wsdl: string): string {
  const { soap, action, request, elements } = operation;
  const qualified = elements.some(({ namespace }) => namespace !== '');
  const message = messageElement(elements);
  const around = qualified ? request.uri : '';
  return `# The operation ${operation.name} of ${wsdl}. What the WSDL does not say is marked: CONFIRM what was guessed by a
# name, ASK the receiver for the rest. Put its real answers into samples/${name}.yaml, then: waybill dialect test ${name}
dialect: ${name}
summary: The receiver with the operation ${operation.name}   # FILL IN
soap: "${soap}"
action: ${quoted(action)}
namespace: ${quoted(request.uri)}
charset: utf-8   # ASK

request:
  element: ${plain(request.local)}
  qualified: ${qualified}
  children:
${elements.flatMap((each) => childLines(each, message, around, 4)).join('\n')}

${headerLines(operation)}${answerLines(answer, operation)}

# Whether a batch gets an acknowledgement for each message, only for those in error, or words for people.   # ASK
batch:
  answers: ${answer.success === undefined || isBoth(answer) ? 'each' : 'report'}

# Whether the same message sent twice is harmless.   # ASK
repeatable: false

# What each fault means, by its detail's element or its code.   # ASK
faults:
  SecurityFault: { then: stop, whose: ours, advice: "check the credentials" }
  MessageTooLargeFault: { then: tooLarge, whose: receiver }
  Sender: { then: stop, whose: unknown }
  Receiver: { then: retry, whose: receiver }
  other: { then: stop, whose: unknown }
`;
}

/** What the WSDL wants in the SOAP header is for a person: its values stand in no WSDL. */
function headerLines({ headers }: ContractOperation): string {
  if (headers.length === 0) return '';
  const names = headers.map(({ local, uri }) => `${local} of ${quoted(uri)}`).join(', ');
  return `# The WSDL has ${names} in the SOAP header: write it under headers (or security).   # ASK\n\n`;
}

/** Whether the answer's element has an acknowledgement by its name, beside a flag: both must be good then. */
function isBoth({ element, success }: AnswerGuess): boolean {
  return success !== undefined && /hl7|ack(nowledge?ment)?$/i.test(last(element));
}

function answerLines(answer: AnswerGuess, { encoded }: ContractOperation): string {
  const { element, success, words } = answer;
  const encoding = encoded.includes(element) ? '\n  encoding: base64' : '';
  if (success === undefined) {
    return `# Where the HL7 acknowledgement stands.   # CONFIRM\nanswer:\n  element: ${plain(element || 'FILL-IN')}\n  content: hl7${encoding}`;
  }
  return `# Nothing is delivered unless the flag says so.   # CONFIRM the words of the flag
answer:
  element: ${plain(element || success)}
  content: ${isBoth(answer) ? 'hl7' : 'text'}${encoding}
  success: { element: ${plain(success)}, equals: ["true"], refused: ["false"] }
${words === undefined && isBoth(answer) ? '' : `  words: ${plain(words ?? element)}`}`;
}

function childLines(
  element: SchemaElement,
  message: SchemaElement | undefined,
  around: string,
  indent: number,
): readonly string[] {
  const space = ' '.repeat(indent);
  const own = element.namespace === around ? '' : `, namespace: ${quoted(element.namespace)}`;
  const head = `${space}- { element: ${plain(element.name)}${own}`;
  if (element.children.length > 0) {
    const inside = element.children.flatMap((each) => childLines(each, message, element.namespace, indent + 4));
    // What nothing is sent in is left out where the schema lets it.
    if (element.optional && inside.every((line) => line.trimStart().startsWith('#'))) return inside;
    const namespace = own === '' ? [] : [`${space}  namespace: ${quoted(element.namespace)}`];
    return [`${space}- element: ${plain(element.name)}`, ...namespace, `${space}  children:`, ...inside];
  }
  if (element === message) {
    return [`${head}, from: message, carry: ${element.text === 'base64Binary' ? 'base64' : 'text'} }   # CONFIRM`];
  }
  const source = sourceFor(element);
  if (source !== undefined) return [`${head}, from: ${source} }   # CONFIRM`];
  const fixed = `{ element: ${plain(element.name)}${own}, text: "${/^(int|long|short|unsigned|decimal)/.test(element.text ?? '') ? '1' : ''}" }`;
  return element.optional ? [`${space}# - ${fixed}   # may be left out`] : [`${space}- ${fixed}   # ASK`];
}

/** A name as YAML takes it for a text: an element may be called `true` or `Null`. */
function plain(name: string): string {
  return stringify(name, { lineWidth: 0 }).trimEnd();
}

/** A text as YAML takes it for a text, whatever stands in it. */
function quoted(text: string): string {
  return JSON.stringify(text);
}

/** Answers as the WSDL lets them look: one good, one bad, one fault. */
function sampleLines(name: string, operation: ContractOperation, answer: AnswerGuess): string {
  const wrapped = (text: string): string => envelope(operation, answerXml(operation, answer, text));
  const good = answer.success === undefined ? acknowledged('AA') : 'true';
  const bad = answer.success === undefined ? acknowledged('AE') : 'false';
  return `# Answers of the receiver, and what must come of them. These are made up: put real ones in their place, with made-up
# patients, or name a file beside this one (file: answers/accepted.xml). Run: waybill dialect test ${name}
dialect: ${name}
samples:
  - name: a message is taken
    messages: [M1]
    answer:
      status: 200
      body: |
${indented(wrapped(good))}
    expect: { outcome: delivered }
  - name: a message is refused
    messages: [M1]
    answer:
      status: 200
      body: |
${indented(wrapped(bad))}
    expect: { outcome: rejected }
  - name: a fault
    messages: [M1]
    answer:
      status: 500
      body: |
${indented(envelope(operation, faultXml(operation)))}
    expect: { outcome: stop }
`;
}

function acknowledged(code: string): string {
  return `MSH|^~\\&amp;|RECEIVER|STATE|WAYBILL|SAMPLE|20260401120001+0000||ACK^V04^ACK|R1|P|2.5.1\nMSA|${code}|M1\n`;
}

function answerXml({ request }: ContractOperation, answer: AnswerGuess, text: string): string {
  const { element, success, words } = answer;
  const wanted =
    success === undefined
      ? [[element, text]]
      : [
          isBoth(answer)
            ? [element, acknowledged(text === 'true' ? 'AA' : 'AE')]
            : [words ?? element, 'said by the receiver'],
          [success, text],
        ];
  const [first] = wanted;
  const path = (first?.[0] ?? '').split('/');
  const outer = path.slice(0, -1);
  const leaves = wanted.map(([where = '', value = '']) => `<${last(where)}>${value}</${last(where)}>`).join('');
  const open = outer.map((each, at) => (at === 0 ? `<${each} xmlns=${quoted(request.uri)}>` : `<${each}>`)).join('');
  return `${open}${leaves}${outer
    .toReversed()
    .map((each) => `</${each}>`)
    .join('')}`;
}

function last(path: string): string {
  return path.split('/').at(-1) ?? path;
}

function faultXml({ soap }: ContractOperation): string {
  return soap === '1.2'
    ? '<soap:Fault><soap:Code><soap:Value>soap:Sender</soap:Value></soap:Code><soap:Reason><soap:Text xml:lang="en">Not known</soap:Text></soap:Reason></soap:Fault>'
    : '<soap:Fault><faultcode>soap:Client</faultcode><faultstring>Not known</faultstring></soap:Fault>';
}

function envelope({ soap }: ContractOperation, inner: string): string {
  return `<soap:Envelope xmlns:soap="${ENVELOPE_NAMESPACE[soap]}"><soap:Body>${inner}</soap:Body></soap:Envelope>`;
}

function indented(text: string): string {
  return text
    .split('\n')
    .map((line) => `        ${line}`)
    .join('\n');
}

function shown(path: string): string {
  const inside = relative('.', path);
  return inside.startsWith('..') ? path : inside;
}
