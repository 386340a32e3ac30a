/** `waybill dialect`: list, show, new, test. */
import assert from 'node:assert/strict';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { dialect as command } from '../../../cli/commands/dialect.ts';
import { readDialects } from '../../../cli/dialects/folder.ts';
import { dialectText } from '../../../cli/dialects/show.ts';
import { WaybillError } from '../../../engine/errors.ts';
import { builtInDialects, resolveDialect } from '../../../operations/soap/dialect.ts';
import { temporaryFolder } from '../../support/redis.ts';
import { needsShared, sharedPath } from '../../support/shared.ts';

const NO_RESOURCES = { timeZone: 'UTC', values: {}, tables: {}, files: {} };

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function dialect(words: readonly string[], flags: Readonly<Record<string, string | boolean>> = {}): Promise<Ran> {
  const out: string[] = [];
  const err: string[] = [];
  const code = await command.run({ flags, words, print: (line) => out.push(line), tell: (line) => err.push(line) });
  return { code, out: out.join('\n'), err: err.join('\n') };
}

async function production(t: TestContext, dialects: Readonly<Record<string, string>>): Promise<string> {
  const folder = await temporaryFolder(t, 'waybill-dialects-');
  await mkdir(join(folder, 'dialects', 'samples'), { recursive: true });
  for (const [name, text] of Object.entries(dialects)) await writeFile(join(folder, 'dialects', name), text);
  return folder;
}

async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (error instanceof WaybillError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'nothing thrown';
}

test('list: those that are shipped, and those of the production before them', async (t) => {
  const folder = await production(t, { 'county.yaml': 'dialect: county\nextends: wi\nsummary: The county\n' });
  const { code, out } = await dialect(['list', folder]);
  assert.equal(code, 0);
  const lines = out.split('\n');
  assert.match(lines[0] ?? '', /^county +dialects\/ +The county$/);
  assert.deepEqual(
    lines.slice(1).map((line) => line.split(' ')[0]),
    builtInDialects(),
  );
});

test('show: what is printed is a file of its own that says the same', async (t) => {
  for (const name of builtInDialects().filter((each) => each !== 'generic')) {
    const folder = await production(t, { [`${name}.yaml`]: dialectText(name, NO_RESOURCES) });
    const { resources, problems } = readDialects(folder);
    assert.deepEqual(problems, [], name);
    assert.deepEqual(resolveDialect(name, resources), resolveDialect(name, NO_RESOURCES));
  }
  const generic = await dialect(['show', 'generic']);
  assert.match(generic.out, /names are those under `generic`/);
  const hub = await dialect(['show', 'iz-hub-2014'], { json: true });
  assert.match(hub.out, /with the lines of cdc-iis-2014/);
  assert.match(await refusal(dialect(['show', 'nope'])), /^SOAP_DIALECT_UNKNOWN/);
});

test('new: from published WSDLs, whole dialects whose samples run', needsShared, async (t) => {
  const folder = await production(t, {});
  const wsdls: Readonly<Record<string, string>> = {
    iis: 'peers/wsdl/cdc-iis-2011.local.wsdl',
    elr: 'peers/wsdl/pa-elr.local.wsdl',
  };
  for (const [name, wsdl] of Object.entries(wsdls)) {
    const made = await dialect(['new', name, folder], { wsdl: sharedPath(wsdl) });
    assert.equal(made.code, 0);
    assert.match(made.out, /wrote .*samples.*\nnext: look for CONFIRM/);
    const ran = await dialect(['test', join(folder, 'dialects', `${name}.yaml`)]);
    assert.equal(ran.code, 0, ran.out);
    assert.match(ran.out, /3 of 3 samples as expected/);
  }
  const { resources } = readDialects(folder);
  const [iis, cdc] = [resolveDialect('iis', resources), resolveDialect('cdc-iis-2011', resources)];
  for (const line of ['soap', 'action', 'namespace', 'request'] as const) assert.deepEqual(iis[line], cdc[line], line);
  assert.equal(iis.answer.element, cdc.answer.element);
  const elr = resolveDialect('elr', resources);
  assert.equal(elr.answer.success?.element, 'UploadFilesResponse/UploadFilesResult/ELRWcfReturnMessage/Success');
  assert.match(
    await refusal(dialect(['new', 'iis', folder], { wsdl: sharedPath(wsdls.iis ?? '') })),
    /^DIALECT_EXISTS/,
  );
});

const wsdl = (operations: Readonly<Record<string, string>>): string => {
  const names = Object.keys(operations);
  const elements = Object.entries(operations).map(
    ([name, inner]) =>
      `<xs:element name="${name}"><xs:complexType><xs:sequence>${inner}</xs:sequence></xs:complexType></xs:element>`,
  );
  return `<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:t="urn:t" targetNamespace="urn:t">
<types><xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:t">${elements.join('')}<xs:element name="Done"><xs:complexType><xs:sequence><xs:element name="Result" type="xs:string"/></xs:sequence></xs:complexType></xs:element></xs:schema></types>
${names.map((name) => `<message name="${name}"><part name="p" element="t:${name}"/></message>`).join('')}<message name="Out"><part name="p" element="t:Done"/></message>
<portType name="P">${names.map((name) => `<operation name="${name}"><input message="t:${name}"/><output message="t:Out"/></operation>`).join('')}</portType>
<binding name="B" type="t:P"><soap:binding transport="http://schemas.xmlsoap.org/soap/http"/>${names.map((name) => `<operation name="${name}"><soap:operation soapAction="urn:${name}"/><input><soap:body use="literal"/></input><output><soap:body use="literal"/></output></operation>`).join('')}</binding></definitions>`;
};

