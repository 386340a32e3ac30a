import { defineErrors } from './errors.ts';

export const ACTING_ERRORS = defineErrors({
  WHERE_NOT_UNDERSTOOD: {
    means: 'A filter of messages is not as it should be.',
    cure: 'Write words of the form key=value with spaces between them; the message says which one is wrong and lists the keys.',
  },
  ACT_STATE: {
    means: 'An act was asked for on messages in a state from which it does not lead.',
    cure: 'Name one of the states that the message lists, or none.',
  },
  ACT_NOTHING: {
    means: 'No message fits the filter of an act, so there is nothing to do.',
    cure: 'Look at the messages with waybill status and waybill trace; the message says what was left out and why.',
  },
  ACT_COUNT: {
    means: 'The number of messages that an act would change is not the one that was confirmed; nothing was changed.',
    cure: 'Look at the preview again, then confirm its count.',
  },
  ACT_GOAL: {
    means: 'A decision about messages in doubt lacks its outcome, or an outcome was given to another act.',
    cure: 'Say with resolve, and only there, whether they are delivered, rejected, to be sent again, or cancelled.',
  },
  ACT_UNKNOWN: { means: 'The ledger has no act of this number.', cure: 'Look at the list of acts.' },
});
