/** What the codes of an acknowledgement mean (HL7 v2.5.1, table 0008 and 2.9.2; enhanced mode 2.9.3). */
import type { Acknowledgement } from '../../engine/contracts/format.ts';
import { defineOutcomes } from '../../engine/outcomes.ts';

/** Lines of the outcome table for MSA-1. */
export const HL7_OUTCOMES = defineOutcomes({
  AA: {
    outcome: 'delivered',
    next: 'done',
    whose: 'nobody',
    happened: 'The receiver acknowledged the message with AA (application accept).',
    advice: 'Nothing is to be done.',
  },
  AE: {
    outcome: 'rejected',
    next: 'correct',
    whose: 'data',
    happened: 'The receiver acknowledged the message with AE (application error): its content is wrong.',
    advice:
      "Do not send it again unchanged. Read the receiver's words with waybill trace, correct the row at its source, and hand it in again.",
  },
  AR: {
    outcome: 'rejected',
    next: 'checkReceiver',
    whose: 'receiver',
    happened:
      'The receiver acknowledged the message with AR (application reject): it refused it for another reason than its content.',
    advice:
      "Read the receiver's words: type, version or processing id that it does not take, or trouble of its own. It may be sent again unchanged once that is mended.",
  },
  CA: {
    outcome: 'delivered',
    next: 'done',
    whose: 'nobody',
    happened: 'The receiver acknowledged the message with CA (commit accept): it has it in safe storage.',
    advice: 'Nothing is to be done; what its application makes of it comes in a message of its own, if at all.',
  },
  CE: {
    outcome: 'rejected',
    next: 'correct',
    whose: 'data',
    happened: 'The receiver acknowledged the message with CE (commit error): it could not take it into its storage.',
    advice:
      "Do not send it again unchanged. Read the receiver's words with waybill trace, correct what they name, and hand it in again.",
  },
  CR: {
    outcome: 'rejected',
    next: 'checkReceiver',
    whose: 'receiver',
    happened:
      'The receiver acknowledged the message with CR (commit reject): it does not take this type, version or processing id.',
    advice:
      'Compare MSH-9, MSH-11 and MSH-12 with what the receiver expects, or ask it. It may be sent again unchanged once that is mended.',
  },
});

/** What the receiver said by a code; one that stands in no table says neither yes nor no. */
export function meaningOf(code: string): Pick<Acknowledgement, 'accepted' | 'unclear' | 'whose'> {
  if (!isKnown(code)) return { accepted: false, unclear: true };
  const { outcome, whose } = HL7_OUTCOMES[code];
  return outcome === 'delivered' ? { accepted: true } : { accepted: false, whose };
}

function isKnown(code: string): code is keyof typeof HL7_OUTCOMES {
  return Object.hasOwn(HL7_OUTCOMES, code);
}
