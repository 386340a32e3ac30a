/** What the text of a message says: as HL7, as a document in JSON. */
import { WaybillError } from '../engine/errors.ts';
import { type Message, parseMessage } from '../hl7/parse.ts';

/** `undefined` for what only begins like HL7. */
export function hl7Of(text: string): Message | undefined {
  try {
    return parseMessage(text);
  } catch (error) {
    if (error instanceof WaybillError) return undefined;
    throw error;
  }
}

/** What a text says as JSON; `undefined` where it is none. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
