import { defineErrors, WaybillError } from '../engine/errors.ts';

/** Why something could not be told. */
export const ALERT_ERRORS = defineErrors({
  ALERT_NOT_REACHED: {
    means: 'The mail server or the address of a webhook cannot be reached, or broke the connection.',
    cure: 'Check host, port, name and firewall; waybill alerts --test CHANNEL tries it at once.',
  },
  ALERT_CERTIFICATE: {
    means: 'The certificate of the mail server or of the webhook is not accepted, or TLS is not offered.',
    cure: 'Put its CA under ca, or have its certificate renewed; tls: none is for a relay of your own.',
  },
  ALERT_CREDENTIALS: {
    means: 'The mail server does not accept the user name and password.',
    cure: 'Check the credentials of the channel and restart the engine: they are read at its start.',
  },
  ALERT_REFUSED: {
    means: 'The mail server or the webhook answered and did not take the alert.',
    cure: 'Look at the status that the message names: an address, a token or a limit at the other side.',
  },
  ALERT_REDIRECTED: {
    means: 'The webhook answered with a redirect, which is not followed.',
    cure: 'Write the address it moved to into production.yaml.',
  },
  ALERT_TIMED_OUT: {
    means: 'Telling took longer than the time limit of the channel; whether it was told is not known.',
    cure: 'Raise timeLimit, or make the other side answer sooner; a repeated alert has the same id.',
  },
  ALERT_COMMAND_NOT_FOUND: {
    means: 'The program of a channel does not exist, or may not be run.',
    cure: 'Correct its path, which begins in the folder of the production, and let the account that runs Waybill run it.',
  },
  ALERT_COMMAND_FAILED: {
    means: 'The program of a channel ended with an error.',
    cure: 'Run it by hand with an alert on its standard input: waybill alerts --test CHANNEL.',
  },
  ALERT_CHANNEL_UNKNOWN: {
    means: 'The production has no channel of this name.',
    cure: 'Name one of the channels under alerts.channels.',
  },
  ALERTS_MISSING: {
    means: 'The production says nothing about alerts.',
    cure: 'Add alerts with channels and rules.',
  },
});

export type AlertErrorCode = keyof typeof ALERT_ERRORS;

/** An alert could not be told. Its message never holds an address of a webhook, a header or what the other side wrote. */
export class AlertError extends WaybillError {
  constructor(code: AlertErrorCode, message: string, details: { readonly cause?: unknown } = {}) {
    super(code, message, details);
  }
}
