/** The names that the dialect `generic` takes from its destination. */
import { WaybillError } from '../../engine/errors.ts';
import { Keys, Type, Words } from '../../engine/schema.ts';
import type { Child, Dialect, DialectFile, Source } from './dialect.ts';
import { answerPath, carry, elementName, namespaceName, qualified, soapAction, soapVersion } from './dialect-schema.ts';
import type { Carry } from './xml.ts';

const PARTS = ['username', 'password', 'organisation', 'message'] as const;

type Part = (typeof PARTS)[number];

/** What stands under `generic` of a destination. */
export interface GenericSettings {
  readonly soap: Dialect['soap'];
  readonly namespace: string;
  readonly action?: string;
  readonly element: string;
  readonly qualified?: boolean;
  /** A receiver without one of the three has no element for it. */
  readonly username?: string;
  readonly password?: string;
  readonly organisation?: string;
  readonly message: string;
  readonly order?: readonly Part[];
  readonly carry?: Carry;
  readonly answer: string;
}

export const GENERIC_SCHEMA = Keys(
  {
    soap: soapVersion(),
    namespace: namespaceName(),
    action: Type.Optional(soapAction()),
    element: elementName('Local name of the element in the body.'),
    qualified: Type.Optional(qualified()),
    username: Type.Optional(elementName('Element of the user name; none where it is absent.')),
    password: Type.Optional(elementName('Element of the password; none where it is absent.')),
    organisation: Type.Optional(elementName('Element of the organisation; none where it is absent.')),
    message: elementName('Element of the message.'),
    order: Type.Optional(
      Type.Array(Words(PARTS, { description: 'One of the elements named above.' }), {
        description:
          'The order in which they are sent: each of those that are named, once. Without it: username, password, organisation, message.',
      }),
    ),
    carry: Type.Optional(carry()),
    answer: answerPath(),
  },
  {
    description:
      'Names of the receiver, for the dialect `generic` or one that extends it; as they stand in its WSDL, with which `check --connect` compares them.',
  },
);

const SOURCES: Readonly<Record<Part, Source>> = {
  username: 'credentials.username',
  password: 'credentials.password',
  organisation: 'credentials.organisation',
  message: 'message',
};

/**
 * The settings as lines of a dialect, to be laid over the one that is named.
 * @throws WaybillError SOAP_GENERIC_SETTINGS
 */
export function genericLines(settings: GenericSettings): Omit<DialectFile, 'dialect'> {
  const { soap, namespace, action, element, answer } = settings;
  return {
    soap,
    namespace,
    ...(action === undefined ? {} : { action }),
    request: { element, qualified: settings.qualified ?? true, children: childrenOf(settings) },
    answer: { element: answer },
  };
}

function childrenOf(settings: GenericSettings): readonly Child[] {
  const named = PARTS.filter((part) => settings[part] !== undefined);
  const order = settings.order ?? named;
  const complete = order.length === named.length && named.every((part) => order.includes(part));
  if (!complete) {
    throw new WaybillError('SOAP_GENERIC_SETTINGS', `generic.order must have each of ${named.join(', ')} once`, {
      path: 'generic.order',
    });
  }
  const children = order.map((part): Child => {
    const child = { element: settings[part] ?? '', from: SOURCES[part] };
    return part === 'message' && settings.carry !== undefined ? { ...child, carry: settings.carry } : child;
  });
  const twice = children.find(({ element }, at) => children.findIndex((other) => other.element === element) !== at);
  if (twice) {
    throw new WaybillError('SOAP_GENERIC_SETTINGS', `generic has two elements called ${twice.element}`, {
      path: 'generic',
    });
  }
  return children;
}