const text = (name: string): string => `<xs:element name="${name}" type="xs:string"/>`;

test('new: an operation is chosen, or its names are told; a name or a WSDL that will not do is refused', async (t) => {
  const folder = await production(t, {});
  const two = join(folder, 'two.wsdl');
  await writeFile(two, wsdl({ SendA: text('Hl7Message'), SendB: text('Hl7Message'), Ping: text('Echo') }));
  const make = (name: string, flags: Readonly<Record<string, string>>): Promise<Ran> =>
    dialect(['new', name, folder], flags);
  assert.match(await refusal(make('x', { wsdl: two })), /^DIALECT_OPERATION: .*several.*; it has SendA, SendB, Ping$/);
  assert.match(await refusal(make('x', { wsdl: two, operation: 'Ping' })), /^DIALECT_OPERATION/);
  assert.equal((await make('x', { wsdl: two, operation: 'SendB' })).code, 0);
  assert.match(
    await readFile(join(folder, 'dialects', 'x.yaml'), 'utf8'),
    /qualified: false\n.*\n.*Hl7Message, from: message/,
  );
  assert.match(await refusal(make('X y', { wsdl: two })), /^DIALECT_NAME/);
  assert.match(await refusal(make('y', { wsdl: join(folder, 'none.wsdl') })), /^DIALECT_WSDL: .*no such file/);
  await writeFile(join(folder, 'evil.wsdl'), `<!DOCTYPE x>${wsdl({ Send: text('Hl7Message') })}`);
  assert.match(await refusal(make('y', { wsdl: join(folder, 'evil.wsdl') })), /^DIALECT_WSDL: .*document type/);
  await assert.rejects(dialect(['new', 'z', folder]), /--wsdl is missing/);
});

const SAMPLES = `dialect: county
samples:
  - name: good
    answer:
      body: |
        <Envelope><Body><submitSingleMessageResponse><return>MSH|^~\\&amp;|A
        MSA|AA|M1</return></submitSingleMessageResponse></Body></Envelope>
    request: { holds: [<nowhere>], lacks: [<username>], headers: { soapaction: none-such } }
    expect:
      outcome: rejected
      code: AE
      words: something else
      messages: { M9: delivered }
`;

test('test: each difference with its line, and an exit code for CI', async (t) => {
  const folder = await production(t, { 'county.yaml': 'dialect: county\nextends: wi\n' });
  await writeFile(join(folder, 'dialects', 'samples', 'county.yaml'), SAMPLES);
  const { code, out } = await dialect(['test', 'county', folder]);
  assert.equal(code, 1);
  const places = [...out.matchAll(/^ +dialects\/samples\/county\.yaml:(\d+) (\S+):/gm)].map(
    ([, line, what]) => `${line} ${what}`,
  );
  assert.deepEqual(places, ['10 M1', '13 M9', '11 code', '12 words', '8 soapaction', '8 request', '8 request']);
  const json = JSON.parse((await dialect(['test', 'county', folder], { json: true })).out);
  assert.deepEqual([json.ok, json.samples.length, json.samples[0].differences.length], [false, 1, 7]);
});

test('test: what cannot be run is told with its place', async (t) => {
  const folder = await production(t, {
    'county.yaml': 'dialect: county\nextends: wi\n',
    'bad.yaml': 'dialect: bad\nextends: nope\n',
  });
  const samples = join(folder, 'dialects', 'samples', 'county.yaml');
  const bad = await dialect(['test', 'county', folder]);
  assert.equal(bad.code, 3);
  assert.match(bad.err, /^dialects\/bad\.yaml:2:\d+ extends: .*SOAP_DIALECT_UNKNOWN/);
  await cp(join(folder, 'dialects', 'county.yaml'), join(folder, 'dialects', 'bad.yaml'));
  assert.equal((await dialect(['test', 'county', folder])).code, 3, 'a file that has another name');
  await writeFile(join(folder, 'dialects', 'bad.yaml'), 'dialect: bad\nextends: wi\n');
  assert.match(await refusal(dialect(['test', 'county', folder])), /^SAMPLES_NOT_FOUND/);
  assert.match(await refusal(dialect(['test', join(folder, 'none.yaml')])), /^SAMPLES_NOT_FOUND/);
  const cases: readonly [string, RegExp][] = [
    ['answer: {}', /^SAMPLE_UNUSABLE: dialects\/samples\/county\.yaml:5: an answer has either body or file/],
    ['answer: { file: none.xml }', /^SAMPLE_UNUSABLE: .*none\.xml cannot be read/],
    ['request: {}', /^SAMPLE_UNUSABLE: .*either answer or statusAnswer/],
  ];
  for (const [line, why] of cases) {
    await writeFile(
      samples,
      `dialect: county\nsamples:\n  - name: x\n    expect: { outcome: delivered }\n    ${line}\n`,
    );
    assert.match(await refusal(dialect(['test', 'county', folder])), why, line);
  }
  await writeFile(samples, 'dialect: county\nsamples: []\nextra: 1\n');
  const broken = await dialect(['test', 'county', folder]);
  assert.equal(broken.code, 2);
  assert.match(broken.err, /county\.yaml:2:.*\n.*county\.yaml:3:.*UNKNOWN_KEY/);
});

test('words that make no sense are a matter of usage', async () => {
  for (const words of [[], ['look'], ['show'], ['list', 'a', 'b'], ['test', 'a', 'b', 'c']])
    await assert.rejects(dialect(words), { name: 'Error' }, words.join(' '));
});
