import type { Command } from './command.ts';

/** Imports a command when it is called. */
type Load = () => Promise<Command>;

/** Every command by its name, in groups by what a person is about. */
export const COMMAND_GROUPS: Readonly<Record<string, Readonly<Record<string, Load>>>> = {
  'Make a production, and try it without sending': {
    new: async () => (await import('./commands/new.ts')).newAdapter,
    check: async () => (await import('./commands/check.ts')).check,
    schema: async () => (await import('./commands/schema.ts')).schema,
    test: async () => (await import('./commands/test.ts')).test,
    transform: async () => (await import('./commands/transform.ts')).transform,
  },
  Receivers: {
    dialect: async () => (await import('./commands/dialect.ts')).dialect,
    twin: async () => (await import('./commands/twin.ts')).twin,
    outcomes: async () => (await import('./commands/outcomes.ts')).outcomes,
  },
  'Who may send, and who may act': {
    partner: async () => (await import('./commands/partner.ts')).partner,
    operator: async () => (await import('./commands/operator.ts')).operator,
  },
  'Run it': {
    run: async () => (await import('./commands/run.ts')).run,
    submit: async () => (await import('./commands/submit.ts')).submit,
  },
  'See what is and what was': {
    status: async () => (await import('./commands/status.ts')).status,
    submissions: async () => (await import('./commands/submissions.ts')).submissions,
    trace: async () => (await import('./commands/trace.ts')).trace,
    alerts: async () => (await import('./commands/alerts.ts')).alerts,
    acts: async () => (await import('./commands/acts.ts')).acts,
  },
  'Decide about messages and destinations': {
    resume: async () => (await import('./commands/resume.ts')).resume,
    resolve: async () => (await import('./commands/resolve.ts')).resolve,
    resend: async () => (await import('./commands/resend.ts')).resend,
    suspend: async () => (await import('./commands/suspend.ts')).suspend,
    release: async () => (await import('./commands/release.ts')).release,
    cancel: async () => (await import('./commands/cancel.ts')).cancel,
    edit: async () => (await import('./commands/edit.ts')).edit,
  },
  'Keep the ledger': {
    purge: async () => (await import('./commands/purge.ts')).purge,
    verify: async () => (await import('./commands/verify.ts')).verify,
  },
};

/** Every command by its name. */
export const COMMANDS: Readonly<Record<string, Load>> = Object.fromEntries(
  Object.values(COMMAND_GROUPS).flatMap((commands) => Object.entries(commands)),
);
