/**
 * Ids as people see them: `7kq2-15` a submission, `7kq2-15-217` an item or its first message, `7kq2-15-217v2` a later version
 * of that message, `7kq2-B3` a batch, `7kq2-R8` a receipt.
 */

export function submissionId(instance: string, number: number): string {
  return `${instance}-${number}`;
}

/** The number in a submission's id; a bare number is taken as it is. `undefined` if it is no id of this ledger. */
export function parseSubmissionId(instance: string, text: string): number | undefined {
  const match = /^(?:([a-z0-9]{4})-)?(\d{1,15})$/.exec(text);
  if (!match || (match[1] !== undefined && match[1] !== instance)) return undefined;
  return Number(match[2]);
}

export function itemId(instance: string, submission: number, item: number): string {
  return `${instance}-${submission}-${item}`;
}

/** Stable over retries and restarts; the first entry's messages are named like their item. */
export function messageId(instance: string, submission: number, item: number, entry: number, version = 1): string {
  const first = entry === 0 ? itemId(instance, submission, item) : `${instance}-${submission}-${item}-${entry + 1}`;
  return version === 1 ? first : `${first}v${version}`;
}

/** What the id of an item or a message names. */
export interface ItemName {
  readonly submission: number;
  readonly item: number;
  /** Index of the entry; `undefined` where the id may mean the item as well as its first message. */
  readonly entry: number | undefined;
  /** `undefined` where the id names no version: the current one. */
  readonly version: number | undefined;
}

/** The parts of an item's or message's id (`7kq2-15-217`, `7kq2-15-217-2`, `7kq2-15-217v2`); `undefined` for anything else. */
export function parseItemId(instance: string, text: string): ItemName | undefined {
  const match = /^([a-z0-9]{4})-(\d{1,15})-(\d{1,15})(?:-(\d{1,4}))?(?:v(\d{1,6}))?$/.exec(text);
  if (!match || match[1] !== instance) return undefined;
  const [, , submission, item, entry, version] = match;
  return {
    submission: Number(submission),
    item: Number(item),
    entry: entry === undefined ? undefined : Number(entry) - 1,
    version: version === undefined ? undefined : Number(version),
  };
}

export function batchId(instance: string, batch: number): string {
  return `${instance}-B${batch}`;
}

export function receiptId(instance: string, receipt: number): string {
  return `${instance}-R${receipt}`;
}

/** The number in a receipt's id, which is always whole: senders have nothing shorter. */
export function parseReceiptId(instance: string, text: string): number | undefined {
  const match = /^([a-z0-9]{4})-R(\d{1,15})$/.exec(text);
  return match && match[1] === instance ? Number(match[2]) : undefined;
}

/** The number in a batch's id (`7kq2-B3`, `B3` or `3`); `undefined` for anything else, such as a submission's id. */
export function parseBatchId(instance: string, text: string): number | undefined {
  const match = /^(?:(?:([a-z0-9]{4})-)?B)?(\d{1,15})$/.exec(text);
  if (!match || (match[1] !== undefined && match[1] !== instance)) return undefined;
  return Number(match[2]);
}
