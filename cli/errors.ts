import { defineErrors } from '../engine/errors.ts';

export const CLI_ERRORS = defineErrors({
  CONFIGURATION: {
    means: 'The production has problems; each was printed with its place.',
    cure: 'Mend each, then look with waybill check.',
  },
  SERVICE_UNKNOWN: {
    means: 'The production has no service of this name.',
    cure: 'Name one of the services that the message lists.',
  },
  NO_RULE: {
    means: 'The service has no rule for a file of this name.',
    cure: 'Name the file so that a pattern of the service matches it; waybill submit takes another name with --name.',
  },
  INPUT_NOT_READABLE: {
    means: 'A file on the command line cannot be read.',
    cure: 'Look at its path and its permissions.',
  },
  LINE_UNKNOWN: {
    means: 'The submission has no item at this line.',
    cure: 'Line 1 is the first line of the file, most often the header; waybill trace SUBMISSION says how many items there are.',
  },
  OUTCOME_UNKNOWN: {
    means: 'The outcome table has no line with this code.',
    cure: 'waybill outcomes without a code lists them all; what went wrong before anything was to be sent is in docs/reference/errors.md.',
  },
  FIELD_NOT_FOUND: {
    means: 'No item has the value that was looked up.',
    cure: 'Let the column be searchable: true in its record map, or name its path under search: of the route; what came before is not found.',
  },
  BATCH_UNKNOWN: {
    means: 'The ledger has no batch of this id.',
    cure: 'Look at the ids with waybill status.',
  },
  BATCH_NOT_IN_DOUBT: {
    means: 'A decision was given about a batch of which nothing is in doubt.',
    cure: 'Look with waybill status what is in doubt; a message that is settled is not decided again.',
  },
  ENGINE_SILENT: {
    means: 'The engine broke the connection before it answered, so it may have done what was asked or not.',
    cure: 'Look with waybill status and waybill submissions, then repeat the command if need be.',
  },
  TRANSFORM_NOT_FED: {
    means: 'No service feeds a route with this transform, so nothing says how the file is to be read.',
    cure: 'Name the record map with --record-map.',
  },
  NEW_NAME: {
    means: 'The name given to `waybill new` cannot be the name of an adapter.',
    cure: 'Use lower-case letters, digits and dashes, with a letter first, at most 40.',
  },
  NEW_EXISTS: {
    means: 'There is an adapter of this name, or one of the files that `waybill new` would write; nothing was written.',
    cure: 'Choose another name, or move the file away.',
  },
  PURGED: {
    means: 'What was asked for was past its retention and is purged.',
    cure: 'Nothing brings it back but a backup; keep: in production.yaml says how long things are kept.',
  },
  LEDGER_PART_MISSING: {
    means: 'Something that a submission refers to is no longer kept: its body or its snapshot.',
    cure: 'Restore the data folder if it should be there; waybill verify lists what is missing.',
  },
});
