import { defineOutcomes, failuresBy } from '../../engine/outcomes.ts';

/**
 * Lines of the outcome table for a command to MongoDB, and for each of its documents; the words stand in `errors.ts`.
 * The one question that decides: may the server have done any of it?
 */
export const MONGODB_OUTCOMES = defineOutcomes({
  // Before the command went out.
  MONGODB_NAME_NOT_FOUND: { outcome: 'retry', next: 'retryAfter', whose: 'network' },
  MONGODB_CONNECT_FAILED: { outcome: 'retry', next: 'retryAfter', whose: 'network' },
  MONGODB_CONNECT_TIMEOUT: { outcome: 'retry', next: 'retryAfter', whose: 'network' },
  MONGODB_TLS_FAILED: { outcome: 'retry', next: 'retryAfter', whose: 'network' },
  MONGODB_ABORTED: { outcome: 'retry', next: 'retryAfter', whose: 'ours' },
  MONGODB_SERVER_CERTIFICATE: { outcome: 'stop', next: 'checkReceiver', whose: 'receiver' },
  MONGODB_CLIENT_CERTIFICATE: { outcome: 'stop', next: 'stop', whose: 'ours' },
  MONGODB_AUTHENTICATION: { outcome: 'stop', next: 'stop', whose: 'ours' },
  MONGODB_SERVER_UNSUPPORTED: { outcome: 'stop', next: 'stop', whose: 'ours' },

  // The command as a whole.
  MONGODB_NOT_ALLOWED: { outcome: 'stop', next: 'stop', whose: 'ours' },
  MONGODB_REFUSED: { outcome: 'stop', next: 'checkReceiver', whose: 'receiver' },
  MONGODB_NOT_PRIMARY: { outcome: 'retry', next: 'retryAfter', whose: 'receiver' },
  MONGODB_BUSY: { outcome: 'retry', next: 'retryAfter', whose: 'receiver' },
  MONGODB_READ_BROKEN: { outcome: 'retry', next: 'retryAfter', whose: 'unknown' },
  MONGODB_BROKEN_OFF: { outcome: 'inDoubt', next: 'ask', whose: 'ours' },
  MONGODB_CONNECTION_LOST: { outcome: 'inDoubt', next: 'ask', whose: 'network' },
  MONGODB_TIMEOUT: { outcome: 'inDoubt', next: 'ask', whose: 'receiver' },
  MONGODB_INTERRUPTED: { outcome: 'inDoubt', next: 'ask', whose: 'receiver' },
  MONGODB_ANSWER_UNKNOWN: { outcome: 'inDoubt', next: 'ask', whose: 'receiver' },

  // One document of it.
  MONGODB_ALREADY_THERE: { outcome: 'delivered', next: 'done', whose: 'nobody' },
  MONGODB_BEHIND: {
    outcome: 'retry',
    next: 'retryAfter',
    whose: 'data',
    fixed: 'it was not sent, and goes with the next batch.',
  },
  MONGODB_NOT_CONFIRMED: { outcome: 'retry', next: 'retryAfter', whose: 'receiver' },
  MONGODB_WRITE_CONCERN: {
    outcome: 'inDoubt',
    next: 'ask',
    whose: 'receiver',
    fixed: 'inDoubt of the destination says what is done about it.',
  },
  MONGODB_NOT_A_DOCUMENT: { outcome: 'rejected', next: 'correct', whose: 'data' },
  MONGODB_KEY_REFUSED: { outcome: 'rejected', next: 'correct', whose: 'data' },
  MONGODB_VALUE_REFUSED: { outcome: 'rejected', next: 'correct', whose: 'data' },
  MONGODB_TOO_DEEP: { outcome: 'rejected', next: 'correct', whose: 'data' },
  MONGODB_DOCUMENT_TOO_LARGE: { outcome: 'rejected', next: 'correct', whose: 'data' },
  MONGODB_ID_EMPTY: { outcome: 'rejected', next: 'correct', whose: 'data' },
  MONGODB_FILTER_VALUE: { outcome: 'rejected', next: 'correct', whose: 'data' },
  MONGODB_ID_TAKEN: { outcome: 'rejected', next: 'correct', whose: 'data' },
  MONGODB_DUPLICATE: { outcome: 'rejected', next: 'correct', whose: 'data' },
  MONGODB_VALIDATION: { outcome: 'rejected', next: 'correct', whose: 'data' },
  MONGODB_DOCUMENT_REFUSED: { outcome: 'rejected', next: 'correct', whose: 'data' },
  MONGODB_ANSWER_TOO_LARGE: { outcome: 'rejected', next: 'correct', whose: 'data' },
});

/** Makes the error of a line. */
export const mongoFailure = failuresBy(MONGODB_OUTCOMES);
