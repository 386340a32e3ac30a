/** What stands around a request: HTTP headers and the SOAP header. */
import { createHash } from 'node:crypto';
import { WaybillError } from '../../engine/errors.ts';
import type { Dialect, Security } from './dialect-types.ts';
import { credential, credentialXml, type Given, utcTime, type Writers, writeChild } from './template.ts';
import { asciiXml } from './xml.ts';

const WSA = 'http://www.w3.org/2005/08/addressing';
const OASIS = 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss';
const WSSE = `${OASIS}-wssecurity-secext-1.0.xsd`;
const WSU = `${OASIS}-wssecurity-utility-1.0.xsd`;
const TOKEN_PROFILE = `${OASIS}-username-token-profile-1.0`;
const BASE64 = `${OASIS}-soap-message-security-1.0#Base64Binary`;
const FIVE_MINUTES = 300_000;

/** HTTP headers that say what the body is, which operation is meant, and who we are. Hold credentials: never shown. */
export function httpHeaders(dialect: Dialect, action: string, given: Given): Readonly<Record<string, string>> {
  const { contentType, charset, http } = dialect;
  const base = {
    accept: 'application/soap+xml, text/xml, application/xml',
    'accept-encoding': 'identity',
    ...(http === 'basic' ? { authorization: basic(given) } : {}),
  };
  if (contentType !== 'application/soap+xml') {
    return { ...base, 'content-type': `${contentType}; charset=${charset}`, soapaction: `"${action}"` };
  }
  const parameter = action === '' ? '' : `; action="${action}"`;
  return { ...base, 'content-type': `${contentType}; charset=${charset}${parameter}` };
}

/** HTTP Basic (RFC 7617) in UTF-8. @throws WaybillError SOAP_CREDENTIAL_MISSING, SOAP_CREDENTIAL_CHARACTERS */
function basic(given: Given): string {
  const [username, password] = [credential(given, 'username'), credential(given, 'password')];
  if (/[:\u0000-\u001f\u007f]/.test(username)) {
    throw new WaybillError('SOAP_CREDENTIAL_CHARACTERS', 'credentials.username holds a colon or a control character', {
      path: 'credentials.username',
    });
  }
  return `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`;
}

/** Writes the SOAP header, where the dialect has one. */
export function writeHeader(writers: Writers, dialect: Dialect, action: string, given: Given): void {
  const { headers, security, addressing } = dialect;
  if (headers.length === 0 && security === undefined && !addressing) return;
  writers.current.write('<soap:Header>');
  if (addressing) writeAddressing(writers, action, given);
  if (security) writeSecurity(writers, security, given);
  for (const header of headers) {
    const attributes = header.mustUnderstand ? ' soap:mustUnderstand="1"' : '';
    const namespace = header.namespace ?? dialect.namespace;
    writeChild(writers, { ...header, namespace }, '', given, attributes);
  }
  writers.current.write('</soap:Header>');
}

/** WS-Addressing 1.0 (W3C 2006), without an address for the answer: it comes on the same connection. */
function writeAddressing(writers: Writers, action: string, { url }: Given): void {
  const { current } = writers;
  current.write(`<wsa:Action xmlns:wsa="${WSA}">${asciiXml(action)}</wsa:Action>`);
  current.write(`<wsa:To xmlns:wsa="${WSA}">${asciiXml(url.href)}</wsa:To>`);
  current.write(`<wsa:MessageID xmlns:wsa="${WSA}">urn:uuid:`);
  current.fill(({ messageId }) => messageId);
  current.write('</wsa:MessageID>');
}

/** UsernameToken of WS-Security (OASIS UsernameToken Profile 1.0, 3.1). */
function writeSecurity(writers: Writers, security: Security, given: Given): void {
  const { current } = writers;
  const { usernameToken, timestamp, mustUnderstand } = security;
  current.write(`<wsse:Security xmlns:wsse="${WSSE}" xmlns:wsu="${WSU}"`);
  current.write(mustUnderstand ? ' soap:mustUnderstand="1">' : '>');
  if (timestamp) {
    current.write('<wsu:Timestamp><wsu:Created>');
    current.fill(({ now }) => utcTime(now));
    current.write('</wsu:Created><wsu:Expires>');
    current.fill(({ now }) => utcTime(now + FIVE_MINUTES));
    current.write('</wsu:Expires></wsu:Timestamp>');
  }
  current.write(`<wsse:UsernameToken><wsse:Username>${credentialXml(given, 'credentials.username')}</wsse:Username>`);
  if (usernameToken === 'passwordText') {
    current.write(`<wsse:Password Type="${TOKEN_PROFILE}#PasswordText">`);
    current.write(`${credentialXml(given, 'credentials.password')}</wsse:Password>`);
  } else writeDigest(writers, credential(given, 'password'));
  current.write('</wsse:UsernameToken></wsse:Security>');
}

/** Password_Digest = Base64(SHA-1(nonce + created + password)). */
function writeDigest({ current }: Writers, password: string): void {
  current.write(`<wsse:Password Type="${TOKEN_PROFILE}#PasswordDigest">`);
  current.fill(({ nonce, now }) =>
    createHash('sha1').update(nonce).update(utcTime(now)).update(password, 'utf8').digest('base64'),
  );
  current.write(`</wsse:Password><wsse:Nonce EncodingType="${BASE64}">`);
  current.fill(({ nonce }) => nonce.toString('base64'));
  current.write('</wsse:Nonce><wsu:Created>');
  current.fill(({ now }) => utcTime(now));
  current.write('</wsu:Created>');
}
