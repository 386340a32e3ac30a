/** The ways to tell; each is imported when it is first used. */
import type { AlertChannel } from '../../engine/contracts/alerts.ts';
import type { AlertMessage } from '../message.ts';

/** What channels need beside their settings. */
export interface ChannelContext {
  /** Folder of the production: relative paths of commands begin there. */
  readonly folder: string;
}

/**
 * Tells one message within the time limit of the channel; never tries twice. @returns what is to be mended although it was
 * told @throws AlertError: it was not told, or (`ALERT_TIMED_OUT`) nobody knows
 */
export async function tell(
  channel: AlertChannel,
  message: AlertMessage,
  context: ChannelContext,
  signal: AbortSignal,
): Promise<string | undefined> {
  switch (channel.type) {
    case 'email':
      return (await import('./email.ts')).sendEmail(channel, message, signal);
    case 'webhook':
      await (await import('./webhook.ts')).callWebhook(channel, message, signal);
      return undefined;
    case 'command':
      await (await import('./command.ts')).runCommand(channel, message, context.folder, signal);
      return undefined;
  }
}
