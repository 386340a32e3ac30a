/** Faults: what the receiver said, and what the dialect says it means. */
import type { DeliveryError, DeliveryErrorDetails } from '../../engine/errors.ts';
import type { OutcomeName } from '../../engine/outcomes.ts';
import type { Fault } from './answer.ts';
import type { Dialect, FaultAction, FaultRule } from './dialect.ts';
import { SOAP_OUTCOMES, type SoapFailureCode, soapFailure } from './outcomes.ts';
import type { Secrets } from './secrets.ts';

const MAX_WORDS = 500;
const MAX_CODE_PARTS = 8;

/** SOAP 1.1 names the same two codes differently, and receivers mix the versions. */
const SAME_CODE: Readonly<Record<string, string>> = {
  Client: 'Sender',
  Server: 'Receiver',
  Sender: 'Client',
  Receiver: 'Server',
};

/** A receiver's words on one line, cut to 500 characters, with our own secrets taken out where it repeats them. */
export function tidyWords(text: string, secrets: Secrets): string {
  const words = secrets
    .outOf(text)
    .replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ')
    .trim();
  return words.length > MAX_WORDS ? `${words.slice(0, MAX_WORDS - 3)}...` : words;
}

/** A code of SOAP 1.1 goes from the general to the special (`Server.Busy`): whoever does not know it all knows its start (4.4.1). */
function withGeneral(code: string): readonly string[] {
  const parts = code.split('.').slice(0, MAX_CODE_PARTS);
  return parts.map((_, at) => parts.slice(0, parts.length - at).join('.'));
}

/**
 * The rule for a fault: by the detail's element with its Code, by the element alone, then by the fault's code (an inner one
 * before an outer one), then `other`.
 */
export function ruleFor(
  fault: Fault,
  faults: Dialect['faults'],
): { readonly name: string; readonly rule: FaultRule | undefined } {
  const codes = fault.codes.toReversed().flatMap(withGeneral);
  const aliases = codes.flatMap((code) => SAME_CODE[code] ?? []);
  const { Code: number = '' } = fault.values;
  const details = number === '' ? [fault.detail] : [`${fault.detail}/${number}`, fault.detail];
  for (const name of [...details, ...codes, ...aliases]) {
    const rule = name !== '' && Object.hasOwn(faults, name) ? faults[name] : undefined;
    if (rule) return { name, rule };
  }
  return { name: 'other', rule: faults.other };
}

function faultName(fault: Fault): string {
  const name = fault.detail === '' ? (fault.codes.at(-1) ?? '') : fault.detail;
  // A name comes from the receiver: only what looks like one is repeated.
  return /^[A-Za-z_][A-Za-z0-9_.-]{0,63}$/.test(name) ? name : 'without a name';
}

/** Faults that the specifications name (SOAP 1.1 and 1.2; the WSDLs of the CDC), by the name of the rule that they met. */
const KINDS: ReadonlyMap<string, SoapFailureCode> = new Map<string, SoapFailureCode>([
  ['SecurityFault', 'SOAP_FAULT_SECURITY'],
  ['MessageTooLargeFault', 'SOAP_FAULT_TOO_LARGE'],
  ['UnsupportedOperationFault', 'SOAP_FAULT_UNSUPPORTED'],
  ['Sender', 'SOAP_FAULT_SENDER'],
  ['Client', 'SOAP_FAULT_SENDER'],
  ['Receiver', 'SOAP_FAULT_RECEIVER'],
  ['Server', 'SOAP_FAULT_RECEIVER'],
  ['other', 'SOAP_FAULT_UNKNOWN'],
]);

/** What SOAP's other codes mean (SOAP 1.1, 4.4.1; SOAP 1.2, 5.4.6), where no dialect says more. */
const MEANINGS: ReadonlyMap<string, string> = new Map([
  ['VersionMismatch', 'it speaks another version of SOAP than the dialect; compare soap of the dialect with the WSDL'],
  [
    'MustUnderstand',
    'it does not understand an element of our SOAP header; compare headers and security with the WSDL',
  ],
  ['DataEncodingUnknown', 'it does not know how our data is encoded; compare the dialect with the WSDL'],
]);

const OUTCOME_OF: Readonly<Record<FaultAction, OutcomeName>> = {
  stop: 'stop',
  retry: 'retry',
  tooLarge: 'split',
  fail: 'failed',
  inDoubt: 'inDoubt',
};

const BY_DIALECT: Readonly<Record<FaultAction, SoapFailureCode>> = {
  stop: 'SOAP_FAULT_STOP',
  retry: 'SOAP_FAULT_RETRY',
  tooLarge: 'SOAP_FAULT_TOO_LARGE',
  fail: 'SOAP_FAULT_FAIL',
  inDoubt: 'SOAP_FAULT_IN_DOUBT',
};

/** The kind's own code where the dialect does with it what the table says; else the code of what the dialect does. */
function codeFor(name: string, action: FaultAction): SoapFailureCode {
  const kind = KINDS.get(name);
  return kind !== undefined && SOAP_OUTCOMES[kind].outcome === OUTCOME_OF[action] ? kind : BY_DIALECT[action];
}

/** The delivery error for a fault. */
export function faultError(
  fault: Fault,
  dialect: Dialect,
  context: {
    readonly host: string;
    readonly answer: Uint8Array;
    readonly secrets: Secrets;
    readonly retryAfterMs?: number;
    /** The most bytes that the receiver takes, where the fault says so. */
    readonly maxBytes?: number;
  },
): DeliveryError {
  const { name, rule } = ruleFor(fault, dialect.faults);
  const words = tidyWords(fault.reason, context.secrets);
  const { answer, retryAfterMs, maxBytes } = context;
  const details: DeliveryErrorDetails = {
    answer,
    ...(rule?.whose === undefined ? {} : { whose: rule.whose }),
    ...(words === '' ? {} : { words }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(maxBytes === undefined ? {} : { maxBytes }),
  };
  const said =
    rule?.advice ?? (name === 'other' ? fault.codes.map((code) => MEANINGS.get(code)).find(Boolean) : undefined);
  const advice = said === undefined ? '' : `: ${said}`;
  const message = `${context.host} answered the SOAP fault ${faultName(fault)}${advice}`;
  // A dialect without `other`: stop, and let a person look.
  return soapFailure(codeFor(name, rule?.then ?? 'stop'), message, details);
}
