import { CAREFUL, defineOperation, type OperationFacts } from '../../engine/contracts/operation.ts';
import { checkServer } from './check.ts';
import { openConnection } from './client.ts';
import { MONGODB_SCHEMA, type MongoConfig, type Settled, settle } from './config.ts';
import { MONGODB_ERRORS } from './errors.ts';
import { MONGODB_OUTCOMES } from './outcome-table.ts';
import { query } from './query.ts';
import { Words } from './words.ts';
import { write } from './write.ts';

function facts({ repeatable }: Settled): OperationFacts {
  return { carries: { charset: 'utf-8', characters: 'any' }, repeatable, answers: CAREFUL, probes: false };
}

export default defineOperation<MongoConfig>({
  name: 'mongodb',
  summary: 'Writes, deletes or asks for documents in MongoDB',
  description: `
Each message is one document: a JSON object in MongoDB Extended JSON (v2), as a transform with \`to: { json: NAME }\`
makes it. Plain values, \`$oid\`, \`$date\`, \`$numberInt\`, \`$numberLong\`, \`$numberDouble\`, \`$numberDecimal\`,
\`$binary\`, \`$uuid\` and \`$timestamp\` are understood; any other key that begins with \`$\`, holds a dot or is empty
is refused. A document without \`_id\` gets the id of its message, which is the same in every attempt.

| verb | what is done with a message |
| --- | --- |
| \`insertOrUpdate\` without \`filter\` | the document is inserted; where the very same one is there already, byte for byte, that is a repeat and *delivered* |
| \`insertOrUpdate\` with \`filter\` | the document that the filter meets gets the message's fields (\`$set\` of its top fields); where there is none, the message becomes one |
| \`delete\` | the document that the filter meets, or that has the message's \`_id\`, is deleted; with \`deleteMany\` all that the filter meets; none is no fault |
| \`query\` | the documents that the filter meets are the answer, one line of JSON each; \`answersTo\` makes a submission of them |

A filter compares values of the message by \`$eq\`: nothing that comes in data can be an operator. An empty value is
refused, since it would meet documents of others.

A batch goes out in order. What the server refuses (a duplicate, a validation rule) is *rejected* with its words; what
came before it is *delivered*, what comes after it stays *queued* and goes out in the next batch. Otherwise:

| what happened | the messages are |
| --- | --- |
| no server that takes writes, no name, no TLS: nothing went out | queued, tried again |
| user, password, right or certificate is refused; the command is refused | queued; the destination stops |
| the connection broke or the time passed after the command went out; the server stopped in the middle | in doubt |
| written, but the write concern is not confirmed | in doubt |
| a query fails, for whatever reason | queued, tried again |

Sending the same message again is harmless, so \`inDoubt: resend\` is allowed; except for a \`delete\` of one document by a
filter without \`_id\`, where a repeat could take another one. The driver's own retries are off.
`.trim(),
  schema: MONGODB_SCHEMA,
  examples: [
    {
      title: 'Documents, each inserted once',
      yaml: `type: mongodb
url: "\${env:MONGODB_URL}"
database: registry
collection: doses
verb: insertOrUpdate
batch: { maxMessages: 500 }
inDoubt: resend
`,
    },
    {
      title: 'One document for each patient, kept up to date, over TLS',
      yaml: `type: mongodb
url: "\${env:MONGODB_URL}"
database: registry
collection: patients
verb: insertOrUpdate
filter: [patient.mrn]
tls: { ca: "\${file:secrets/mongo-ca.pem}" }
timeouts: { connect: 5s, total: 30s }
`,
    },
    {
      title: 'Ask, and make a submission of the answer',
      yaml: `type: mongodb
url: "\${env:MONGODB_URL}"
database: registry
collection: doses
verb: query
filter: { patient.mrn: mrn }
fields: [vaccine.cvx, givenAt]
sort: { givenAt: desc }
limit: 20
`,
    },
  ],
  errors: MONGODB_ERRORS,
  outcomes: MONGODB_OUTCOMES,
  answerFormat: 'json',
  describe: (config) => facts(settle(config)),
  async open(config) {
    const settled = settle(config);
    const connection = await openConnection(settled);
    const sender = { settled, connection, words: new Words(settled.url) };
    return {
      ...facts(settled),
      send: (delivery, signal) =>
        settled.verb === 'query' ? query(sender, delivery, signal) : write(sender, delivery, signal),
      check: (signal) => checkServer(sender, signal),
      close: () => connection.close(),
    };
  },
});
