import type { Command } from './command.ts';

/** Every command by its name, in the order of a day's work; each is imported when it is called. */
export const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  check: async () => (await import('./commands/check.ts')).check,
  schema: async () => (await import('./commands/schema.ts')).schema,
  test: async () => (await import('./commands/test.ts')).test,
  transform: async () => (await import('./commands/transform.ts')).transform,
  partner: async () => (await import('./commands/partner.ts')).partner,
  run: async () => (await import('./commands/run.ts')).run,
  submit: async () => (await import('./commands/submit.ts')).submit,
  status: async () => (await import('./commands/status.ts')).status,
  submissions: async () => (await import('./commands/submissions.ts')).submissions,
  trace: async () => (await import('./commands/trace.ts')).trace,
  resolve: async () => (await import('./commands/resolve.ts')).resolve,
  release: async () => (await import('./commands/release.ts')).release,
  cancel: async () => (await import('./commands/cancel.ts')).cancel,
  resume: async () => (await import('./commands/resume.ts')).resume,
  verify: async () => (await import('./commands/verify.ts')).verify,
  new: async () => (await import('./commands/new.ts')).newAdapter,
  twin: async () => (await import('./commands/twin.ts')).twin,
};
