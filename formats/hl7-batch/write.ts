import type { BatchPlan, Format } from '../../engine/contracts/format.ts';
import { inZone } from '../../engine/dates.ts';
import { WaybillError } from '../../engine/errors.ts';
import { printEnvelope } from '../../hl7/batch.ts';
import { escapeText } from '../../hl7/escape.ts';
import { formatTimestamp } from '../../hl7/timestamps.ts';
import { gather } from './chunks.ts';
import type { EnvelopeSettings, NameInEnvelope } from './settings.ts';

/** Writes batches with the envelope that the settings ask for. */
export function batchWriter(config: EnvelopeSettings): Required<Pick<Format, 'write' | 'overhead'>> {
  const kind = config.envelope ?? 'file';
  const hasIds = config.controlIds ?? true;
  const names = {
    sendingApplication: rawName(config.sendingApplication),
    sendingFacility: rawName(config.sendingFacility),
    receivingApplication: rawName(config.receivingApplication),
    receivingFacility: rawName(config.receivingFacility),
  };

  function envelopeOf(plan: BatchPlan): { before: Buffer; after: Buffer } {
    const { before, after } = printEnvelope({
      kind,
      ...names,
      time: timeOf(plan),
      controlId: hasIds ? plan.id : '',
      reference: hasIds ? (plan.replaces ?? '') : '',
      messages: plan.count,
    });
    return { before: Buffer.from(before), after: Buffer.from(after) };
  }

  return {
    write: (plan, messages) => {
      const { before, after } = envelopeOf(plan);
      return gather(inEnvelope(before, checked(plan, messages, kind === 'none'), after));
    },
    overhead: (plan) => {
      const { before, after } = envelopeOf(plan);
      return before.length + after.length;
    },
  };
}

function rawName(value: NameInEnvelope | undefined): string {
  if (value === undefined) return '';
  return typeof value === 'string' ? escapeText(value) : value.raw;
}

function timeOf(plan: BatchPlan): string {
  return formatTimestamp(plan.plannedAt, inZone(plan.plannedAt, plan.timeZone).offset ?? 0);
}

function* inEnvelope(before: Uint8Array, messages: Iterable<Uint8Array>, after: Uint8Array): Iterable<Uint8Array> {
  yield before;
  yield* messages;
  yield after;
}

/**
 * The messages as they come, while they are what the envelope says. One without an envelope is passed on whatever it is:
 * nothing stands beside it that it could run into.
 */
function* checked(plan: BatchPlan, messages: Iterable<Uint8Array>, isBare: boolean): Iterable<Uint8Array> {
  let count = 0;
  for (const message of messages) {
    count++;
    if (count > plan.count) throw miscounted(plan, count);
    if (!(isBare && plan.count === 1)) requireMessage(plan, message, count);
    yield message;
  }
  if (count < plan.count) throw miscounted(plan, count);
}

const CR = 13;
const LF = 10;

function requireMessage(plan: BatchPlan, message: Uint8Array, position: number): void {
  const beginsWithMsh = message[0] === 0x4d && message[1] === 0x53 && message[2] === 0x48;
  const last = message[message.length - 1];
  if (beginsWithMsh && (last === CR || last === LF)) return;
  const why = beginsWithMsh ? 'does not end with a line end' : 'does not begin with MSH';
  throw new WaybillError(
    'HL7_BATCH_MESSAGE',
    `message ${position} of batch ${plan.id} ${why}; have its transform make a whole HL7 message`,
  );
}

function miscounted(plan: BatchPlan, count: number): WaybillError {
  const found = count > plan.count ? `more than ${plan.count}` : `only ${count}`;
  return new WaybillError('HL7_BATCH_COUNT', `batch ${plan.id} is planned for ${plan.count} messages and got ${found}`);
}
