import { submissionCommand } from '../decide-submission.ts';

export const cancel = submissionCommand({
  name: 'cancel',
  summary: 'Give up a submission that is in quarantine or not routed to its end; what waits of it is not sent.',
  from: ['quarantined', 'scanned', 'routing'],
  offline: (store, decision) => store.cancelSubmission(decision),
  says: 'is cancelled',
});
