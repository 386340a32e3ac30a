/** The language of a dialect's file, as its schema; the destination's `generic` speaks a part of it. */
import { Duration, Keys, Size, type TSchema, Type, Words } from '../../engine/schema.ts';

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
export function namespaceName(description = 'Namespace of the request element and its children.'): TSchema {
  return Type.String({ pattern: '^[\\x21-\\x7e]+$', description });
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
  return path('Local names from outside to inside, separated by /; the text of the last one is the answer.');
}

function path(description: string): TSchema {
  return Type.String({ pattern: `^${NAME}(/${NAME})*$`, description });
}

function texts(description: string): TSchema {
  return Type.Array(Type.String({ minLength: 1, maxLength: 200 }), { minItems: 1, description });
}

const OPTIONAL_NAMESPACE = Type.String({
  pattern: '^[\\x21-\\x7e]*$',
  description: 'Namespace of this element and of those inside it, where it is another; empty for none.',
});

const CHILD_KEYS = {
  element: elementName('Local name of the element.'),
  from: Type.Optional(
    Type.String({
      pattern:
        '^(credentials\\.(username|password|organisation)|parameters\\.[A-Za-z][A-Za-z0-9_-]*|message|time|batchId|fileName|byteLength|messages|ticket|controlId)$',
      description:
        "What stands in it: credentials.username, credentials.password, credentials.organisation; parameters.NAME, which the destination gives; message; time of the call; batchId; fileName, made from the batch id; byteLength and messages, how many there are of them. In a status query: ticket, the first answer's, or controlId, the message's.",
    }),
  ),
  text: Type.Optional(Type.String({ maxLength: 2000, description: 'What stands in it, always the same.' })),
  children: Type.Optional(
    Type.Array({ $ref: '#/$defs/child' }, { minItems: 1, description: 'Elements inside it, in their order.' }),
  ),
  namespace: Type.Optional(OPTIONAL_NAMESPACE),
  carry: Type.Optional(carry()),
  format: Type.Optional(
    Type.String({
      minLength: 1,
      description:
        "For time: a date pattern such as yyyy-MM-dd'T'HH:mm:ss, in the production's zone; without it UTC as 2026-04-01T12:00:00Z.",
    }),
  ),
  extension: Type.Optional(
    Type.String({
      pattern: '^\\.[A-Za-z0-9]{1,10}$',
      description: 'For fileName: what stands after the batch id; .hl7 unless said otherwise.',
    }),
  ),
};

const CHILD = Keys(CHILD_KEYS);

const HEADER = Keys({
  ...CHILD_KEYS,
  mustUnderstand: Type.Optional(
    Type.Boolean({ description: 'The receiver has to refuse the request where it does not know the element.' }),
  ),
});

// A computed key: an object with a literal `then` is taken for a promise by the linter.
const THEN = 'then';

const RULE = Keys({
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
  maxSize: Type.Optional(
    elementName("For tooLarge: the detail's element that says how many bytes the receiver takes, such as MaxSize."),
  ),
});

function requestKeys(description: string): TSchema {
  return Keys(
    {
      element: Type.Optional(elementName('Local name of the element in the body.')),
      qualified: Type.Optional(qualified()),
      children: Type.Optional(
        Type.Array({ $ref: '#/$defs/child' }, { description: 'Its children, in the order in which they are sent.' }),
      ),
    },
    { description },
  );
}

const ENCODING = Words(['text', 'base64', 'url'], {
  description: 'How what stands in the element is written; text unless said otherwise.',
});

const ANSWER = Keys(
  {
    element: Type.Optional(answerPath()),
    content: Type.Optional(
      Words(['hl7', 'text'], {
        description:
          'hl7: acknowledgements, which decide each message. text: words for people; then `success` decides, and without it `batch.missing` says what an answer without a fault means.',
      }),
    ),
    encoding: Type.Optional(ENCODING),
    success: Type.Optional(
      Keys(
        {
          element: path('Path of the flag; where it stands there several times, all must say that it went well.'),
          equals: texts('What it says then. Small and capital letters are alike.'),
          refused: Type.Optional(
            texts(
              'What means refused; without it, everything else does. A word in neither list leaves the messages in doubt.',
            ),
          ),
        },
        { description: 'A flag in the body without which nothing is delivered, whatever the HTTP status says.' },
      ),
    ),
    words: Type.Optional(path('Path of what people are to read where the flag says refused.')),
    ticket: Type.Optional(
      path('Path of what the receiver calls the request; it answers later, and `status` asks for the verdict.'),
    ),
    lenient: Type.Optional(
      Type.Array(
        Words(['plainText', 'extraElement', 'wrongTags', 'missingEndTag'], {
          description:
            'plainText: an acknowledgement without any XML. extraElement: one element deeper than it should be. wrongTags: under another name. missingEndTag: an end tag is missing.',
        }),
        {
          uniqueItems: true,
          description:
            'Oddities of this receiver that are read all the same, where exactly one acknowledgement stands in the answer, whole.',
        },
      ),
    ),
    unmentioned: Type.Optional(
      Words(['inDoubt', 'delivered', 'queued'], { description: 'The same as `batch.missing`, which wins.' }),
    ),
  },
  { description: 'Where the answer stands and how it is read.' },
);

