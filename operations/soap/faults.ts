/** Faults: what the receiver said, and what the dialect says it means. */
import {
  ConfigError,
  type DeliveryError,
  type DeliveryErrorDetails,
  PermanentError,
  TooLargeError,
  TransientError,
  UncertainError,
} from '../../engine/errors.ts';
import type { Fault } from './answer.ts';
import type { Dialect, FaultRule } from './dialect.ts';
import type { Secrets } from './secrets.ts';

const MAX_WORDS = 500;

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

/** The rule for a fault: by the detail's element, then by the code (an inner one before an outer one), then `other`. */
export function ruleFor(
  fault: Fault,
  faults: Dialect['faults'],
): { readonly name: string; readonly rule: FaultRule | undefined } {
  const codes = fault.codes.toReversed();
  const aliases = codes.flatMap((code) => SAME_CODE[code] ?? []);
  for (const name of [fault.detail, ...codes, ...aliases]) {
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

/** The delivery error for a fault. */
export function faultError(
  fault: Fault,
  dialect: Dialect,
  context: {
    readonly host: string;
    readonly answer: Uint8Array;
    readonly secrets: Secrets;
    readonly retryAfterMs?: number;
  },
): DeliveryError {
  const { rule } = ruleFor(fault, dialect.faults);
  const words = tidyWords(fault.reason, context.secrets);
  const details: DeliveryErrorDetails = {
    whose: rule?.whose ?? 'unknown',
    answer: context.answer,
    ...(words === '' ? {} : { words }),
    ...(context.retryAfterMs === undefined ? {} : { retryAfterMs: context.retryAfterMs }),
  };
  const advice = rule?.advice === undefined ? '' : `: ${rule.advice}`;
  const message = `${context.host} answered the SOAP fault ${faultName(fault)}${advice}`;
  // A dialect without `other`: stop, and let a person look.
  switch (rule?.then ?? 'stop') {
    case 'stop':
      return new ConfigError('SOAP_FAULT_STOP', message, details);
    case 'retry':
      return new TransientError('SOAP_FAULT_RETRY', message, details);
    case 'tooLarge':
      return new TooLargeError('SOAP_FAULT_TOO_LARGE', message, details);
    case 'fail':
      return new PermanentError('SOAP_FAULT_FAIL', message, details);
    case 'inDoubt':
      return new UncertainError('SOAP_FAULT_IN_DOUBT', message, details);
  }
}
