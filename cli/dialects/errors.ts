import { defineErrors } from '../../engine/errors.ts';

export const DIALECT_COMMAND_ERRORS = defineErrors({
  SAMPLES_NOT_FOUND: {
    means: 'The dialect has no samples.',
    cure: 'Write dialects/samples/NAME.yaml beside the dialect; waybill dialect new makes one to begin with.',
  },
  SAMPLE_UNUSABLE: {
    means:
      'A sample cannot be run: it has no answer or two, names a file that cannot be read, or asks for what the dialect lacks.',
    cure: 'Correct the sample at the place that the message names.',
  },
  DIALECT_EXISTS: {
    means: 'A dialect or samples of this name are there already; nothing was written.',
    cure: 'Choose another name, or remove the files first.',
  },
  DIALECT_NAME: {
    means: 'A name cannot be that of a dialect.',
    cure: 'Use lower-case letters, digits and dashes, and begin with a letter or a digit.',
  },
  DIALECT_OPERATION: {
    means: 'The WSDL has no operation of the name given, or several that could take messages.',
    cure: 'Name one of those that the message lists with --operation.',
  },
  DIALECT_WSDL: {
    means: 'The WSDL cannot be read.',
    cure: 'Save the WSDL and the schemas that it imports side by side, and name the file with --wsdl.',
  },
});
