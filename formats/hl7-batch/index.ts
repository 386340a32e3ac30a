import type { Acknowledgement, AnswerRead, Format } from '../../engine/contracts/format.ts';
import { defineFormat } from '../../engine/contracts/format.ts';
import { messageOf } from '../../engine/errors.ts';
import { readAcknowledgements } from '../../hl7/acknowledgements.ts';
import { parsePath } from '../../hl7/paths.ts';
import { HL7_BATCH_ERRORS } from './errors.ts';
import { HL7_OUTCOMES, meaningOf } from './outcomes.ts';
import { readBatch } from './read.ts';
import { scanBatch } from './scan.ts';
import { type Hl7BatchConfig, SETTINGS_SCHEMA, settingsOf } from './settings.ts';
import { openItemValidator } from './validator.ts';
import { batchWriter } from './write.ts';

export default defineFormat<Hl7BatchConfig>({
  name: 'hl7-batch',
  summary: 'HL7 v2 messages in one file or batch, with or without FHS, BHS, BTS and FTS; in and out.',
  description: `
**Writing** puts the messages of a batch one after the other and the envelope of HL7 v2 around them:

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
accepted, every other code that it was not.

**Reading** makes each message an item. The whole file is looked at before the first message is taken.

- Each of FHS, BHS, BTS and FTS may be missing; there may be several batches, and messages without any envelope. Lines end
  with CR, LF or CRLF, also mixed. A byte order mark, blank lines, and Ctrl-Z at the end are tolerated.
- What is no HL7, text that belongs to no message, and bytes that the charset does not have refuse the file by line and column.
- BTS-1 (messages) and FTS-1 (batches) are held against what is there. If one differs, the file is in quarantine: kept, and
  nothing of it is sent until a person releases or cancels it.
- A batch without messages that says so (\`BTS|0\`) is taken: it has no items.
- One file has one charset. A byte order mark says which, else \`charset\`, else MSH-18 of the first message (table 0211), else
  UTF-8. A message that names another one in MSH-18 refuses the file.
- A line of a message that is no segment makes that message invalid; the others go on. Unknown escapes and Z segments stay.
- A message that goes on without a control id (MSH-10) is invalid: no answer could name it. One that was cut off looks so.

An entry without a transform sends the message on as it came, byte for byte, with two exceptions: segments end with CR, as
HL7 wants, without blank lines; and what came in another charset is UTF-8, and says so in MSH-18. The file itself is kept as
it was received.

**Checking**, on a route with \`validate: true\`, holds each message against the dictionary of its version (2.1 to 2.8):
segments (Z segments are allowed), fields, components, required values, lengths, codes of HL7 tables (of this version or a
later one; not user-defined tables), and how numbers, dates and times are written. Each fault has its path, such as \`PID-7\` or \`OBX(2)-5.1\`. The dictionary has one data
type for a field, that of 2.8: what a field held that was withdrawn since is not looked into, and required components and
their lengths are checked from 2.7 on. It does not say which fields may repeat, nor the order of segments.`.trim(),
  schema: SETTINGS_SCHEMA,
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
    {
      title: 'Files of a laboratory that writes an old charset without saying so, checked as 2.5.1',
      yaml: `type: hl7-batch
charset: windows-1252
validation: { version: 2.5.1, lengths: false }
`,
    },
  ],
  errors: HL7_BATCH_ERRORS,
  outcomes: HL7_OUTCOMES,
  gives: 'hl7',
  open,
});

function open(config: Hl7BatchConfig): Format {
  const settings = settingsOf(config);
  return {
    scan: (source, context) => scanBatch(source, context, settings),
    read: async (source, scan, from, context) => readBatch(scan, settings, { source, from, context }),
    pathProblem,
    validator: () => openItemValidator(config.validation ?? {}),
    ...batchWriter(config),
    answers: readAnswer,
  };
}

function pathProblem(path: string): string | undefined {
  try {
    parsePath(path);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

function readAnswer(answer: string): AnswerRead {
  const read = readAcknowledgements(answer);
  const acknowledgements = read.acknowledgements.map((one): Acknowledgement => ({ ...one, ...meaningOf(one.code) }));
  return { ...read, acknowledgements };
}
