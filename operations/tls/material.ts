/** The PEM texts that a destination has under `tls`: their schema, and what they come to. */
import { createSecureContext, type SecureContext } from 'node:tls';
import { WaybillError } from '../../engine/errors.ts';
import { Keys, Secret, Type } from '../../engine/schema.ts';

export interface TlsTexts {
  /** PEM. */
  readonly ca?: string;
  readonly certificate?: string;
  readonly key?: string;
}

/** The schema of `tls`; `description` says what it is for in the one operation. */
export const tlsSchema = (description: string) =>
  Keys(
    {
      ca: Type.Optional(Secret({ description: 'PEM of the CA to trust, in place of the public ones.' })),
      certificate: Type.Optional(Secret({ description: 'PEM of our certificate, with its chain, for mutual TLS.' })),
      key: Type.Optional(Secret({ description: 'PEM of its key, not encrypted.' })),
    },
    { description },
  );

/**
 * The context of a client's connections, TLS 1.2 and later.
 * @param code the operation's own code for texts that cannot be used
 * @throws WaybillError with that code; its words never quote the material.
 */
export function secureContextOf(tls: TlsTexts, code: string): SecureContext {
  const { ca, certificate, key } = tls;
  if ((certificate === undefined) !== (key === undefined)) {
    throw new WaybillError(code, 'tls.certificate and tls.key are only of use together', { path: 'tls' });
  }
  if (ca !== undefined && !ca.includes('-----BEGIN CERTIFICATE-----')) {
    // OpenSSL would take it without a word, and trust nobody.
    throw new WaybillError(code, 'tls.ca holds no certificate in PEM', { path: 'tls.ca' });
  }
  try {
    return createSecureContext({
      minVersion: 'TLSv1.2',
      ...(ca === undefined ? {} : { ca }),
      ...(certificate === undefined ? {} : { cert: certificate, key }),
    });
  } catch (error) {
    // OpenSSL's words name the kind of trouble, never the material.
    const words = error instanceof Error ? error.message : 'not readable';
    throw new WaybillError(code, `the PEM texts under tls cannot be used: ${words}`, { path: 'tls' });
  }
}