const BATCH = Keys(
  {
    answers: Type.Optional(
      Words(['each', 'report', 'errorsOnly'], {
        description:
          'each: an acknowledgement for every message. errorsOnly: only for messages in error; what is not mentioned was taken, and an empty batch means all. report: words for people, or a success flag.',
      }),
    ),
    missing: Type.Optional(
      Words(['inDoubt', 'delivered', 'queued'], {
        description:
          'What an answer that does not mention a message says about it: inDoubt, or delivered where only errors are answered; queued: it was not taken and is sent again.',
      }),
    ),
    twice: Type.Optional(
      Words(['inDoubt', 'worst'], {
        description: 'A message that is named twice with different codes: inDoubt, or the worse code counts.',
      }),
    ),
    unknown: Type.Optional(
      Words(['inDoubt', 'warn'], {
        description:
          'Messages in the answer that were not sent: inDoubt leaves those in doubt that are not mentioned; warn only tells.',
      }),
    ),
    counts: Type.Optional(
      Words(['inDoubt', 'warn'], {
        description:
          "Counts in the answer's envelope that do not hold: inDoubt leaves those in doubt that are not mentioned; warn only tells.",
      }),
    ),
    maxMessages: Type.Optional(Type.Integer({ minimum: 1, description: 'The most messages in one call.' })),
    maxBytes: Type.Optional(Size({ description: 'The most bytes of messages in one call.' })),
  },
  {
    description:
      'What the receiver takes at once, and what its answer says about messages that it does not name plainly.',
  },
);

const SECURITY = Keys(
  {
    usernameToken: Type.Optional(
      Words(['passwordText', 'passwordDigest'], { description: 'How the password stands in the token.' }),
    ),
    timestamp: Type.Optional(
      Type.Boolean({ description: 'Also a Timestamp that ends after five minutes; false unless said otherwise.' }),
    ),
    mustUnderstand: Type.Optional(
      Type.Boolean({
        description: 'The receiver has to refuse it where it does not know it; true unless said otherwise.',
      }),
    ),
  },
  { description: 'User name and password as a WS-Security UsernameToken in the SOAP header.' },
);

const STATUS = Keys(
  {
    action: Type.Optional(soapAction()),
    namespace: Type.Optional(namespaceName("Namespace of the query, where it is another than the dialect's.")),
    request: Type.Optional(requestKeys('The query: one of its elements is from ticket or controlId.')),
    answer: Type.Optional(
      Keys(
        {
          element: Type.Optional(answerPath()),
          content: Type.Optional(
            Words(['hl7', 'text'], { description: 'hl7: acknowledgements decide. text: the state decides.' }),
          ),
          encoding: Type.Optional(ENCODING),
        },
        { description: 'Where the verdict stands.' },
      ),
    ),
    state: Type.Optional(path('Path of the word that says how far it is.')),
    states: Type.Optional(
      Keys(
        {
          working: Type.Optional(texts('Words that mean: not done yet.')),
          unknown: Type.Optional(texts('Words that mean: the receiver does not have it; it is sent again.')),
          done: Type.Optional(texts('Words that mean: done, and the acknowledgement decides.')),
          delivered: Type.Optional(texts('Words that mean: taken.')),
          rejected: Type.Optional(texts('Words that mean: refused.')),
        },
        {
          description:
            'What each word means. Small and capital letters are alike; any other word leaves the messages in doubt.',
        },
      ),
    ),
    words: Type.Optional(path('Path of what people are to read.')),
    every: Type.Optional(Duration({ description: 'How long to wait before each question.' })),
  },
  {
    description: 'The call that asks what became of a request, or of a message, that the receiver has not decided yet.',
  },
);

/** No defaults here: a line that is absent comes from the dialect that is extended. */
export const DIALECT_SCHEMA = Type.Object(
  {
    dialect: Type.String({ pattern: '^[a-z0-9][a-z0-9-]*$', description: "The dialect's name, equal to the file's." }),
    summary: Type.Optional(Type.String({ description: 'One line for lists.' })),
    extends: Type.Optional(
      Type.String({
        description:
          'Another dialect, of the production or built in, whose lines are taken over. Keys of request, answer, batch, security, faults, statuses and status are taken over one by one; a list is replaced as a whole.',
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
    request: Type.Optional(requestKeys('The body of the request.')),
    headers: Type.Optional(
      Type.Array(HEADER, { description: 'Elements of the SOAP header, in the namespace of the dialect or their own.' }),
    ),
    http: Type.Optional(Words(['basic'], { description: 'basic: user name and password also go as HTTP Basic.' })),
    security: Type.Optional(SECURITY),
    addressing: Type.Optional(
      Type.Boolean({ description: 'true: Action, To and MessageID of WS-Addressing 1.0 stand in the SOAP header.' }),
    ),
    answer: Type.Optional(ANSWER),
    batch: Type.Optional(BATCH),
    charset: Type.Optional(
      Words(['utf-8', 'iso-8859-1', 'windows-1252', 'us-ascii'], {
        description: 'Charset of the envelope and of the messages in it.',
      }),
    ),
    repeatable: Type.Optional(Type.Boolean({ description: 'Sending the same control id twice is harmless.' })),
    probe: Type.Optional(elementName('An operation of the WSDL that only echoes a text; `check` calls it.')),
    faults: Type.Optional(
      Type.Record(Type.String({ pattern: `^${NAME}(/[A-Za-z0-9_.-]+)?$` }), RULE, {
        additionalProperties: false,
        description:
          "What to do about a fault, by the local name of the detail's first element (with its Code after a /, where that matters), then of the fault's code; other stands for the rest.",
      }),
    ),
    statuses: Type.Optional(
      Type.Record(Type.String({ pattern: '^[345](\\d\\d|xx)$' }), RULE, {
        additionalProperties: false,
        description:
          'What to do about an HTTP status (503, or 5xx for all of them) where the body holds neither a fault nor an acknowledgement.',
      }),
    ),
    status: Type.Optional(STATUS),
  },
  {
    additionalProperties: false,
    $defs: { child: CHILD },
    description: 'What is peculiar to one receiver, or to a family of them.',
  },
);
