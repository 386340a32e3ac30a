import { defineErrors } from '../../engine/errors.ts';

export const TEST_ERRORS = defineErrors({
  TESTS_NOT_FOUND: {
    means: 'The production has no tests, or none that --only chooses.',
    cure: 'Add tests/NAME.yaml, or correct the pattern: it is held against the names of tests files and of cases.',
  },
  TEST_ROUTE_UNKNOWN: {
    means: 'A tests file names a route that the production does not have.',
    cure: 'Correct the name: it is one of those under routes: in production.yaml.',
  },
  TEST_INPUT: {
    means: 'A case has no input, or more than one.',
    cure: 'Give each case one of rows, file, messages or input.',
  },
  TEST_FILE_NOT_READABLE: {
    means: 'A case names a file that cannot be read.',
    cure: 'Correct the path; it begins in the folder tests.',
  },
  TEST_TIME: {
    means: 'The time in acceptedAt is none.',
    cure: 'Write it like 2024-05-01T08:30:00Z, with Z or an offset such as -07:00.',
  },
  TEST_ENTRY_UNKNOWN: {
    means: 'A case expects something of an entry that its route does not have.',
    cure: 'Write the name of an entry or of a destination of the route, or invalid, filtered, refused or quarantined.',
  },
  TEST_NOT_FED: {
    means: 'No service and no answer feeds the route, so nothing says how the input is to be read.',
    cure: 'Add format: to the tests file, such as { type: csv, recordMap: doses }.',
  },
  TEST_FORMAT_UNCLEAR: {
    means: 'The route is fed with several formats, and nothing says which one the case means.',
    cure: 'Add format: to the case, or fileName: with a name that one of the rules matches.',
  },
  TEST_RUN_FAILED: {
    means: 'The route of a case cannot be run at all, for a reason that is none of its rows.',
    cure: 'Mend what the message names; waybill check shows it too where it is in the configuration.',
  },
});

export type TestErrorCode = keyof typeof TEST_ERRORS;
