import type { Acknowledgement, AnswerRead, BatchPlan, Format } from '../../engine/contracts/format.ts';
import { defineFormat } from '../../engine/contracts/format.ts';
import { inZone } from '../../engine/dates.ts';
import { defineErrors, WaybillError } from '../../engine/errors.ts';
import { Keys, type TSchema, Type, Words } from '../../engine/schema.ts';
import { readAcknowledgements } from '../../hl7/acknowledgements.ts';
import { printEnvelope } from '../../hl7/batch.ts';
import { escapeText } from '../../hl7/escape.ts';
import { formatTimestamp } from '../../hl7/timestamps.ts';
import { gather } from './chunks.ts';

/** A name in the envelope: a text is one value and is escaped, `raw` is HL7 as it stands. */
type NameInEnvelope = string | { readonly raw: string };

interface Hl7BatchConfig {
  readonly envelope?: 'file' | 'batch' | 'none';
  readonly controlIds?: boolean;
  readonly sendingApplication?: NameInEnvelope;
  readonly sendingFacility?: NameInEnvelope;
  readonly receivingApplication?: NameInEnvelope;
  readonly receivingFacility?: NameInEnvelope;
}

const errors = defineErrors({
  HL7_BATCH_COUNT: {
    means: 'A batch was planned for another number of messages than it was given; its trailer would have said so.',
    cure: 'This is a fault of Waybill: nothing of the batch was sent as whole. Report it with the batch id.',
  },
  HL7_BATCH_MESSAGE: {
    means: 'A message cannot stand in an HL7 batch: it does not begin with MSH, or its last segment has no line end.',
    cure: 'Have the transform make an HL7 message that ends with CR, or send it by a destination without this format.',
  },
});

export default defineFormat<Hl7BatchConfig>({
  name: 'hl7-batch',
  summary: 'HL7 v2 messages in one batch, with or without FHS, BHS, BTS and FTS.',
  description: `Writes the messages of a batch one after the other and puts the envelope of HL7 v2 around them:

    FHS|^~\\&|application|facility|application|facility|time||||id
    BHS|^~\\&|application|facility|application|facility|time||||id
    MSH|...
    BTS|number of messages
    FTS|1

- \`envelope\` is \`file\` (FHS to FTS), \`batch\` (BHS to BTS) or \`none\`.
- The time (field 7) is that of planning, in the production's zone, so that a retry is the same byte for byte.
- With \`controlIds\` the batch id stands in FHS-11 and BHS-11, and the id of the batch that this one stands for in BHS-12.
- The four names go into fields 3 to 6. A text is one value and is escaped; \`{ raw: "A^B" }\` is HL7 as it stands.

The answer is an HL7 acknowledgement, or a batch of them with one MSA for each message. AA and CA mean that a message was
accepted, every other code that it was not.`,
  schema: Keys({
    envelope: Words(['file', 'batch', 'none'], {
      default: 'file',
      description: 'What stands around the messages: FHS to FTS, BHS to BTS, or nothing.',
    }),
    controlIds: Type.Boolean({ default: true, description: 'Whether FHS-11, BHS-11 and BHS-12 are written.' }),
    sendingApplication: name('Field 3 of FHS and BHS.'),
    sendingFacility: name('Field 4 of FHS and BHS.'),
    receivingApplication: name('Field 5 of FHS and BHS.'),
    receivingFacility: name('Field 6 of FHS and BHS.'),
  }),
  examples: [
    {
      title: 'A file with one batch, for a registry',
      yaml: `type: hl7-batch
sendingApplication: CLINICS
sendingFacility: { raw: "CLINIC GROUP^1234567893^NPI" }
receivingApplication: IIS
receivingFacility: STATE
`,
    },
    {
      title: 'Messages only, for a receiver that takes no envelope',
      yaml: `type: hl7-batch
envelope: none
`,
    },
  ],
  errors,
  open: (config) => openBatch(config),
});

function name(description: string): TSchema {
  const raw = Type.String({ pattern: '^[^|\\r\\n]*$', description: 'HL7 as it stands, without | and line breaks.' });
  return Type.Optional(Type.Union([Type.String(), Keys({ raw })], { description }));
}

function openBatch(config: Hl7BatchConfig): Format {
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
    answers: readAnswer,
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

/** Codes by which a receiver takes a message on (table 0008). */
const ACCEPTED = new Set(['AA', 'CA']);

function readAnswer(answer: string): AnswerRead {
  const { acknowledgements, warning } = readAcknowledgements(answer);
  const read: Acknowledgement[] = acknowledgements.map((one) => ({ ...one, accepted: ACCEPTED.has(one.code) }));
  return warning === undefined ? { acknowledgements: read } : { acknowledgements: read, warning };
}
