import { defineErrors } from '../../engine/errors.ts';

/** Codes of the SOAP operation and of its twin. */
export const SOAP_ERRORS = defineErrors({
  SOAP_DIALECT_UNKNOWN: {
    means:
      'The destination, or a dialect that extends another, names a dialect that neither the production nor Waybill has.',
    cure: 'Correct the name, or add dialects/NAME.yaml to the production.',
  },
  SOAP_DIALECT_INCOMPLETE: {
    means:
      'A dialect lacks a line that is needed to build a request or to read an answer, or has one that contradicts another.',
    cure: 'Add the line that the message names, or extend a dialect that has it.',
  },
  SOAP_DIALECT_LOOP: {
    means: 'Dialects extend each other in a circle.',
    cure: 'Let one of them stand on its own.',
  },
  SOAP_GENERIC_SETTINGS: {
    means:
      "The receiver's names under `generic` of a destination are absent, contradict each other, or stand beside a dialect that takes none.",
    cure: "Give under generic what the message names, as it stands in the receiver's WSDL.",
  },
  SOAP_URL_INVALID: {
    means: 'The url of a SOAP destination is no http or https address, or holds a user name or password.',
    cure: 'Write https://host/path; credentials belong under credentials.',
  },
  SOAP_CREDENTIAL_MISSING: {
    means: 'The dialect sends a credential that the destination does not have.',
    cure: 'Add it under credentials, from a variable or a file.',
  },
  SOAP_PARAMETER_MISSING: {
    means: 'The dialect sends a parameter that the destination does not have.',
    cure: 'Add it under parameters of the destination.',
  },
  SOAP_CREDENTIAL_CHARACTERS: {
    means:
      'A credential or a parameter holds a character that XML cannot carry, or a user name for HTTP Basic has a colon.',
    cure: 'Look for control characters in the variable or the file it comes from.',
  },
  SOAP_TLS_MATERIAL: {
    means:
      'The CA, certificate or key of a destination cannot be read as PEM, or certificate and key do not belong together.',
    cure: 'Check the files under tls: PEM texts, an unencrypted key, and the certificate that was issued for it.',
  },
  SOAP_XML_CHARACTER: {
    means:
      'The messages hold bytes that are no text of the charset or a character that XML 1.0 cannot carry; nothing was sent.',
    cure: 'Remove the character in the transform; the route normally refuses it with line and column before it gets here.',
  },
  SOAP_NAME_NOT_FOUND: {
    means: "The receiver's host name cannot be resolved; nothing was sent.",
    cure: 'Check the url and the DNS of this machine; it is tried again by itself.',
  },
  SOAP_CONNECT_FAILED: {
    means: 'No connection to the receiver could be made; nothing was sent.',
    cure: 'Check address, port, firewall and whether the receiver is up; it is tried again by itself.',
  },
  SOAP_CONNECT_TIMEOUT: {
    means: 'The receiver did not take the connection within timeouts.connect; nothing was sent.',
    cure: 'Check the firewall and whether the receiver is up; it is tried again by itself.',
  },
  SOAP_TLS_FAILED: {
    means: 'The TLS handshake failed for another reason than a certificate; nothing was sent.',
    cure: 'Check that the port speaks TLS 1.2 or later; it is tried again by itself.',
  },
  SOAP_RECEIVER_CERTIFICATE: {
    means: "The receiver's certificate is not trusted, has expired, or names another host; nothing was sent.",
    cure: 'Put the CA of the receiver under tls.ca, or ask the receiver to renew its certificate.',
  },
  SOAP_CLIENT_CERTIFICATE: {
    means: 'The receiver refused our certificate, or wants one and got none; nothing was taken.',
    cure: 'Check tls.certificate and tls.key and whether the receiver knows this certificate.',
  },
  SOAP_ABORTED: {
    means: 'The call was broken off by us before anything was sent, as when the engine stops.',
    cure: 'Nothing to do: it is tried again by itself.',
  },
  SOAP_BROKEN_OFF: {
    means: 'The call was broken off by us after the request had begun to go out.',
    cure: 'Ask the receiver whether the messages arrived, then resolve them.',
  },
  SOAP_SEND_TIMEOUT: {
    means:
      'timeouts.total passed while the request still went out: the receiver can hardly have taken it, but nobody knows.',
    cure: 'Ask the receiver, then resolve the messages; raise timeouts.total or make batches smaller if the line is slow.',
  },
  SOAP_CONNECTION_LOST: {
    means: 'The connection broke after the request had begun to go out: nobody knows whether the receiver took it.',
    cure: 'Ask the receiver, then resolve the messages as delivered or send them again.',
  },
  SOAP_ANSWER_TIMEOUT: {
    means:
      'The answer did not begin, or was not complete, in time: nobody knows whether the receiver took the messages.',
    cure: 'Ask the receiver, then resolve the messages; raise timeouts.firstByte or timeouts.total if the receiver is slow.',
  },
  SOAP_ANSWER_TOO_LARGE: {
    means: 'The answer is larger than maxAnswerBytes and was broken off.',
    cure: 'Ask the receiver whether the messages arrived; raise maxAnswerBytes if such answers are normal.',
  },
  SOAP_ANSWER_CHARSET: {
    means: 'The answer is no text in the charset it claims.',
    cure: 'Look at the stored answer; ask the receiver whether the messages arrived.',
  },
  SOAP_ANSWER_NOT_XML: {
    means:
      'The answer is no well-formed XML, or holds what is refused: a document type, or more depth, elements or attributes than any answer needs.',
    cure: 'Look at the stored answer: often a page of a proxy. Ask the receiver whether the messages arrived.',
  },
  SOAP_ANSWER_EMPTY: {
    means: 'The answer is XML without the element that the dialect names, and no fault.',
    cure: 'Compare answer.element of the dialect with the stored answer; ask the receiver whether the messages arrived.',
  },
  SOAP_BATCH_TOO_LARGE: {
    means: 'The batch is larger than the dialect says that the receiver takes; nothing was sent.',
    cure: 'With batch.mode: auto batches are halved by themselves. Else lower batch.maxMessages or batch.maxBytes of the destination, then resume it.',
  },
  SOAP_SUCCESS_UNKNOWN: {
    means: "The flag in the answer's body that says whether it went well holds a word that the dialect does not know.",
    cure: 'Ask the receiver what the word means, write it into answer.success of the dialect, and resolve the messages.',
  },
  SOAP_TICKET_UNUSABLE: {
    means: 'The receiver answers later, but what it calls the request is too long or holds strange characters.',
    cure: 'Look at the stored answer; ask the receiver what became of the messages, then resolve them.',
  },
  SOAP_SUCCESS_FALSE: {
    means: "The flag in the answer's body says that the receiver refused the request, whatever the HTTP status was.",
    cure: "Read the receiver's words, correct the messages, and send them again.",
  },
  SOAP_ASKED_TAKEN: {
    means: 'The receiver was asked and said that it has taken the message.',
    cure: 'Nothing to do.',
  },
  SOAP_ASKED_REFUSED: {
    means: 'The receiver was asked and said that it has refused the message.',
    cure: "Read the receiver's words, correct the message, and send it again.",
  },
  SOAP_ASKED_NOT_THERE: {
    means: 'The receiver was asked and does not have the message.',
    cure: 'Nothing to do: it is sent again.',
  },
  SOAP_ASKED_OPEN: {
    means: 'The receiver was asked and said nothing plain about the message.',
    cure: 'It is asked again by itself; or ask the receiver in another way, then resolve the message.',
  },
  SOAP_HTTP_BUSY: {
    means: 'The receiver refused the request before taking it (429, 408, or 503 with Retry-After).',
    cure: 'It is tried again by itself, not before the time that the receiver asked for.',
  },
  SOAP_HTTP_ERROR: {
    means:
      'The receiver, or a proxy before it, answered a server error without a readable fault: nobody knows whether it took the messages.',
    cure: 'Look at the stored answer; ask the receiver, then resolve the messages.',
  },
  SOAP_HTTP_UNAUTHORIZED: {
    means: 'The receiver, or a proxy before it, refused us by HTTP status (401, 403 or 407).',
    cure: 'Check credentials, client certificate and whether our address is allowed; then resume the destination.',
  },
  SOAP_HTTP_NOT_FOUND: {
    means: 'There is no service at the path of the url (404 or 410).',
    cure: 'Correct the url, then resume the destination.',
  },
  SOAP_HTTP_REDIRECT: {
    means:
      'The receiver answered with a redirect, which is never followed: messages go only to the address that was configured.',
    cure: 'Put the new address into url if it is right, then resume the destination.',
  },
  SOAP_HTTP_REFUSED: {
    means: 'The receiver refused the request by another HTTP status of the 400s without a readable fault.',
    cure: 'Look at the stored answer; correct the dialect or ask the receiver; then resume the destination.',
  },
  SOAP_HTTP_TOO_LARGE: {
    means: 'The receiver, or a proxy before it, finds the request too large (413).',
    cure: 'With batch.mode: auto batches are halved by themselves. Else lower batch.maxMessages or batch.maxBytes, then resume the destination.',
  },
  SOAP_STATUS_STOP: {
    means: 'The receiver answered an HTTP status that by the dialect would come for every message alike.',
    cure: 'Follow the advice in the words; then resume the destination.',
  },
  SOAP_STATUS_RETRY: {
    means: 'The receiver answered an HTTP status that by the dialect means that the messages were not taken for now.',
    cure: 'Nothing to do: it is tried again by itself.',
  },
  SOAP_STATUS_TOO_LARGE: {
    means: 'The receiver answered an HTTP status that by the dialect means that the request is too large.',
    cure: 'With batch.mode: auto batches are halved by themselves. Else lower batch.maxMessages or batch.maxBytes, then resume the destination.',
  },
  SOAP_STATUS_FAIL: {
    means: 'The receiver answered an HTTP status that by the dialect is a final refusal of these messages.',
    cure: 'Look at the stored answer, correct the messages, and send them again.',
  },
  SOAP_STATUS_IN_DOUBT: {
    means: 'The receiver answered an HTTP status that by the dialect does not say whether the messages were taken.',
    cure: 'Ask the receiver, then resolve the messages.',
  },
  SOAP_FAULT_SECURITY: {
    means: 'The receiver answered a SecurityFault: it does not accept user name, password or organisation.',
    cure: "Read the receiver's words; correct the credentials, or have the account opened; then resume the destination.",
  },
  SOAP_FAULT_UNSUPPORTED: {
    means: 'The receiver answered an UnsupportedOperationFault: it does not offer this call at this address.',
    cure: 'Ask the receiver which WSDL it offers; correct dialect or url; then resume the destination.',
  },
  SOAP_FAULT_SENDER: {
    means:
      'The receiver answered a fault with the code Sender (Client in SOAP 1.1) and no kind that the dialect knows.',
    cure: "Read the receiver's words: something about the request as a whole is not to its liking. Correct it or ask, then resume the destination.",
  },
  SOAP_FAULT_RECEIVER: {
    means: 'The receiver answered a fault with the code Receiver (Server in SOAP 1.1): it has trouble of its own.',
    cure: 'Nothing to do: it is tried again by itself. If it lasts, tell the receiver.',
  },
  SOAP_FAULT_UNKNOWN: {
    means: 'The receiver answered a SOAP fault that neither the dialect nor the standards name.',
    cure: "Send the receiver's words to its support; give the fault a line in the dialect; then resume the destination.",
  },
  SOAP_FAULT_STOP: {
    means: 'The receiver answered a SOAP fault that by the dialect would come for every message alike.',
    cure: "Follow the advice beside the receiver's words; then resume the destination.",
  },
  SOAP_FAULT_RETRY: {
    means: 'The receiver answered a SOAP fault that by the dialect says the messages were not taken for now.',
    cure: 'Nothing to do: it is tried again by itself.',
  },
  SOAP_FAULT_TOO_LARGE: {
    means: 'The receiver answered a SOAP fault that says the request is too large.',
    cure: 'With batch.mode: auto batches are halved by themselves. Else lower batch.maxMessages or batch.maxBytes (to one message if need be), then resume the destination.',
  },
  SOAP_FAULT_FAIL: {
    means: 'The receiver answered a SOAP fault that the dialect takes as a final refusal of these messages.',
    cure: "Read the receiver's words, correct the messages, and send them again.",
  },
  SOAP_FAULT_IN_DOUBT: {
    means: 'The receiver answered a SOAP fault that does not say whether the messages were taken.',
    cure: 'Ask the receiver, then resolve the messages.',
  },
  SOAP_CONTRACT_UNREADABLE: {
    means: 'The WSDL cannot be read, is refused (a document type, a host that is not listed), or is none.',
    cure: "Save the receiver's WSDL in the production and name it under wsdl.",
  },
  SOAP_CONTRACT_DIFFERS: {
    means: 'The WSDL and the dialect do not describe the same call.',
    cure: 'Correct the dialect, or extend it with the lines that differ.',
  },
  SOAP_PROBE_FAILED: {
    means: "The dialect's probe did not come back as it was sent.",
    cure: 'Read the detail; the receiver may not offer the probe, or something between rewrites texts.',
  },
  SOAP_TWIN_DIALECT: {
    means: 'The twin cannot play a receiver of this dialect.',
    cure: 'Use a dialect that is whole: one with a ticket needs a status query.',
  },
  SOAP_TWIN_SCENARIO: {
    means: "A twin's scenario has problems; each is told with its place.",
    cure: 'Mend each line that is named; `waybill twin --list-sins` shows all sins with their keys.',
  },
  SOAP_TWIN_SCENARIO_FILE: {
    means: "A twin's scenario cannot be read.",
    cure: 'Check the path, and that the file is in UTF-8.',
  },
  SOAP_TWIN_FILE: {
    means: 'The log or the state of a twin holds a line that no twin wrote.',
    cure: 'Name another file, or remove the line; a twin that begins anew needs an empty or a new file.',
  },
  SOAP_TWIN_SIN: {
    means: 'A sin of the twin is not written as it must be, or the dialect has nothing to do it with.',
    cure: 'Compare it with its line in `waybill twin --list-sins`.',
  },
  SOAP_TWIN_EARLY: {
    means: 'A sin that is committed before the body is read has a condition that only the body can tell, or company.',
    cure: 'Give it a rule of its own, by request, every, probability, bytesOver, between, onceTaken or untilTaken.',
  },
});

export type SoapErrorCode = keyof typeof SOAP_ERRORS;
