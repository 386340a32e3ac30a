import { createReadStream } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { parse } from 'csv-parse';
import { Agent, request } from 'undici';

/**
 * The same parts without an engine, in one thread: csv-parse arrays, a template with escapes, an envelope, a post of 1,000
 * messages a call. No ledger, no rules, nothing durable: what P1 is measured against.
 */

const SEXES: Readonly<Record<string, string>> = { Male: 'M', Female: 'F', Unknown: 'U' };
const VACCINES: Readonly<Record<string, string>> = {
  207: 'COVID-19 mRNA LNP-S PF 100 mcg',
  208: 'COVID-19 mRNA LNP-S PF 30 mcg',
  140: 'Influenza seasonal injectable PF',
  115: 'Tdap',
  133: 'Pneumococcal conjugate PCV 13',
};
const SPECIAL = /[|^~\\&\r\n]/;
const ESCAPES: Readonly<Record<string, string>> = {
  '|': '\\F\\',
  '^': '\\S\\',
  '~': '\\R\\',
  '\\': '\\E\\',
  '&': '\\T\\',
  '\r': '\\X0D\\',
  '\n': '\\X0A\\',
};

function e(value = ''): string {
  return SPECIAL.test(value) ? value.replace(/[|^~\\&\r\n]/g, (c) => ESCAPES[c] ?? c) : value;
}

function vxu(f: readonly string[], id: string, time: string): string {
  const given = (f[11] ?? '').replace(/[- :]/g, '');
  const rest =
    f[13] === 'Y'
      ? '||RE\r'
      : `|||||CP|A\rRXR|C28161^Intramuscular^NCIT|LA^Left arm^HL70163\rOBX|1|CE|64994-7^Vaccine funding program eligibility category^LN|1|V01^Not VFC eligible^HL70064||||||F|||${given.slice(0, 8)}\r`;
  return `MSH|^~\\&|BENCH|F1|IIS|STATE|${time}||VXU^V04^VXU_V04|${id}|P|2.5.1\rPID|1||${e(f[0])}^^^COUNTY^MR||${e((f[1] ?? '').toUpperCase())}^${e((f[2] ?? '').toUpperCase())}^^^^^L||${(f[3] ?? '').replaceAll('-', '')}|${SEXES[f[4] ?? ''] ?? ''}|||${e(f[5])}^^${e(f[6])}^${e(f[7])}^${e(f[8])}||${e(f[9])}^PRN^PH\rORC|RE||${id}\rRXA|0|1|${given}||${f[10]}^${VACCINES[f[10] ?? ''] ?? ''}^CVX|999|||00^New immunization record^NIP001||||||${e(f[12])}${rest}`;
}

function envelope(hl7: string, user: string, password: string, facility: string): string {
  const text = hl7.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('\r', '&#xD;');
  return `<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body><submitSingleMessage xmlns="urn:cdc:iisb:2011"><username>${user}</username><password>${password}</password><facilityID>${facility}</facilityID><hl7Message>${text}</hl7Message></submitSingleMessage></s:Body></s:Envelope>`;
}

const [path = '', url = ''] = process.argv.slice(2);
const { REGISTRY_USER: user = '', REGISTRY_PASSWORD: password = '', REGISTRY_FACILITY: facility = '' } = process.env;
const agent = new Agent({ connections: 1 });
const started = performance.now();
const prefix = started.toString(36).replace('.', '').slice(0, 6);
let rows = 0;
let messages: string[] = [];

async function post(): Promise<void> {
  const head = 'FHS|^~\\&|BENCH|COUNTY|IIS|STATE\rBHS|^~\\&|BENCH|COUNTY|IIS|STATE\r';
  const body = envelope(`${head}${messages.join('')}BTS|${messages.length}\rFTS|1\r`, user, password, facility);
  const answer = await request(url, {
    method: 'POST',
    dispatcher: agent,
    headers: { 'content-type': 'application/soap+xml; charset=utf-8; action="urn:cdc:iisb:2011:submitSingleMessage"' },
    body,
  });
  const text = await answer.body.text();
  if (answer.statusCode !== 200 || !text.includes(`BTS|${messages.length}`))
    throw new Error(`the receiver answered ${answer.statusCode}`);
  messages = [];
}

let first = true;
for await (const record of createReadStream(path, { highWaterMark: 256 * 1024 }).pipe(parse())) {
  if (first) {
    first = false;
    continue;
  }
  rows += 1;
  messages.push(vxu(record as string[], `${prefix}-${rows}`, '20240101000000-0700'));
  if (messages.length === 1000) await post();
}
if (messages.length > 0) await post();
const seconds = (performance.now() - started) / 1000;
const cpu = process.cpuUsage();
process.stdout.write(
  `${JSON.stringify({ rows, seconds, cpuMicros: cpu.user + cpu.system, rss: process.resourceUsage().maxRSS * 1024 })}\n`,
);
await agent.close();
