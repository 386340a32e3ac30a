/**
 * Ids as people see them: `7kq2-15` a submission, `7kq2-15-217` an item or its first message, `7kq2-B3` a batch, `7kq2-R8`
 * a receipt.
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
export function messageId(instance: string, submission: number, item: number, entry: number): string {
  return entry === 0 ? itemId(instance, submission, item) : `${instance}-${submission}-${item}-${entry + 1}`;
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
