import { defineErrors } from '../errors.ts';

/** Codes of everything that can be wrong with a production before it runs. */
export const CONFIG_ERRORS = defineErrors({
  PRODUCTION_NOT_FOUND: {
    means: 'The folder has no production.yaml that can be read.',
    cure: 'Name the folder that holds production.yaml, and let the account that runs Waybill read it.',
  },
  FILE_NOT_READABLE: {
    means: 'A file of the production cannot be read.',
    cure: 'Check that the file exists and that the account that runs Waybill may read it.',
  },
  FILE_TOO_LARGE: {
    means: 'A file of the production is larger than configuration ever is.',
    cure: 'Move data out of it: large code tables belong into tables/ as CSV.',
  },
  FILE_NAME: {
    means: 'A file of the production has a name or an extension that is not understood.',
    cure: 'Rename it: letters, digits, dash, dot and underscore, and the extension that its folder expects.',
  },
  NAME_MISMATCH: {
    means: 'The name inside a file is not the name of the file.',
    cure: 'Make the two equal: what is named by a file is found by the name of the file.',
  },
  NAME_FORM: {
    means: 'A name has a form that cannot be used everywhere it is needed.',
    cure: 'Use lower-case letters, digits and dashes, with a letter first, at most 60 characters.',
  },
  YAML_SYNTAX: {
    means: 'The text is not YAML.',
    cure: 'Mend the line named; indentation, a missing colon or quote are the usual reasons.',
  },
  YAML_NOT_PLAIN: {
    means: 'The file uses a part of YAML that configuration does not: tags, several documents, keys that are not text.',
    cure: 'Write plain maps, lists and texts; what is not plain text goes into quotes.',
  },
  YAML_TOO_LARGE: {
    means: 'The YAML is nested too deeply, or its aliases make it enormous.',
    cure: 'Write it flatter and without aliases of aliases.',
  },
  DUPLICATE_KEY: {
    means: 'The same key stands twice in one map.',
    cure: 'Remove one of the two.',
  },
  COMMA_NEEDS_QUOTES: {
    means:
      'A function with a comma stands without quotes inside braces or brackets, where YAML ends the text at the comma.',
    cure: 'Put the function into double quotes.',
  },
  UNKNOWN_KEY: {
    means: 'A key is not known here.',
    cure: 'Correct its spelling or remove it.',
  },
  MISSING_KEY: {
    means: 'A key that is needed is missing.',
    cure: 'Add the key.',
  },
  WRONG_SHAPE: {
    means: 'A map, a list or a text stands where another of the three is expected.',
    cure: 'Write it in the shape that is expected.',
  },
  NOT_ALLOWED: {
    means: 'The word is not one of those allowed here.',
    cure: 'Use one of the words named.',
  },
  BAD_NUMBER: {
    means: 'The text is not a number of the kind that is expected, or lies outside of its limits.',
    cure: 'Write a number within the limits, in digits, without unit or separators.',
  },
  BAD_BOOLEAN: {
    means: 'The text is neither true nor false.',
    cure: 'Write true or false; yes, no, on and off are plain texts here.',
  },
  BAD_DURATION: {
    means: 'The text is not a duration.',
    cure: 'Write a whole number and a unit: 500ms, 5s, 10m, 2h or 30d.',
  },
  BAD_SIZE: {
    means: 'The text is not a size.',
    cure: 'Write a whole number and a unit: 500B, 64KB, 4MB or 1GB.',
  },
  BAD_TIME_ZONE: {
    means: 'The text does not name a time zone.',
    cure: 'Write a name of the IANA list, such as America/Denver, or UTC.',
  },
  BAD_TEXT: {
    means: 'The text does not have the form or the length that is expected.',
    cure: 'Write it in the form that is expected.',
  },
  BAD_LIST: {
    means: 'The list has too few or too many lines, or one of them twice.',
    cure: 'Write as many lines as expected, each once.',
  },
  SECRET_IN_FILE: {
    means: 'A secret stands in the file itself.',
    cure: `Take it out: name an environment variable with \${env:NAME} or a file with \${file:path}, and change the secret.`,
  },
  ENV_NOT_SET: {
    means: 'An environment variable that production.yaml names is not set, or is empty.',
    cure: 'Set the variable for the process that runs Waybill.',
  },
  FILE_NOT_SUBSTITUTED: {
    means: `A file that production.yaml names with \${file:...} cannot be read, or is too large for a value.`,
    cure: 'Check the path, which begins in the folder of the production, and the right to read the file.',
  },
  SUBSTITUTION_FORM: {
    means: `A text has \${...} in a form that is not known.`,
    cure: `Write \${env:NAME} or \${file:path}.`,
  },
  SUBSTITUTION_PLACE: {
    means: `\${env:...} or \${file:...} stands in another file than production.yaml.`,
    cure: 'Put it under values: in production.yaml and use values.NAME here, so that submissions are pinned to what it was.',
  },
  UNKNOWN_ADAPTER: {
    means: 'No adapter has this name.',
    cure: 'Correct the type, or add the adapter to a folder that is given with --adapters.',
  },
  UNKNOWN_ROUTE: {
    means: 'A service names a route that does not exist.',
    cure: 'Correct the name, or add the route under routes:.',
  },
  UNKNOWN_TRANSFORM: {
    means: 'An entry names a transform that does not exist.',
    cure: 'Correct the name, or add the file to transforms/.',
  },
  AMBIGUOUS_TRANSFORM: {
    means: 'Two files in transforms/ have the same name in different languages.',
    cure: 'Rename one of them.',
  },
  UNKNOWN_DESTINATION: {
    means: 'An entry names a destination that does not exist.',
    cure: 'Correct the name, or add the destination under destinations:.',
  },
  UNKNOWN_SERVICE: {
    means: 'A rule for alerts names a service that does not exist.',
    cure: 'Correct the name, or add the service under services:.',
  },
  UNKNOWN_CHANNEL: {
    means: 'A rule for alerts names a channel that does not exist.',
    cure: 'Correct the name, or add the channel under alerts.channels:.',
  },
  ALERT_RULE_TWICE: {
    means: 'Two rules for alerts have the same name.',
    cure: 'Give each a name of its own: what was told is remembered by it.',
  },
  ALERT_CONDITION: {
    means: 'A rule for alerts has no condition, or several.',
    cure: 'Write one condition under when, and a rule of its own for each further one.',
  },
  ALERT_MAIL_SERVER: {
    means: 'An e-mail channel names no mail server, or names it twice.',
    cure: 'Give url, or host with port and credentials.',
  },
  ALERT_NOT_ENCRYPTED: {
    means: 'A channel for alerts sends to another machine in the clear.',
    cure: 'Use https, or tls: starttls or implicit; a password never goes out in the clear.',
  },
  KEEP_LEDGER_SHORTER: {
    means: 'Rows of the ledger would be kept shorter than the bodies that they are about.',
    cure: 'Make ledger at least as long as bodies: rows that nothing leads to could be neither shown nor sent again.',
  },
  DUPLICATE_ENTRY: {
    means: 'Two entries of a route have the same name.',
    cure: 'Give one of them a name of its own with name:.',
  },
  RECORD_MAP_MISMATCH: {
    means: 'A transform is written for another record map than the one that feeds its route.',
    cure: 'Use a transform for this record map, or send the input to another route.',
  },
  FORMAT_MISMATCH: {
    means: 'A transform is written for rows, HL7, JSON or whole files, and its route is fed with something else.',
    cure: 'Use a transform whose from fits the format, or send the input to another route.',
  },
  NOT_USABLE: {
    means: 'An adapter cannot work with its configuration.',
    cure: 'Mend what the sentence names.',
  },
  CANNOT_READ: {
    means: 'The format cannot read items, so no service can use it.',
    cure: 'Use a format that reads, such as csv.',
  },
  CANNOT_WRITE: {
    means: 'The format cannot put messages together, so no batch can use it.',
    cure: 'Use a format that writes, such as hl7-batch, or leave batch.format out.',
  },
  RESEND_NOT_SAFE: {
    means: 'inDoubt is resend, but the receiver does not promise that the same message twice is harmless.',
    cure: 'Use inDoubt: hold, or a dialect whose receiver says that repeating is harmless.',
  },
  PROBE_NOT_POSSIBLE: {
    means:
      'inDoubt is probe, but the operation, or the dialect of the receiver, has no way to ask what became of a message.',
    cure: 'Use inDoubt: hold, or give the dialect a status query.',
  },
  UNKNOWN_SEARCH_PATH: {
    means: 'A route lets items be looked up by a column or path that nothing which feeds it has.',
    cure: 'Name a column of the record map, or a path of the message such as PID-3.1.',
  },
  UNKNOWN_KEY_PATH: {
    means: 'order.key names nothing that the items of a route have which feeds the destination.',
    cure: 'Name a column of the record map, or a path of the item; a list may name one for each route.',
  },
  OUTCOME_OVERRIDE: {
    means:
      'A line of the outcome table cannot be taken otherwise in this way: it would lose a message, or say what is not so.',
    cure: 'Correct the code or what is to be done, as the message says; waybill outcomes shows the table.',
  },
  ANSWERS_LOOP: {
    means: 'Answers of a destination go to a route that sends to the same destination again, without an end.',
    cure: 'Let answersTo name a route that leads to other destinations.',
  },
  ANSWERS_NOWHERE: {
    means: 'answerFormat says how answers are read, but they go nowhere.',
    cure: 'Add answersTo with the name of a route, or take answerFormat out.',
  },
  TRANSFORM_MISSING: {
    means: 'An entry without a transform sends items as they came, but rows have no bytes of their own to send.',
    cure: 'Name a transform that makes a message of a row.',
  },
  PATH_TAKEN: {
    means: 'Two services take requests at the same path of the listener.',
    cure: 'Give each a path of its own.',
  },
  LISTEN_MISSING: {
    means: 'A service takes requests over HTTP, but the production has no listener.',
    cure: 'Add listen with a port, and tls, behindProxy or a loopback host.',
  },
  LISTEN_OPEN: {
    means: 'The listener would take patients over the network without encryption.',
    cure: 'Add listen.tls, or behindProxy: true if a proxy in front does TLS, or listen on 127.0.0.1.',
  },
  API_OPEN: {
    means: 'The API would take keys of operators over the network without encryption.',
    cure: 'Add api.tls, or behindProxy: true if a proxy in front does TLS, or use 127.0.0.1.',
  },
  MONITOR_OPEN: {
    means: 'Health and metrics are open to other machines.',
    cure: 'Use host: 127.0.0.1 unless a firewall or a cluster network stands around it.',
  },
  PATHS_OVERLAP: {
    means: 'Two services use folders of which one lies inside the other, or the same folder.',
    cure: 'Give each service a folder of its own.',
  },
  FOLDER_NAME: {
    means: 'No adapter in use reads a folder whose name is nearly that of one that is read.',
    cure: 'Rename the folder.',
  },
  TABLE_TWICE: {
    means: 'A table is defined twice.',
    cure: 'Remove one of the two files, or the line under tables:.',
  },
  TABLE_KEY_TWICE: {
    means: 'Two rows of a table have the same key; the first counts.',
    cure: 'Remove one of the two rows, or make the keys differ.',
  },
  UNUSED: {
    means: 'Something is defined and nothing uses it.',
    cure: 'Use it or remove it.',
  },
});

export type ConfigErrorCode = keyof typeof CONFIG_ERRORS;
