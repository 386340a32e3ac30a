/** What a dialect says: one receiver's peculiarities as data, whole (`Dialect`) and as a file has them (`DialectFile`). */
import type { AnswerRules } from '../../engine/contracts/operation.ts';
import type { Whose } from '../../engine/errors.ts';
import type { Carry } from './xml.ts';

/** What of the destination can stand in an element. A parameter is one of the destination's own, by its name. */
export type CredentialSource = 'credentials.username' | 'credentials.password' | 'credentials.organisation';
export type ParameterSource = `parameters.${string}`;
/** What is another in each call. `ticket` and `controlId` only in a status query. */
export type CallSource = 'time' | 'batchId' | 'fileName' | 'byteLength' | 'messages' | 'ticket' | 'controlId';
export type Source = CredentialSource | ParameterSource | CallSource | 'message';

export type FaultAction = 'stop' | 'retry' | 'tooLarge' | 'fail' | 'inDoubt';

/** An element of a request: it has a value (`from`), a fixed `text`, or `children`; exactly one of the three. */
export interface Child {
  readonly element: string;
  readonly from?: Source;
  readonly text?: string;
  readonly children?: readonly Child[];
  /** Namespace of this element and of those inside it; absent: that of what it stands in. Empty: none. */
  readonly namespace?: string;
  /** Only for the message. */
  readonly carry?: Carry;
  /** Only for `time`: a Unicode date pattern, in the production's zone; absent: `2026-04-01T12:00:00Z`. */
  readonly format?: string;
  /** Only for `fileName`: what stands after the batch id, with its dot. */
  readonly extension?: string;
}

/** An element of the SOAP header; its namespace is the dialect's where it names none. */
export interface HeaderChild extends Child {
  /** The receiver has to refuse the request where it does not know the element. */
  readonly mustUnderstand?: boolean;
}

export interface RequestShape {
  /** Local name of the element in the body. */
  readonly element: string;
  /** False: the children stand in no namespace. */
  readonly qualified: boolean;
  readonly children: readonly Child[];
}

/** A WS-Security header with user name and password (OASIS UsernameToken Profile 1.0). */
export interface Security {
  readonly usernameToken: 'passwordText' | 'passwordDigest';
  /** Also a wsu:Timestamp that ends after five minutes. */
  readonly timestamp: boolean;
  readonly mustUnderstand: boolean;
}

/** What is wrong with an answer whose acknowledgement can be read all the same, without guessing. */
export type Lenience = 'plainText' | 'extraElement' | 'wrongTags' | 'missingEndTag';

export type Encoding = 'text' | 'base64' | 'url';

/** A flag in the answer's body. Its words are compared without white space around them, small and capital letters alike. */
export interface SuccessFlag {
  /** Path of local names. Where it stands there several times, all must agree that it went well. */
  readonly element: string;
  readonly equals: readonly string[];
  /** What means that it was refused; absent: everything that is not in `equals`. A word in neither: in doubt. */
  readonly refused?: readonly string[];
}

export interface AnswerShape {
  /** Local names from outside to inside, joined by /; the last one's text is the answer. */
  readonly element: string;
  readonly content: 'hl7' | 'text';
  readonly encoding: Encoding;
  readonly success?: SuccessFlag;
  /** Path of what people are to read where the flag says that it was refused. */
  readonly words?: string;
  /** Path of what the receiver calls the request, where it answers later. */
  readonly ticket?: string;
  readonly lenient: readonly Lenience[];
}

export interface BatchShape {
  /** `each`: an acknowledgement for every message. `errorsOnly`: only for those in error. `report`: words for people. */
  readonly answers: 'each' | 'report' | 'errorsOnly';
  readonly rules: AnswerRules;
  /** The most messages, and bytes of messages, that the receiver takes in one call. */
  readonly maxMessages?: number;
  readonly maxBytes?: number;
}

export interface FaultRule {
  readonly then: FaultAction;
  readonly whose?: Whose;
  readonly advice?: string;
  /** Local name of the detail's element that says how many bytes the receiver takes (`MaxSize`); for `tooLarge`. */
  readonly maxSize?: string;
}

export type FaultRules = Readonly<Record<string, FaultRule>>;

/** What the word in a status query's answer means; compared as a success flag is. */
export interface StatusWords {
  /** Not done yet. */
  readonly working: readonly string[];
  /** The receiver does not have it: it is sent again. */
  readonly unknown: readonly string[];
  /** Done: the acknowledgement in the answer decides. */
  readonly done: readonly string[];
  readonly delivered: readonly string[];
  readonly rejected: readonly string[];
}

