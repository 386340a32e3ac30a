import { submissionCommand } from '../decide-submission.ts';

export const release = submissionCommand({
  name: 'release',
  summary:
    'Let a submission out of quarantine: it is routed and sent in spite of its counts, behind what came meanwhile.',
  from: ['quarantined'],
  offline: (store, decision) => store.release(decision),
  says: 'is released and will be routed',
});
