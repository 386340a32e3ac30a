import { channel } from 'node:diagnostics_channel';

/**
 * Everything that can happen and that a person or a metric may want to know of, defined once: its level, its sentence,
 * its place in the metrics. Levels: warn = nothing is lost; error = a person is needed; info = rare and normal.
 */
export interface EventDefinition {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly says: string;
}

export const EVENTS = {
  engineStarted: { level: 'info', says: 'the engine is running' },
  listenerOpened: { level: 'info', says: 'partners can send' },
  apiOpened: { level: 'info', says: 'operators can act over the network' },
  engineStopping: {
    level: 'info',
    says: 'the engine is stopping: it takes nothing in and finishes the calls in flight',
  },
  submissionAccepted: { level: 'debug', says: 'a submission was accepted' },
  submissionRefused: { level: 'warn', says: 'a submission was refused; nothing of it is sent' },
  submissionQuarantined: {
    level: 'error',
    says: 'the counts in a submission do not hold: it is kept, nothing of it is sent until a person decides',
  },
  submissionReleased: { level: 'info', says: 'a person let a submission out of quarantine' },
  submissionCancelled: { level: 'info', says: 'a person gave a submission up' },
  versionsMade: { level: 'info', says: 'a person edited a row or a message, or sent it again on purpose' },
  submissionRouted: { level: 'debug', says: 'every item of a submission has its ledger rows' },
  routingFailed: { level: 'error', says: 'a submission cannot be routed; it is tried again, and later ones wait' },
  workerEnded: { level: 'error', says: 'the transform worker ended or hung; it is started again' },
  rowFailed: { level: 'error', says: 'a row ended the transform worker twice and was set aside as failed' },
  batchAnswered: { level: 'debug', says: 'a call came to its end, and what came of it is in the ledger' },
  batchRetried: { level: 'warn', says: 'a batch did not get through; it is tried again by itself' },
  batchInDoubt: { level: 'error', says: 'messages may have arrived; the lane waits for a decision' },
  batchResent: { level: 'warn', says: 'a batch in doubt is sent again, as the destination allows' },
  batchSplit: { level: 'warn', says: 'a batch was too large for the receiver; its messages go in smaller ones' },
  doubtDecided: { level: 'info', says: 'the receiver was asked, and said what became of messages in doubt' },
  doubtOverdue: { level: 'error', says: 'messages are in doubt for longer than the destination allows' },
  probeFailed: { level: 'warn', says: 'the receiver could not be asked about messages in doubt; it is asked again' },
  breakerOpened: { level: 'error', says: 'calls do not get through; one trial call at a time is made' },
  breakerClosed: { level: 'info', says: 'a call got through again; the destination goes on' },
  maintenanceBegan: { level: 'info', says: 'a destination is in a maintenance window; no call begins' },
  paceNotNoted: {
    level: 'warn',
    says: 'why a destination waits, or how much its receiver takes, could not be written down',
  },
  batchFailed: { level: 'error', says: 'messages can never be delivered as they are' },
  messagesRejected: { level: 'warn', says: 'the receiver rejected messages' },
  actBegun: { level: 'info', says: 'a person decided about messages; what was decided is kept and being done' },
  actDone: { level: 'info', says: 'what a person decided about messages is done' },
  actWaits: { level: 'error', says: 'what a person decided about messages cannot go on; it is tried again' },
  purged: { level: 'info', says: 'what was past its retention was purged' },
  purgeWaits: { level: 'error', says: 'what is past its retention cannot be purged now; it is tried again' },
  destinationStopped: { level: 'error', says: 'a destination was stopped' },
  destinationResumed: { level: 'info', says: 'a destination goes on' },
  answerNotStored: {
    level: 'error',
    says: 'an answer was received and cannot be stored; the lane waits and nothing is sent',
  },
  laneWaits: { level: 'error', says: 'a lane cannot go on for a reason of ours; it is tried again, its messages wait' },
  operationNotClosed: { level: 'warn', says: 'the connection to a destination could not be closed in order' },
  storeFailed: { level: 'error', says: 'the ledger cannot be written; services take nothing in until it can' },
  ledgerNotRead: { level: 'warn', says: 'the ledger could not be asked for its numbers; metrics of it are left out' },
  credentialRefused: { level: 'warn', says: 'a partner, or somebody else, came with a credential that opens nothing' },
  credentialsLimited: { level: 'warn', says: 'too many wrong credentials: no more are looked at for a while' },
  partnerFileBroken: { level: 'error', says: 'the file of a partner cannot be used; nobody gets in by it' },
  requestFailed: { level: 'error', says: 'a request of a partner failed for a reason of ours' },
  alertNotSent: { level: 'error', says: 'an alert could not be told; it is tried again' },
  storeRecovered: { level: 'info', says: 'the ledger can be written again' },
} as const satisfies Record<string, EventDefinition>;

export type EventName = keyof typeof EVENTS;

/** What travels with an event: ids, names of things in the configuration, codes, counts. Never a value of a row. */
export type EventFields = Readonly<Record<string, string | number | boolean | undefined>>;

export interface EngineEvent {
  readonly name: EventName;
  readonly fields: EventFields;
}

const events = channel('waybill:event');

/** Tells whoever listens: the log, the metrics, tests. */
export function emit(name: EventName, fields: EventFields = {}): void {
  if (events.hasSubscribers) events.publish({ name, fields } satisfies EngineEvent);
}

/** Listens to all events; gives a function that ends it. */
export function onEvent(listener: (event: EngineEvent) => void): () => void {
  const subscriber = (message: unknown) => listener(message as EngineEvent);
  events.subscribe(subscriber);
  return () => events.unsubscribe(subscriber);
}
