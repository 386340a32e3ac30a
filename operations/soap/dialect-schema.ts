/** The language of a dialect's file, as its schema; the destination's `generic` speaks a part of it. */
import { Keys, type TSchema, Type, Words } from '../../engine/schema.ts';

// Names and addresses go into markup and headers: what could become either cannot be written here.
const NAME = '[A-Za-z_][A-Za-z0-9_.-]*';

/** Local name of an element: ASCII, without a prefix. */
export function elementName(description: string): TSchema {
  return Type.String({ pattern: `^${NAME}$`, description });
}

/** Version of the envelope. */
export function soapVersion(): TSchema {
  return Words(['1.1', '1.2'], { description: 'Version of the envelope.' });
}

/** A SOAP action: printable ASCII without blanks, quotes and backslashes. */
export function soapAction(): TSchema {
  return Type.String({ pattern: '^[\\x21\\x23-\\x5b\\x5d-\\x7e]*$', description: 'The SOAP action.' });
}

/** A target namespace: printable ASCII without blanks. */
export function namespaceName(): TSchema {
  return Type.String({
    pattern: '^[\\x21-\\x7e]+$',
    description: 'Namespace of the request element and its children.',
  });
}

/** Whether children stand in the namespace of their request. */
export function qualified(): TSchema {
  return Type.Boolean({
    description:
      'false: the children stand in no namespace, as a WSDL means by elementFormDefault unqualified, or by none; true unless said otherwise.',
  });
}

/** How the message stands in its element. */
export function carry(): TSchema {
  return Words(['text', 'cdata', 'base64'], {
    description:
      'How the message stands in its element: text unless said otherwise; cdata, only for receivers that ask for it (line ends stand between its sections, which not every receiver puts together again); base64.',
  });
}

/** Where the answer stands. */
export function answerPath(): TSchema {
  return Type.String({
    pattern: `^${NAME}(/${NAME})*$`,
    description: 'Local names from outside to inside, separated by /; the text of the last one is the answer.',
  });
}

const CHILD = Keys({
  element: elementName('Local name of the element, in the namespace of the request.'),
  from: Words(['credentials.username', 'credentials.password', 'credentials.organisation', 'message'], {
    description: 'What stands in it.',
  }),
  carry: Type.Optional(carry()),
});

// A computed key: an object with a literal `then` is taken for a promise by the linter.
const THEN = 'then';

const FAULT = Keys({
  [THEN]: Words(['stop', 'retry', 'tooLarge', 'fail', 'inDoubt'], {
    description:
      'stop: every message would fail alike, the destination stops. retry: not taken, tried later. tooLarge: the request is too large. fail: these messages are refused for good. inDoubt: nobody knows.',
  }),
  whose: Type.Optional(
    Words(['ours', 'data', 'receiver', 'network', 'unknown'], {
      description: 'Whose fault it is, as the operator is told.',
    }),
  ),
  advice: Type.Optional(Type.String({ description: 'What the operator should do.' })),
});

/** No defaults here: a line that is absent comes from the dialect that is extended. */
export const DIALECT_SCHEMA = Keys(
  {
    dialect: Type.String({ pattern: '^[a-z0-9][a-z0-9-]*$', description: "The dialect's name, equal to the file's." }),
    summary: Type.Optional(Type.String({ description: 'One line for lists.' })),
    extends: Type.Optional(
      Type.String({
        description:
          'Another dialect, of the production or built in, whose lines are taken over. Keys of request, answer and faults are taken over one by one; a list is replaced as a whole.',
      }),
    ),
    soap: Type.Optional(soapVersion()),
    contentType: Type.Optional(
      Type.String({
        pattern: '^[a-z]+/[a-z0-9.+-]+$',
        description:
          'Content type of the request, without parameters. With application/soap+xml the action is its parameter, with any other it is the SOAPAction header.',
      }),
    ),
    action: Type.Optional(soapAction()),
    namespace: Type.Optional(namespaceName()),
    request: Type.Optional(
      Keys(
        {
          element: Type.Optional(elementName('Local name of the element in the body.')),
          qualified: Type.Optional(qualified()),
          children: Type.Optional(
            Type.Array(CHILD, { description: 'Its children, in the order in which they are sent.' }),
          ),
        },
        { description: 'The body of the request.' },
      ),
    ),
    answer: Type.Optional(
      Keys(
        {
          element: Type.Optional(answerPath()),
          content: Type.Optional(
            Words(['hl7', 'text'], {
              description:
                'hl7: acknowledgements, which decide each message. text: words for people; then `unmentioned` says what an answer without a fault means.',
            }),
          ),
          unmentioned: Type.Optional(
            Words(['inDoubt', 'delivered'], {
              description: 'What an answer that does not mention a message says about it.',
            }),
          ),
        },
        { description: 'Where the answer stands and how it is read.' },
      ),
    ),
    charset: Type.Optional(
      Words(['utf-8', 'iso-8859-1', 'windows-1252', 'us-ascii'], {
        description: 'Charset of the envelope and of the messages in it.',
      }),
    ),
    repeatable: Type.Optional(Type.Boolean({ description: 'Sending the same control id twice is harmless.' })),
    probe: Type.Optional(elementName('An operation of the WSDL that only echoes a text; `check` calls it.')),
    faults: Type.Optional(
      Type.Record(Type.String({ pattern: `^${NAME}$` }), FAULT, {
        additionalProperties: false,
        description:
          "What to do about a fault, by the local name of the detail's first element, then of the fault's code; other stands for the rest.",
      }),
    ),
  },
  { description: 'What is peculiar to one receiver, or to a family of them.' },
);