/** The call that asks what became of a request, or of one message. */
export interface StatusQuery {
  /** What it is asked by: one question for each batch, or for each message. */
  readonly by: 'ticket' | 'controlId';
  readonly action: string;
  readonly namespace: string;
  readonly request: RequestShape;
  /** Where the verdict stands; absent: the state's words alone decide. */
  readonly answer?: {
    readonly element: string;
    readonly content: 'hl7' | 'text';
    readonly encoding: Encoding;
  };
  /** Path of the element whose word says how far it is; absent: it is done when the answer has a verdict. */
  readonly state?: string;
  readonly states: StatusWords;
  /** Path of what people are to read. */
  readonly words?: string;
  /** Milliseconds between two questions. */
  readonly every?: number;
}

/** A dialect, whole: what it extends is taken over and defaults are filled in. */
export interface Dialect {
  readonly dialect: string;
  readonly summary: string;
  readonly soap: '1.1' | '1.2';
  readonly contentType: string;
  readonly action: string;
  readonly namespace: string;
  readonly request: RequestShape;
  readonly headers: readonly HeaderChild[];
  /** User name and password as HTTP Basic. */
  readonly http?: 'basic';
  readonly security?: Security;
  /** WS-Addressing 1.0: Action, To and MessageID. */
  readonly addressing: boolean;
  readonly answer: AnswerShape;
  readonly batch: BatchShape;
  readonly charset: string;
  readonly repeatable: boolean;
  /** An operation of the WSDL that only echoes a text; `check` calls it. */
  readonly probe?: string;
  /**
   * By the local name of the detail's first element, by that and its Code (`HubClientFault/221`), or by the fault's code;
   * `other` stands for the rest.
   */
  readonly faults: FaultRules;
  /** By HTTP status (`503`) or a hundred of them (`5xx`), where the body holds no fault and no acknowledgement. */
  readonly statuses: FaultRules;
  readonly status?: StatusQuery;
  /** Its names come from the destination's `generic`, and are mended there. */
  readonly generic: boolean;
}

/** A dialect as a file has it: everything but its name may come from the one it extends. */
export interface DialectFile {
  readonly dialect: string;
  readonly summary?: string;
  readonly extends?: string;
  readonly soap?: Dialect['soap'];
  readonly contentType?: string;
  readonly action?: string;
  readonly namespace?: string;
  readonly request?: Partial<RequestShape>;
  readonly headers?: readonly HeaderChild[];
  readonly http?: 'basic';
  readonly security?: Partial<Security>;
  readonly addressing?: boolean;
  readonly answer?: Partial<AnswerShape> & { readonly unmentioned?: AnswerRules['unmentioned'] };
  readonly batch?: BatchLines;
  readonly charset?: string;
  readonly repeatable?: boolean;
  readonly probe?: string;
  readonly faults?: FaultRules;
  readonly statuses?: FaultRules;
  readonly status?: StatusLines;
}

/** Under `batch` of a file. `missing` is the rule for messages that an answer does not mention. */
export interface BatchLines {
  readonly answers?: BatchShape['answers'];
  readonly missing?: AnswerRules['unmentioned'];
  readonly twice?: AnswerRules['twice'];
  readonly unknown?: AnswerRules['unknown'];
  readonly counts?: AnswerRules['counts'];
  readonly maxMessages?: number;
  /** Bytes. */
  readonly maxBytes?: number;
}

/** Under `status` of a file. */
export interface StatusLines {
  readonly action?: string;
  readonly namespace?: string;
  readonly request?: Partial<RequestShape>;
  readonly answer?: Partial<NonNullable<StatusQuery['answer']>>;
  readonly state?: string;
  readonly states?: Partial<StatusWords>;
  readonly words?: string;
  readonly every?: number;
}

/** The child that holds the message, with the elements around it, from outside to inside; `undefined` where none does. */
export function messageChild(
  children: readonly Child[],
): { readonly child: Child; readonly path: readonly string[] } | undefined {
  for (const child of children) {
    if (child.from === 'message') return { child, path: [child.element] };
    const inside = messageChild(child.children ?? []);
    if (inside) return { child: inside.child, path: [child.element, ...inside.path] };
  }
  return undefined;
}

/** All elements that hold a value, with the path of local names that leads to each. */
export function leaves(
  children: readonly Child[],
  path: readonly string[] = [],
): readonly { readonly child: Child; readonly path: readonly string[] }[] {
  return children.flatMap((child) => {
    const at = [...path, child.element];
    return child.children === undefined ? [{ child, path: at }] : leaves(child.children, at);
  });
}
