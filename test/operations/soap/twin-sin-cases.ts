/** What each sin of the twin does to a request: what goes over the wire, and what was taken. */
import assert from 'node:assert/strict';
import type { SinName } from '../../../operations/soap/twin/sins.ts';
import { batchOf, type HttpReply, requestOf, type SentRequest, shipped, vaccination } from '../../support/twin.ts';

export const CDC = shipped('cdc-iis-2011');
export const IDS = ['m1', 'm2', 'm3', 'm4'];
export const BATCH = requestOf(CDC, batchOf(IDS), { messages: 4 });

/** How a call went that broke, or what was answered. */
export type Came = HttpReply | 'broken';

export interface Case {
  /** A sin with its keys, as the header x-twin has it. */
  readonly sin: string;
  readonly sent?: SentRequest;
  /** Sent before, without a sin. */
  readonly before?: SentRequest;
  /** Dialect of the twin and of what is sent. */
  readonly dialect?: string;
  /** Ids taken by the request itself. */
  readonly taken: readonly string[];
  readonly came: (came: Came) => void;
}

export function answered(came: Came): HttpReply {
  assert.notEqual(came, 'broken');
  return came as HttpReply;
}

export function says(pattern: RegExp, status = 200): (came: Came) => void {
  return (came) => {
    const reply = answered(came);
    assert.match(reply.text, pattern);
    assert.equal(reply.status, status);
  };
}

const isBroken = (came: Came): void => assert.equal(came, 'broken');
const ELR = shipped('pa-elr');

