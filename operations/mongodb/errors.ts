import { defineErrors } from '../../engine/errors.ts';

/** Codes of the MongoDB operation. */
export const MONGODB_ERRORS = defineErrors({
  MONGODB_URL_INVALID: {
    means: 'The url of a MongoDB destination is no address that the driver understands.',
    cure: 'Write mongodb://user:password@host:27017/?options or mongodb+srv://...; percent-encode special characters of user and password.',
  },
  MONGODB_SETTINGS: {
    means: 'The settings of a MongoDB destination contradict each other, or name a path that cannot be one.',
    cure: 'Correct the setting that the message names.',
  },
  MONGODB_TLS_MATERIAL: {
    means:
      'The CA, certificate or key of a destination cannot be read as PEM, or certificate and key do not belong together.',
    cure: 'Check the files under tls: PEM texts, an unencrypted key, and the certificate that was issued for it.',
  },
  MONGODB_NAME_NOT_FOUND: {
    means: 'The host name of the server cannot be resolved; nothing was sent.',
    cure: 'Check the url and the DNS of this machine; it is tried again by itself.',
  },
  MONGODB_CONNECT_FAILED: {
    means: 'No server that takes writes could be reached; nothing was sent.',
    cure: 'Check address, port, firewall and whether the server is up and has a primary; it is tried again by itself.',
  },
  MONGODB_CONNECT_TIMEOUT: {
    means: 'No connection came about within timeouts.connect; nothing was sent.',
    cure: 'Check the firewall and whether the server is up; it is tried again by itself.',
  },
  MONGODB_TLS_FAILED: {
    means: 'The TLS handshake failed for another reason than a certificate; nothing was sent.',
    cure: 'Check that the server speaks TLS 1.2 or later on this port; it is tried again by itself.',
  },
  MONGODB_SERVER_CERTIFICATE: {
    means: "The server's certificate is not trusted, has expired, or names another host; nothing was sent.",
    cure: 'Put the CA of the server under tls.ca, or have its certificate renewed; then resume the destination.',
  },
  MONGODB_CLIENT_CERTIFICATE: {
    means: 'The server refused our certificate, or wants one and got none; nothing was taken.',
    cure: 'Check tls.certificate and tls.key and whether the server knows this certificate; then resume the destination.',
  },
  MONGODB_AUTHENTICATION: {
    means: 'The server refused user name and password, or the way they are checked; nothing was sent.',
    cure: 'Check user, password and authSource of the url; then resume the destination.',
  },
  MONGODB_NOT_ALLOWED: {
    means: 'The user lacks the right for this command on this collection.',
    cure: 'Give the user find, insert and update (or remove) on the collection, as readWrite has them; then resume the destination.',
  },
  MONGODB_SERVER_UNSUPPORTED: {
    means: 'The driver and the server do not understand each other: the server is too old, or lacks a mechanism.',
    cure: 'Use MongoDB 4.2 or later, or remove the option from the url; then resume the destination.',
  },
  MONGODB_NOT_PRIMARY: {
    means: 'The server does not take writes now, as while another one is elected; it refused before it wrote anything.',
    cure: 'It is tried again by itself.',
  },
  MONGODB_BUSY: {
    means: 'The server put the command or the document off: overload, a lock, a conflict with another write.',
    cure: 'It is tried again by itself.',
  },
  MONGODB_REFUSED: {
    means: 'The server refused the whole command, so every message would fail alike.',
    cure: 'Read its words: often a view in place of a collection, or a name that it does not allow; then resume the destination.',
  },
  MONGODB_CONNECTION_LOST: {
    means: 'The connection broke after the command had begun to go out: nobody knows whether the server took it.',
    cure: 'Repeating is harmless: resolve with --resend, or set inDoubt: resend. For a delete of one of several, look first.',
  },
  MONGODB_TIMEOUT: {
    means: 'The answer did not come within timeouts.total: nobody knows whether the server took the command.',
    cure: 'Repeating is harmless: resolve with --resend, or set inDoubt: resend. Raise timeouts.total if the server is slow.',
  },
  MONGODB_INTERRUPTED: {
    means: 'The server broke the command off in the middle, as when it steps down or stops: some of it may be done.',
    cure: 'Repeating is harmless: resolve with --resend, or set inDoubt: resend. For a delete of one of several, look first.',
  },
  MONGODB_WRITE_CONCERN: {
    means: 'The server wrote the documents but could not confirm that they are as safe as writeConcern asks.',
    cure: 'Look at the replica set; then resolve with --resend: the repeat is harmless and waits for the confirmation.',
  },
  MONGODB_NOT_CONFIRMED: {
    means:
      'A document with the same key is there, perhaps from an earlier attempt, and the server could not confirm that it is safe.',
    cure: 'Nothing to do: it is tried again by itself, and looked at again then.',
  },
  MONGODB_ABORTED: {
    means: 'The command was broken off by us before anything was sent, as when the engine stops.',
    cure: 'Nothing to do: it is tried again by itself.',
  },
  MONGODB_BROKEN_OFF: {
    means: 'The command was broken off by us after it had begun to go out.',
    cure: 'Repeating is harmless: resolve with --resend, or set inDoubt: resend. For a delete of one of several, look first.',
  },
  MONGODB_READ_BROKEN: {
    means:
      'A query, or a look at what is there, got no answer: the connection broke, the time passed, or we broke it off.',
    cure: 'Nothing to do: reading changes nothing, so it is tried again by itself.',
  },
  MONGODB_ANSWER_UNKNOWN: {
    means: 'The answer of the server has not the shape that the protocol gives it.',
    cure: 'Check what stands at the address: a proxy, or a server that only looks like MongoDB.',
  },
  MONGODB_NOT_A_DOCUMENT: {
    means: 'The message is no JSON object, so it cannot become a document; nothing of it was sent.',
    cure: 'Give the entry a transform with to: { json: NAME }; for a file as it came, one that puts its bytes into a field.',
  },
  MONGODB_KEY_REFUSED: {
    means:
      'The document has a key that begins with $, holds a dot or is empty, so a server could take it for an operator or a path.',
    cure: 'Rename the key in the transform, or at its source.',
  },
  MONGODB_VALUE_REFUSED: {
    means: 'The document has a value that BSON cannot hold as it is written.',
    cure: 'Correct the value that the path names: a date as ISO 8601, a large whole number as text, text without half characters.',
  },
  MONGODB_TOO_DEEP: {
    means: 'The document is nested deeper than the 100 levels that MongoDB takes.',
    cure: 'Flatten it in the transform.',
  },
  MONGODB_DOCUMENT_TOO_LARGE: {
    means: 'The document is larger than the 16 MB that MongoDB takes.',
    cure: 'Keep files under 15 MB, or store them elsewhere and put a reference into the document.',
  },
  MONGODB_ID_EMPTY: {
    means: 'The _id of the document is empty, or of a kind that cannot identify one.',
    cure: 'Let the transform set _id from a column that is never empty, or leave it out: the message has an id of its own.',
  },
  MONGODB_FILTER_VALUE: {
    means:
      'The document has no single, non-empty value at a path that the filter needs; without it other documents would be hit.',
    cure: 'Let the record map require the column, or correct the path under filter.',
  },
  MONGODB_ALREADY_THERE: {
    means: 'The very document was there already from an earlier attempt, so this message is delivered.',
    cure: 'Nothing to do.',
  },
  MONGODB_ID_TAKEN: {
    means: 'A document with this _id is there that is not the same as this one; it was left as it is.',
    cure: 'Look at both. Choose an _id that is unique, or give the destination a filter so that it updates.',
  },
  MONGODB_DUPLICATE: {
    means: 'A unique index of the collection forbids the document, since another one has the same value.',
    cure: 'Find out which of the two is right. A filter over the fields of the index makes the destination update in place of insert.',
  },
  MONGODB_VALIDATION: {
    means: "The document breaks the collection's validation rules.",
    cure: 'Compare the transform with the rules; the words name the fields.',
  },
  MONGODB_DOCUMENT_REFUSED: {
    means: 'The server refused this one document.',
    cure: 'Read its words, correct the transform or the row, and send it again.',
  },
  MONGODB_BEHIND: {
    means: 'A message before this one in the batch was not taken, so this one was not sent.',
    cure: 'Nothing to do: it goes out in the next batch.',
  },
  MONGODB_ANSWER_TOO_LARGE: {
    means: 'The answer to the query is larger than maxAnswerBytes.',
    cure: 'Narrow filter or fields, lower limit, or raise maxAnswerBytes.',
  },
});

export type MongoCode = keyof typeof MONGODB_ERRORS;
