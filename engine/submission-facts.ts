import type { SubmissionFacts } from './contracts/store.ts';
import type { TransformContext } from './contracts/transform.ts';
import { receiptId, submissionId } from './ids.ts';

/** What transforms and conditions may know of a submission. */
export function submissionFacts(
  instance: string,
  { number, name, service, contentType, part, receipt }: SubmissionFacts,
): TransformContext['submission'] {
  return {
    id: submissionId(instance, number),
    name,
    service,
    contentType,
    ...(part === undefined ? {} : { part }),
    ...(receipt === undefined ? {} : { receipt: receiptId(instance, receipt) }),
  };
}