export const CASES: {
  readonly [N in Exclude<
    SinName,
    'no-answer' | 'refuse-connections' | 'still-working' | 'unknown-ticket'
  >]: readonly Case[];
} = {
  'cut-before-body': [{ sin: 'cut-before-body', taken: [], came: isBroken }],
  'cut-in-body': [
    { sin: 'cut-in-body after=100B', taken: [], came: isBroken },
    { sin: 'cut-in-body after=1GB', taken: [], came: isBroken },
  ],
  'cut-before-commit': [{ sin: 'cut-before-commit', taken: [], came: isBroken }],
  'cut-after-commit': [{ sin: 'cut-after-commit', taken: IDS, came: isBroken }],
  'cut-in-answer': [
    { sin: 'cut-in-answer', taken: IDS, came: isBroken },
    { sin: 'cut-in-answer after=10B', taken: IDS, came: isBroken },
  ],
  fault: [
    { sin: 'fault fault=SecurityFault', taken: [], came: says(/<SecurityFault xmlns="urn:cdc:iisb:2011"><Code>/, 500) },
    { sin: 'fault fault=MessageTooLargeFault status=200', taken: [], came: says(/<MessageTooLargeFault/) },
    { sin: 'fault fault=UnsupportedOperationFault', taken: [], came: says(/<UnsupportedOperationFault/, 500) },
    { sin: 'fault fault=Receiver words=Later', taken: [], came: says(/soap:Receiver<.*>Later</, 500) },
    { sin: 'fault fault=Sender taken=true', taken: IDS, came: says(/soap:Sender</, 500) },
    {
      sin: 'fault fault=Server',
      dialect: 'pa-elr',
      sent: requestOf(ELR, batchOf(IDS)),
      taken: [],
      came: says(/<faultcode>soap:Server</, 500),
    },
  ],
  'http-status': [
    { sin: 'http-status status=502', taken: [], came: says(/^<!DOCTYPE html>/, 502) },
    { sin: 'http-status status=400 body=json', taken: [], came: says(/^\{"status":400/, 400) },
    { sin: 'http-status status=401 body=text', taken: [], came: says(/was told to answer 401/, 401) },
    { sin: 'http-status status=403', taken: [], came: says(/403/, 403) },
    { sin: 'http-status status=404 body=empty', taken: [], came: says(/^$/, 404) },
    { sin: 'http-status status=504 taken=true', taken: IDS, came: says(/504/, 504) },
    {
      sin: 'http-status status=503 retryAfter=1500ms',
      taken: [],
      came: (came) => assert.equal(answered(came).headers['retry-after'], '2'),
    },
  ],
  maintenance: [
    {
      sin: 'maintenance',
      taken: [],
      came: (came) => {
        says(/maintenance/, 503)(came);
        assert.equal(answered(came).headers['retry-after'], undefined);
      },
    },
    {
      sin: 'maintenance retryAfter=2h',
      taken: [],
      came: (came) => assert.equal(answered(came).headers['retry-after'], '7200'),
    },
  ],
  'rate-limit': [
    {
      sin: 'rate-limit retryAfter=3s',
      taken: [],
      came: (came) => {
        says(/too many/, 429)(came);
        assert.equal(answered(came).headers['retry-after'], '3');
      },
    },
  ],
  redirect: [
    {
      sin: 'redirect to=http://127.0.0.1:1/other',
      taken: [],
      came: (came) => {
        says(/^$/m, 307)(came);
        assert.equal(answered(came).headers.location, 'http://127.0.0.1:1/other');
      },
    },
  ],
  'one-message': [
    { sin: 'one-message', taken: [], came: says(/<MessageTooLargeFault/, 500) },
    { sin: 'one-message answer=http', taken: [], came: says(/too large/, 413) },
  ],
  'too-large': [
    { sin: 'too-large messages=3', taken: [], came: says(/<MessageTooLargeFault/, 500) },
    { sin: 'too-large bytes=100B answer=http', taken: [], came: says(/too large/, 413) },
    {
      sin: 'too-large bytes=100B',
      dialect: 'cdc-iis-2014',
      sent: requestOf(shipped('cdc-iis-2014'), batchOf(IDS)),
      taken: [],
      came: says(/<MessageTooLargeFault xmlns="urn:cdc:iisb:2014"><Size>\d{4}<\/Size><MaxSize>100<\/MaxSize></, 500),
    },
  ],
  'slow-first-byte': [{ sin: 'slow-first-byte wait=20ms', taken: IDS, came: says(/BTS\|4/) }],
  'slow-body': [{ sin: 'slow-body bytesPerSecond=20000', taken: IDS, came: says(/<\/soap:Envelope>$/) }],
  'huge-answer': [
    { sin: 'huge-answer bytes=3MB', taken: IDS, came: (came) => assert.equal(answered(came).text.length, 3_000_000) },
  ],
  'gzip-bomb': [
    {
      sin: 'gzip-bomb bytes=3MB',
      taken: IDS,
      came: (came) => assert.equal(answered(came).headers['content-encoding'], 'gzip'),
    },
  ],
  'answer-status': [{ sin: 'answer-status', taken: IDS, came: says(/MSA\|AA\|m4/, 500) }],
  code: [
    {
      sin: 'code code=AE messages=2-3',
      taken: ['m1', 'm4'],
      came: says(/AA\|m1.*AE\|m2&#xD;ERR\|.*AE\|m3&#xD;ERR\|.*AA\|m4/),
    },
    { sin: 'code code=CR controlId=*3', taken: ['m1', 'm2', 'm4'], came: says(/CR\|m3/) },
    { sin: 'code code=CA every=2', taken: IDS, came: says(/AA\|m1.*CA\|m2.*AA\|m3.*CA\|m4/) },
    { sin: 'code code=CE messages=3-', taken: ['m1', 'm2'], came: says(/CE\|m3.*CE\|m4/) },
    { sin: 'code code=AR', taken: [], came: says(/AR\|m1.*AR\|m4/) },
    {
      sin: 'code code=AE messages=1',
      dialect: 'pa-elr',
      sent: requestOf(ELR, batchOf(IDS)),
      taken: [],
      came: says(/<Success>false</),
    },
  ],
  repeats: [
    {
      sin: 'repeats',
      before: requestOf(CDC, vaccination('m2')),
      taken: ['m1', 'm3', 'm4'],
      came: says(/AA\|m1.*AR\|m2.*AA\|m3/),
    },
    { sin: 'repeats code=AA', before: requestOf(CDC, vaccination('m2')), taken: IDS, came: says(/AA\|m1.*AA\|m2/) },
  ],
  'half-answer': [
    { sin: 'half-answer', taken: IDS, came: says(/AA\|m1.*AA\|m2&#xD;BTS\|2/) },
    { sin: 'half-answer take=half', taken: ['m1', 'm2'], came: says(/AA\|m1.*AA\|m2&#xD;BTS\|2/) },
  ],
  'success-false': [
    {
      sin: 'success-false words=Nope',
      dialect: 'pa-elr',
      sent: requestOf(ELR, batchOf(IDS)),
      taken: [],
      came: says(/Nope.*<Success>false</),
    },
  ],
  'wrong-id': [
    { sin: 'wrong-id', taken: IDS, came: says(/(MSA\|AA\|TWIN-NOBODY-SENT-THIS.*){4}/) },
    { sin: 'wrong-id id=other', taken: IDS, came: says(/MSA\|AA\|other&#xD;/) },
  ],
  'empty-id': [{ sin: 'empty-id', taken: IDS, came: says(/MSA\|AA\|&#xD;/) }],
  'previous-answer': [
    {
      sin: 'previous-answer',
      before: requestOf(CDC, vaccination('earlier')),
      taken: IDS,
      came: says(/MSA\|AA\|earlier&#xD;<\/return>/),
    },
    { sin: 'previous-answer', taken: IDS, came: says(/MSA\|AA\|TWIN-NOBODY-SENT-THIS/) },
  ],
  'named-twice': [{ sin: 'named-twice', taken: IDS, came: says(/AA\|m1.*AA\|m4.*AE\|m1/) }],
  'unknown-id': [{ sin: 'unknown-id id=stranger', taken: IDS, came: says(/AA\|m4.*AA\|stranger.*BTS\|5/) }],
  'wrong-counts': [{ sin: 'wrong-counts', taken: IDS, came: says(/AA\|m4&#xD;BTS\|5/) }],
  shuffled: [
    {
      sin: 'shuffled',
      taken: IDS,
      came: (came) => {
        const order = [...answered(came).text.matchAll(/MSA\|AA\|(m\d)/g)].map((match) => match[1] ?? '');
        assert.notDeepEqual(order, IDS);
        assert.deepEqual(order.toSorted(), IDS);
      },
    },
  ],
  'errors-only': [
    { sin: 'errors-only', taken: IDS, came: says(/<return>BHS\|[^<]*BATCH-1&#xD;BTS\|0&#xD;<\/return>/) },
    {
      sin: 'errors-only; code code=AE messages=3',
      taken: ['m1', 'm2', 'm4'],
      came: says(/BATCH-1&#xD;MSH[^<]*AE\|m3[^<]*BTS\|1/),
    },
  ],
  report: [{ sin: 'report', taken: IDS, came: says(/<return>4 messages received, 4 accepted, 0 rejected\.</) }],
  'several-errors': [
    {
      sin: 'several-errors count=2',
      taken: IDS,
      came: says(/MSA\|AA\|m1&#xD;ERR[^&]*\|W\|[^&]*&#xD;ERR[^&]*&#xD;MSH/),
    },
  ],
  'no-white-space': [{ sin: 'no-white-space', taken: IDS, came: says(/^<soap:Envelope\S* [^>]*><soap:Body><submit/) }],
  'no-line-ends': [{ sin: 'no-line-ends', taken: IDS, came: says(/MSA\|AA\|m1MSH/) }],
  'line-feeds': [{ sin: 'line-feeds', taken: IDS, came: says(/MSA\|AA\|m1\nMSH/) }],
  spaced: [
    {
      sin: 'spaced',
      taken: IDS,
      came: says(/^<\?xml.*<return>\n\n {4}BHS.*\n\n<\/return>.*\n\n {2}<\/soap:Envelope>$/s),
    },
  ],
  'wrong-tags': [{ sin: 'wrong-tags', taken: IDS, came: says(/<XsubmitSingleMessageResponse [^>]*><Xreturn>BHS/) }],
  'missing-end-tag': [{ sin: 'missing-end-tag', taken: IDS, came: says(/Response><\/soap:Envelope>$/) }],
  'plain-text': [
    {
      sin: 'plain-text',
      taken: IDS,
      came: (came) => {
        says(/^BHS\|\^~\\&\|.*\rMSA\|AA\|m4\rBTS\|4\r$/s)(came);
        assert.match(String(answered(came).headers['content-type']), /^text\/plain/);
      },
    },
  ],
  'extra-element': [
    { sin: 'extra-element', taken: IDS, came: says(/<soap:Body><Wrapper><submit.*<\/Wrapper><\/soap:Body>/) },
  ],
  base64: [
    {
      sin: 'base64',
      taken: IDS,
      came: (came) => {
        const inside = /<return>([A-Za-z0-9+/=]+)</.exec(answered(came).text)?.[1] ?? '';
        assert.match(Buffer.from(inside, 'base64').toString(), /^BHS.*MSA\|AA\|m4\rBTS\|4\r$/s);
      },
    },
  ],
  'url-encoded': [{ sin: 'url-encoded', taken: IDS, came: says(/<return>BHS%7C.*MSA%7CAA%7Cm4%0DBTS%7C4%0D</) }],
  'empty-element': [{ sin: 'empty-element', taken: IDS, came: says(/<return><\/return>/) }],
  'xml-bomb': [
    { sin: 'xml-bomb', taken: IDS, came: says(/<!DOCTYPE x \[.*&e8;&e8;.*MSA\|AA\|m4.*&e9;<\/soap:Body>/) },
    { sin: 'xml-bomb kind=doctype', taken: IDS, came: says(/<!ENTITY y SYSTEM .*&y;/) },
    { sin: 'xml-bomb kind=depth', taken: IDS, came: says(/(<a>){60}/) },
    { sin: 'xml-bomb kind=elements', taken: IDS, came: says(/(<a\/>){60}/) },
    { sin: 'xml-bomb kind=attributes', taken: IDS, came: says(/<a b0="" b1="" b2=""/) },
  ],
};
