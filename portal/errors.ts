import { defineErrors } from '../engine/errors.ts';

/** What the listener for partners says to them and to the operator. */
export const PORTAL_ERRORS = defineErrors({
  LISTENER_EXPOSED: {
    means: 'Other machines could reach the listener, and nothing would encrypt what partners send.',
    cure: 'Give listen.tls, or behindProxy: true where a proxy does TLS, or a loopback host.',
  },
  LISTENER_TLS: {
    means: "The listener's certificate or key cannot be used, or they do not belong together.",
    cure: 'Look at the files that listen.tls names: both in PEM, the certificate with its chain first.',
  },
  LISTENER_STARTED: {
    means: 'A service added its routes after the listener had opened.',
    cure: 'Add routes while the service starts.',
  },
  ROUTE_TAKEN: {
    means: 'Two services, or a service and the portal, want the same path and method.',
    cure: 'Give one of them another path.',
  },
  PATH_UNKNOWN: { means: 'Nothing is served at this path.', cure: 'Look at /openapi.json for what is.' },
  METHOD_NOT_ALLOWED: {
    means: 'The path is there, but not with this method.',
    cure: 'Use one of the methods in the answer’s Allow header.',
  },
  REQUEST_NOT_VALID: {
    means: 'The request is not HTTP as it should be: its line, a header, its path or its framing.',
    cure: 'Look at the status of the answer and at how the request is made.',
  },
  REQUEST_FAILED: {
    means: 'Something failed on our side; the log has an event requestFailed with the reason.',
    cure: 'Try again later with the same Idempotency-Key; tell the operator if it stays.',
  },
  NOT_NOW: {
    means: 'The engine cannot take anything in at the moment; nothing of the request was kept.',
    cure: 'Try again after the time in Retry-After, with the same Idempotency-Key.',
  },
  CREDENTIAL_REFUSED: {
    means: 'The request has no credential, or one that does not open this door.',
    cure: 'Send the key as `Authorization: Bearer KEY` or `X-Api-Key: KEY`, or name and password by Basic; one of them.',
  },
  TOO_MANY_FAILURES: {
    means: 'Too many wrong credentials came from this address or for this partner.',
    cure: 'Correct the credential and wait as long as Retry-After says.',
  },
  SERVICE_NOT_ALLOWED: {
    means: 'The partner is known, and may not use this service.',
    cure: 'Ask the operator to add the service to the file of the partner, under services.',
  },
  RECEIPT_UNKNOWN: {
    means: 'There is no receipt of this id for this partner, or no such part in it.',
    cure: 'Use the id that the upload was answered with, and the submission that the receipt names.',
  },
  REJECTED_NOT_READY: {
    means: 'The rows of the part are still being read, so the rejected ones are not all known.',
    cure: 'Ask the receipt until the state of the part is routed.',
  },
  PART_PURGED: {
    means: 'The rejected rows of the part were kept as long as was agreed, and are purged.',
    cure: 'The receipt still says how many there were; ask the operator how long rows are kept.',
  },
  PARTNER_NAME: {
    means: 'A partner cannot have this name.',
    cure: 'Use lower-case letters, digits and dashes, a letter first, at most 60.',
  },
  PARTNER_EXISTS: {
    means: 'There is a partner of this name already.',
    cure: 'Make a new credential for it with waybill partner rotate, or choose another name.',
  },
  PARTNER_UNKNOWN: {
    means: 'The production has no partner of this name.',
    cure: 'Look at the names with waybill partner list.',
  },
  PARTNER_FILE_NAME: {
    means: 'A file of a partner is named after another one, so nobody gets in by it.',
    cure: 'Name the file after its key partner: partners/NAME.yaml.',
  },
  PARTNER_HASH: {
    means: 'The hash of a credential is not one that Waybill writes, so nobody gets in by it.',
    cure: 'Make a new credential with waybill partner rotate; a password in plain text is never read.',
  },
  PARTNER_CREDENTIAL_ID: {
    means: 'The id of a credential is not that of its partner, or stands twice, so nobody gets in by it.',
    cure: 'Make a new credential with waybill partner rotate.',
  },
  PARTNER_SERVICE_UNKNOWN: {
    means: 'A partner is limited to a service that the production does not have.',
    cure: 'Correct the name under services in the file of the partner.',
  },
  PARTNER_FILE_OPEN: {
    means: 'Other users of the machine may change the file of a partner, and so let anybody in.',
    cure: 'chmod 600 on the file, and let the user of the engine own it.',
  },
  PARTNER_FILE_BROKEN: {
    means: 'The file of a partner cannot be used, so nobody gets in by it.',
    cure: 'waybill check says what is wrong with it.',
  },
  NO_PARTNER: {
    means: 'The production listens, and nobody can get in.',
    cure: 'waybill partner add NAME makes a partner and prints its key once.',
  },
  NOT_A_PRODUCTION: {
    means: 'The folder has no production.yaml.',
    cure: 'Name the folder of the production.',
  },
});

export type PortalCode = keyof typeof PORTAL_ERRORS;
