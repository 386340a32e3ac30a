import { defineErrors } from '../../engine/errors.ts';

/** Codes of what the dictionary finds in a message. Each stands beside the path at fault. */
export const HL7_VALIDATION_ERRORS = defineErrors({
  HL7_VERSION_UNKNOWN: {
    means: 'MSH-12 names no version that the dictionary has, so the message cannot be checked.',
    cure: 'Have the sender write its version in MSH-12, or set `validation.version` in the format.',
  },
  HL7_SEGMENT_UNKNOWN: {
    means: 'A segment is not one of this version of HL7, and its name does not begin with Z.',
    cure: 'Mend the name; give segments of your own names with Z; or check by the version that the sender means.',
  },
  HL7_FIELD_UNKNOWN: {
    means: 'A segment has a value in a field that this version of HL7 does not have.',
    cure: 'Look for a separator too many, or check by the version that the sender means.',
  },
  HL7_FIELD_WITHDRAWN: {
    means: 'A field or component has a value, and this version of HL7 has withdrawn it.',
    cure: 'Have the sender use what came in its stead, or check by an older version.',
  },
  HL7_VALUE_MISSING: {
    means: 'A field or component that HL7 requires is empty.',
    cure: 'Have the sender fill it.',
  },
  HL7_VALUE_NOT_IN_TABLE: {
    means: 'A coded value is not in its HL7 table. User-defined tables are not checked.',
    cure: 'Mend the code, or set `validation: { tables: false }` where both sides agreed on others.',
  },
  HL7_VALUE_MALFORMED: {
    means: 'A value is not written as its data type wants: a number, a date, a time.',
    cure: 'Mend the value at its source, or set `validation: { types: false }`.',
  },
  HL7_VALUE_TOO_LONG: {
    means: 'A value has more characters than HL7 allows there.',
    cure: 'Shorten the value, or set `validation: { lengths: false }`.',
  },
  HL7_TOO_MANY_COMPONENTS: {
    means: 'A field has more components, or a component more subcomponents, than its data type.',
    cure: 'Look for a separator inside a value that should be escaped.',
  },
});
