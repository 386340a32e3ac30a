import { defineErrors } from '../../engine/errors.ts';
import { TEXT_ERRORS } from '../text/errors.ts';

/** Codes of the format json. */
export const JSON_ERRORS = defineErrors({
  JSON_EMPTY: {
    means: 'The input has nothing in it but white space.',
    cure: 'Ask the sender for it again; a good answer without objects is `[]`.',
  },
  JSON_BROKEN: {
    means: 'The input is not JSON: a bracket, a comma or a quote is missing, or something stands where nothing can.',
    cure: 'Ask the sender for strict JSON (RFC 8259): an array of objects, one object, or one object a line.',
  },
  JSON_NOT_OBJECT: {
    means: 'Something other than an object stands where an item should be.',
    cure: 'Have the sender write objects: `[{...}, {...}]`, or one object a line.',
  },
  JSON_TOO_DEEP: {
    means: 'Objects and lists lie in each other deeper than `maxDepth`.',
    cure: 'Look whether the input is damaged; if such depth is right, raise `maxDepth`.',
  },
  JSON_TOO_LARGE: {
    means: 'One object is larger than `maxItemBytes`.',
    cure: 'Look whether a bracket is missing; if such objects are right, raise `maxItemBytes`.',
  },
  JSON_PATH_INVALID: {
    means: 'A path into an object is not written as one.',
    cure: 'Write names with points between them and positions in lists from 1 in round brackets: patient.name.family, codes(1).system.',
  },
  UNDECODABLE: TEXT_ERRORS.UNDECODABLE,
  NUL_BYTE: TEXT_ERRORS.NUL_BYTE,
});
