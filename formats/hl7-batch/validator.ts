import type { Fault, Item } from '../../engine/contracts/item.ts';
import { parseMessage } from '../../hl7/parse.ts';
import { openValidator, type ValidationSettings } from '../../hl7/validation/index.ts';
import { Hl7Item } from './item.ts';

/** Opens the check of messages by the dictionary, which is loaded now. */
export async function openItemValidator(
  settings: Partial<ValidationSettings>,
): Promise<(item: Item) => readonly Fault[]> {
  const check = await openValidator(settings);
  return (item) => {
    const message = item instanceof Hl7Item ? item.message : parseMessage(Buffer.from(item.bytes ?? []).toString());
    return check(message).map(({ code, path, line, reason }) => ({
      code,
      column: path,
      line: item.line + line - 1,
      reason,
    }));
  };
}
