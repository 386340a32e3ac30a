import { defineOperation, type OperationFacts } from '../../engine/contracts/operation.ts';
import { checkReceiver } from './check.ts';
import { type Settled, SOAP_SCHEMA, type SoapConfig, settle } from './config.ts';
import { DIALECTS } from './dialect.ts';
import { messageChild } from './dialect-types.ts';
import { SOAP_ERRORS } from './errors.ts';
import { SOAP_OUTCOMES } from './outcomes.ts';
import { send } from './sender.ts';
import { probe } from './status-query.ts';
import { openTransport } from './transport.ts';

function facts({ dialect }: Settled): OperationFacts {
  const { maxMessages: messages, maxBytes: bytes, rules: answers } = dialect.batch;
  const carry = messageChild(dialect.request.children)?.child.carry ?? 'text';
  return {
    carries: { charset: dialect.charset, characters: carry === 'base64' ? 'any' : 'xml10' },
    repeatable: dialect.repeatable,
    answers,
    probes: dialect.status !== undefined,
    largest: { ...(messages === undefined ? {} : { messages }), ...(bytes === undefined ? {} : { bytes }) },
  };
}

export default defineOperation<SoapConfig>({
  name: 'soap',
  summary: 'Sends messages or HL7 batches in one SOAP request',
  description: `
Sends a batch, or one message, as one SOAP request to a receiver whose peculiarities stand in a *dialect*: version of
SOAP, namespace, names and order of the elements, where user name, password and organisation go, how the message is
carried, where the answer stands, and what each fault means.

Success is what the answer's body says, never the HTTP status. What becomes of the messages otherwise:

| what happened | the messages are |
| --- | --- |
| no name, no connection, no TLS, in short: no byte went out | queued, tried again |
| 429, 408, or 503 with Retry-After | queued, tried again, not before that time |
| the connection broke, or a limit passed, after the first byte; an answer cut, too large or not readable; 5xx without a fault (a 502 or 504 says nothing about the receiver behind the proxy) | in doubt |
| a SOAP fault, in whatever status | what the dialect's table of faults says |
| 401, 403, 404, a redirect, another 4xx, a certificate that is not accepted | queued; the destination stops |
| 413, or a fault that means too large | queued; with \`batch.mode: auto\` they go in halves, else the destination stops until batches are smaller |

Redirects are never followed, a request is never sent twice by itself, and HTTP/2 is not used. With \`tls.ca\` only that
CA is trusted. \`check\` tries host, certificate, the contract and the dialect's probe, each by itself. For the contract it
reads the receiver's WSDL (from \`?wsdl\`, or pinned under \`wsdl\`) and names in a line of its own everything in which
the dialect differs: version of SOAP, namespace, action, request element, each child's name, order, namespace and type, and
where the answer stands. Only hosts that the configuration names are asked; a document type is refused.

\`waybill dialect list\` names the dialects that are shipped, \`waybill dialect new\` writes one from a WSDL, and
\`waybill dialect test\` runs its samples.

A receiver with elements for user name, password, organisation and message needs no dialect of its own: \`dialect: generic\`
takes their names from \`generic\`. What else is peculiar (faults, an answer for errors only, a charset) goes into a dialect
that extends \`generic\`.
`.trim(),
  schema: SOAP_SCHEMA,
  examples: [
    {
      title: 'An immunisation registry',
      yaml: `type: soap
dialect: cdc-iis-2011
url: "\${env:REGISTRY_URL}"
credentials:
  username: "\${env:REGISTRY_USER}"
  password: "\${env:REGISTRY_PASSWORD}"
  organisation: "\${env:REGISTRY_FACILITY}"
`,
    },
    {
      title: 'Any WSDL with the four elements, by their names',
      yaml: `type: soap
dialect: generic
generic:
  soap: 1.1
  namespace: http://health.example.org/mailbox/v3
  action: http://health.example.org/mailbox/v3/Put
  element: PutLetter
  username: UserName
  password: PassPhrase
  organisation: SenderId
  message: Hl7Text
  order: [username, password, message, organisation]
  qualified: false
  answer: PutLetterResult/Receipt/Hl7Answer
url: "\${env:REGISTRY_URL}"
credentials:
  username: "\${env:REGISTRY_USER}"
  password: "\${env:REGISTRY_PASSWORD}"
  organisation: "\${env:REGISTRY_FACILITY}"
`,
    },
    {
      title: 'A registry behind a hub, which is named by a parameter of the dialect',
      yaml: `type: soap
dialect: iz-hub-2014
url: "\${env:REGISTRY_URL}"
parameters: { destinationId: dev }
credentials:
  username: "\${env:REGISTRY_USER}"
  password: "\${env:REGISTRY_PASSWORD}"
  organisation: "\${env:REGISTRY_FACILITY}"
`,
    },
    {
      title: 'With a private CA, mutual TLS and a slow receiver',
      yaml: `type: soap
dialect: cdc-iis-2011
url: https://registry.example.org/iis
credentials:
  username: "\${env:REGISTRY_USER}"
  password: "\${env:REGISTRY_PASSWORD}"
  organisation: "\${env:REGISTRY_FACILITY}"
tls: { ca: "\${file:secrets/ca.pem}", certificate: "\${file:secrets/us.pem}", key: "\${file:secrets/us.key}" }
timeouts: { connect: 5s, firstByte: 5m, total: 10m }
wsdl: contracts/registry.wsdl
`,
    },
  ],
  errors: SOAP_ERRORS,
  outcomes: SOAP_OUTCOMES,
  resources: [DIALECTS],
  answerFormat: 'hl7-batch',
  describe: (config, resources) => facts(settle(config, resources)),
  async open(config, context) {
    const settled = settle(config, context.resources);
    const transport = openTransport(settled.url, config.tls ?? {}, settled.limits);
    const sender = { ...settled, transport };
    const wsdl = config.wsdl;
    return {
      ...facts(settled),
      send: (delivery, signal) => send(sender, delivery, signal),
      probe: (about, signal) => probe(sender, about, signal),
      check: (signal) =>
        checkReceiver(
          sender,
          { folder: context.folder, ...(wsdl === undefined ? {} : { wsdl }) },
          config.tls ?? {},
          signal,
        ),
      close: () => transport.close(),
    };
  },
});
