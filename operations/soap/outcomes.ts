import { defineOutcomes, failuresBy, type ThrownCode } from '../../engine/outcomes.ts';

const BY_STATES = 'status.states of the dialect says what each word of the receiver means.';

/**
 * Lines of the outcome table for a SOAP call; the words stand in `errors.ts`. The one question that decides: may the
 * receiver have taken the messages? Only where it certainly has not are they tried again by themselves.
 */
export const SOAP_OUTCOMES = defineOutcomes({
  // Before a byte went out.
  SOAP_XML_CHARACTER: { outcome: 'failed', next: 'correct', whose: 'data' },
  SOAP_NAME_NOT_FOUND: { outcome: 'retry', next: 'retryAfter', whose: 'network' },
  SOAP_CONNECT_FAILED: { outcome: 'retry', next: 'retryAfter', whose: 'network' },
  SOAP_CONNECT_TIMEOUT: { outcome: 'retry', next: 'retryAfter', whose: 'network' },
  SOAP_TLS_FAILED: { outcome: 'retry', next: 'retryAfter', whose: 'network' },
  SOAP_RECEIVER_CERTIFICATE: { outcome: 'stop', next: 'checkReceiver', whose: 'receiver' },
  SOAP_CLIENT_CERTIFICATE: { outcome: 'stop', next: 'stop', whose: 'ours' },
  SOAP_ABORTED: { outcome: 'retry', next: 'retryAfter', whose: 'ours' },
  SOAP_BATCH_TOO_LARGE: { outcome: 'split', next: 'split', whose: 'ours' },

  // After the first byte, without a whole answer.
  SOAP_BROKEN_OFF: { outcome: 'inDoubt', next: 'ask', whose: 'ours' },
  SOAP_CONNECTION_LOST: { outcome: 'inDoubt', next: 'ask', whose: 'network' },
  SOAP_SEND_TIMEOUT: { outcome: 'inDoubt', next: 'ask', whose: 'network' },
  SOAP_ANSWER_TIMEOUT: { outcome: 'inDoubt', next: 'ask', whose: 'receiver' },
  SOAP_ANSWER_TOO_LARGE: { outcome: 'inDoubt', next: 'ask', whose: 'receiver' },

  // An answer that says nothing plain.
  SOAP_ANSWER_CHARSET: { outcome: 'inDoubt', next: 'ask', whose: 'receiver' },
  SOAP_ANSWER_NOT_XML: { outcome: 'inDoubt', next: 'ask', whose: 'receiver' },
  SOAP_ANSWER_EMPTY: { outcome: 'inDoubt', next: 'ask', whose: 'receiver' },
  SOAP_SUCCESS_UNKNOWN: { outcome: 'inDoubt', next: 'ask', whose: 'receiver' },
  SOAP_TICKET_UNUSABLE: { outcome: 'inDoubt', next: 'ask', whose: 'receiver' },

  // A flag in the body, and what the receiver says when it is asked.
  SOAP_SUCCESS_FALSE: { outcome: 'rejected', next: 'correct', whose: 'data' },
  SOAP_ASKED_TAKEN: { outcome: 'delivered', next: 'done', whose: 'nobody' },
  SOAP_ASKED_REFUSED: { outcome: 'rejected', next: 'correct', whose: 'data' },
  SOAP_ASKED_NOT_THERE: { outcome: 'retry', next: 'retryAfter', whose: 'receiver', fixed: BY_STATES },
  SOAP_ASKED_OPEN: { outcome: 'inDoubt', next: 'ask', whose: 'receiver', fixed: BY_STATES },

  // A status.
  SOAP_HTTP_BUSY: { outcome: 'retry', next: 'retryAfter', whose: 'receiver' },
  SOAP_HTTP_ERROR: { outcome: 'inDoubt', next: 'ask', whose: 'receiver' },
  SOAP_HTTP_UNAUTHORIZED: { outcome: 'stop', next: 'stop', whose: 'ours' },
  SOAP_HTTP_NOT_FOUND: { outcome: 'stop', next: 'checkReceiver', whose: 'unknown' },
  SOAP_HTTP_REDIRECT: { outcome: 'stop', next: 'checkReceiver', whose: 'receiver' },
  SOAP_HTTP_REFUSED: { outcome: 'stop', next: 'checkReceiver', whose: 'unknown' },
  SOAP_HTTP_TOO_LARGE: { outcome: 'split', next: 'split', whose: 'receiver' },
  SOAP_STATUS_STOP: { outcome: 'stop', next: 'stop', whose: 'unknown' },
  SOAP_STATUS_RETRY: { outcome: 'retry', next: 'retryAfter', whose: 'receiver' },
  SOAP_STATUS_TOO_LARGE: { outcome: 'split', next: 'split', whose: 'receiver' },
  SOAP_STATUS_FAIL: { outcome: 'failed', next: 'correct', whose: 'data' },
  SOAP_STATUS_IN_DOUBT: { outcome: 'inDoubt', next: 'ask', whose: 'receiver' },

  // A fault: by its kind, or as the dialect takes it.
  SOAP_FAULT_SECURITY: { outcome: 'stop', next: 'stop', whose: 'ours' },
  SOAP_FAULT_TOO_LARGE: { outcome: 'split', next: 'split', whose: 'receiver' },
  SOAP_FAULT_UNSUPPORTED: { outcome: 'stop', next: 'checkReceiver', whose: 'receiver' },
  SOAP_FAULT_SENDER: { outcome: 'stop', next: 'checkReceiver', whose: 'unknown' },
  SOAP_FAULT_RECEIVER: { outcome: 'retry', next: 'retryAfter', whose: 'receiver' },
  SOAP_FAULT_UNKNOWN: { outcome: 'stop', next: 'contactSupport', whose: 'unknown' },
  SOAP_FAULT_STOP: { outcome: 'stop', next: 'stop', whose: 'unknown' },
  SOAP_FAULT_RETRY: { outcome: 'retry', next: 'retryAfter', whose: 'receiver' },
  SOAP_FAULT_FAIL: { outcome: 'failed', next: 'correct', whose: 'data' },
  SOAP_FAULT_IN_DOUBT: { outcome: 'inDoubt', next: 'ask', whose: 'receiver' },
});

/** Makes the error of a line. */
export const soapFailure = failuresBy(SOAP_OUTCOMES);

export type SoapFailureCode = ThrownCode<typeof SOAP_OUTCOMES>;
