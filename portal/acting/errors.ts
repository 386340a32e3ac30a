import { defineErrors } from '../../engine/errors.ts';

/** What the API for operators says to them. */
export const API_ERRORS = defineErrors({
  API_EXPOSED: {
    means: 'Other machines could reach the API, and nothing would encrypt what operators send.',
    cure: 'Give api.tls, or behindProxy: true where a proxy does TLS, or a loopback host.',
  },
  API_BODY: {
    means: 'The body or the query of a request to the API is not as the description says.',
    cure: 'Look at /api/openapi.json for the keys that the request takes; a key that is not there is refused.',
  },
  API_JSON: {
    means: 'The body of a request to the API is not JSON, or does not say so.',
    cure: 'Send the header Content-Type: application/json with the body.',
  },
  API_FIELD: {
    means: 'A value of a searchable field stood in an address, where proxies and logs would keep it.',
    cure: 'Send the filter in a body: POST /api/v1/acts without confirm shows what fits.',
  },
  API_CURSOR: {
    means: 'The place at which a list was to go on is none that the API gave.',
    cure: 'Use the value of next as it came, with the same filter.',
  },
  OPERATOR_NAME: {
    means: 'An operator cannot have this name.',
    cure: 'Use lower-case letters, digits and dashes, a letter first, at most 60.',
  },
  OPERATOR_EXISTS: {
    means: 'There is an operator of this name already.',
    cure: 'Make a new key with waybill operator rotate, or choose another name.',
  },
  OPERATOR_UNKNOWN: {
    means: 'The production has no operator of this name.',
    cure: 'Look at the names with waybill operator list.',
  },
  OPERATOR_FILE_BROKEN: {
    means: 'The file of an operator cannot be used, so nobody gets in by it.',
    cure: 'Make a new key with waybill operator rotate, or remove the operator and add it again.',
  },
  OPERATOR_FILE_OPEN: {
    means: 'Other users of the machine may change the file of an operator, and so let anybody in.',
    cure: 'chmod 600 on the file, and let the user of the engine own it.',
  },
  NO_OPERATOR: {
    means: 'The production serves the API, and nobody can get in.',
    cure: 'waybill operator add NAME makes an operator and prints its key once.',
  },
});

export type ApiCode = keyof typeof API_ERRORS;
