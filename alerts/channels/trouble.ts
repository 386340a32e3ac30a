/** Codes by which OpenSSL and Node refuse the other side's certificate, or TLS itself. */
const CERTIFICATE =
  /^(CERT_|DEPTH_ZERO_SELF_SIGNED|SELF_SIGNED|UNABLE_TO_|ERR_TLS_|ERR_SSL_|INVALID_CA|INVALID_PURPOSE|HOSTNAME_MISMATCH|ETLS|EPROTO)/;

/** True where a connection failed for a certificate or for TLS. */
export function isCertificateTrouble(code: string): boolean {
  return CERTIFICATE.test(code);
}
