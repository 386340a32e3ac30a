/** WSDLs in the forms that other people's tools write them, and those that nobody should follow. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { compare } from '../../../operations/soap/compare.ts';
import { DEFAULT_LIMITS } from '../../../operations/soap/config.ts';
import { type ContractOperation, readContract } from '../../../operations/soap/contract.ts';
import { resolveDialect } from '../../../operations/soap/dialect.ts';
import { ContractError, Documents } from '../../../operations/soap/documents.ts';
import { type GenericSettings, genericLines } from '../../../operations/soap/generic.ts';
import { temporaryFolder } from '../../support/redis.ts';
import { needsShared, sharedPath } from '../../support/shared.ts';
import { answering, http, NO_RESOURCES, onRequest, rawServer } from './rig.ts';

async function read(path: string): Promise<readonly ContractOperation[]> {
  const source = { url: new URL('http://127.0.0.1:9/'), wsdl: path, folder: '/', tls: {}, limits: DEFAULT_LIMITS };
  const documents = new Documents(source, AbortSignal.timeout(5000));
  try {
    return (await readContract(source, documents)).operations;
  } finally {
    await documents.close();
  }
}

/** Writes files into a folder of their own; gives the path of the first. */
async function files(t: TestContext, all: Readonly<Record<string, string>>): Promise<string> {
  const folder = await temporaryFolder(t);
  for (const [name, text] of Object.entries(all)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  return join(folder, Object.keys(all)[0] ?? '');
}

const XSD = 'xmlns:xs="http://www.w3.org/2001/XMLSchema"';
const SOAP = { '1.1': 'http://schemas.xmlsoap.org/wsdl/soap/', '1.2': 'http://schemas.xmlsoap.org/wsdl/soap12/' };

const schema = (inner: string, more = 'targetNamespace="urn:p" elementFormDefault="qualified"'): string =>
  `<xs:schema ${XSD} xmlns:p="urn:p" ${more}>${inner}</xs:schema>`;

const binding = (soap: '1.1' | '1.2', style = 'document', body = ''): string =>
  `<binding name="B${soap}" type="p:Port"><s:binding xmlns:s="${SOAP[soap]}" style="${style}" transport="http://schemas.xmlsoap.org/soap/http"/>
<operation name="Put"><s:operation xmlns:s="${SOAP[soap]}" soapAction="urn:p/Put"/>
<input><s:body xmlns:s="${SOAP[soap]}" use="literal" ${body}/></input><output><s:body xmlns:s="${SOAP[soap]}" use="literal" ${body}/></output></operation></binding>`;

const DOCUMENT =
  '<message name="In"><part name="head" type="p:None"/><part name="body" element="p:Put"/></message><message name="Out"><part name="body" element="p:PutResponse"/></message>';
const PORT =
  '<portType name="Port"><operation name="Put"><input message="p:In"/><output message="p:Out"/></operation></portType>';

const wsdl = (types: string, bindings: string, messages = DOCUMENT): string =>
  `<?xml version="1.0"?><definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:p="urn:p" targetNamespace="urn:p"><types>${types}</types>${messages}${PORT}${bindings}</definitions>`;

const text = (name: string, more = ''): string => `<xs:element name="${name}" type="xs:string" ${more}/>`;
const holds = (name: string, inner: string): string =>
  `<xs:element name="${name}"><xs:complexType>${inner}</xs:complexType></xs:element>`;
const PUT_RESPONSE = holds('PutResponse', `<xs:sequence>${text('Answer')}</xs:sequence>`);

const shown = (operation: ContractOperation | undefined) =>
  operation?.children.map(({ name, namespace, optional, text: holding }) => [name, namespace, optional, holding]);

test('all, choice, groups of their own, attributes of form, references and simple types', async (t) => {
  const parts = `<xs:sequence>${text('a', 'form="unqualified"')}<xs:choice>${text('b')}<xs:sequence>${text('c')}</xs:sequence></xs:choice>
<xs:element ref="p:shared" minOccurs="0"/><xs:element name="code" type="p:Code"/><xs:element name="file" type="xs:base64Binary"/>${holds('deep', `<xs:sequence>${text('x')}</xs:sequence>`)}</xs:sequence>`;
  const types = schema(
    `${holds('Put', parts)}${text('shared')}${PUT_RESPONSE}<xs:simpleType name="Code"><xs:restriction base="xs:token"/></xs:simpleType>`,
  );
  const [operation] = await read(await files(t, { 'p.wsdl': wsdl(types, binding('1.1')) }));
  assert.deepEqual(shown(operation), [
    ['a', '', false, 'string'],
    ['b', 'urn:p', true, 'string'],
    ['c', 'urn:p', true, 'string'],
    ['shared', 'urn:p', true, 'string'],
    ['code', 'urn:p', false, 'token'],
    ['file', 'urn:p', false, 'base64Binary'],
    ['deep', 'urn:p', false, undefined],
  ]);
  assert.deepEqual([operation?.soap, operation?.action, operation?.ordered], ['1.1', 'urn:p/Put', true]);
  assert.deepEqual(operation?.answers, ['PutResponse', 'PutResponse/Answer']);
  const anyOrder = schema(`${holds('Put', `<xs:all>${text('a')}${text('b')}</xs:all>`)}${PUT_RESPONSE}`);
  const [loose] = await read(await files(t, { 'p.wsdl': wsdl(anyOrder, binding('1.2')) }));
  assert.deepEqual([loose?.ordered, loose?.children.length], [false, 2]);
});

test('rpc: the element is called like the operation, its children are the parts, in no namespace', async (t) => {
  const messages =
    '<message name="In"><part name="user" type="x:string" xmlns:x="http://www.w3.org/2001/XMLSchema"/><part name="text" type="x:string" xmlns:x="http://www.w3.org/2001/XMLSchema"/></message><message name="Out"><part name="answer" type="x:string" xmlns:x="http://www.w3.org/2001/XMLSchema"/></message>';
  const [operation] = await read(
    await files(t, { 'p.wsdl': wsdl('', binding('1.1', 'rpc', 'namespace="urn:rpc"'), messages) }),
  );
  assert.deepEqual(operation?.request, { uri: 'urn:rpc', local: 'Put' });
  assert.deepEqual(shown(operation), [
    ['user', '', false, 'string'],
    ['text', '', false, 'string'],
  ]);
  assert.deepEqual(operation?.answers, ['PutResponse', 'PutResponse/answer']);
});

test('imports and includes over several files, in a circle, into the namespace of the one that includes', async (t) => {
  const main = wsdl(schema('<xs:import namespace="urn:p" schemaLocation="types/a.xsd"/>', ''), binding('1.2')).replace(
    '<types>',
    '<import namespace="urn:p" location="other.wsdl"/><types>',
  );
  const put = holds('Put', `<xs:sequence>${text('a')}</xs:sequence>`);
  const [operation, ...more] = await read(
    await files(t, {
      'p.wsdl': main,
      'other.wsdl': main.replace(/<types>.*<\/types>|<binding.*<\/binding>/gs, ''),
      'types/a.xsd': schema(`<xs:include schemaLocation="b.xsd"/>${PUT_RESPONSE}`),
      'types/b.xsd': schema(`<xs:include schemaLocation="a.xsd"/>${put}`, 'elementFormDefault="qualified"'),
    }),
  );
  assert.deepEqual(more, []);
  assert.deepEqual(operation?.request, { uri: 'urn:p', local: 'Put' });
  assert.deepEqual(shown(operation), [['a', 'urn:p', false, 'string']]);
});

test('types that hold or extend themselves end', async (t) => {
  const loop = `<xs:complexType name="Loop"><xs:complexContent><xs:extension base="p:Loop"><xs:sequence>
<xs:element name="left" type="p:Loop"/><xs:element name="right" type="p:Loop"/></xs:sequence></xs:extension></xs:complexContent></xs:complexType>`;
  const types = schema(`${loop}<xs:element name="Put" type="p:Loop"/><xs:element name="PutResponse" type="p:Loop"/>`);
  const [operation] = await read(await files(t, { 'p.wsdl': wsdl(types, binding('1.2')) }));
  assert.ok((operation?.answers.length ?? 0) <= 501);
});

test('what is no contract, or should not be read, is refused with the reason', async (t) => {
  const good = wsdl(schema(holds('Put', '') + PUT_RESPONSE), binding('1.2'));
  const cases: readonly [string, RegExp][] = [
    ['<definitions/>', /root is not definitions of WSDL 1\.1/],
    ['<description xmlns="http://www.w3.org/ns/wsdl"/>', /root is not definitions/],
    [schema(''), /no operation over SOAP/],
    [wsdl('', ''), /no operation over SOAP/],
    [good.slice(0, -5), /no well-formed XML/],
    ['', /no well-formed XML|empty/],
    [good.replace('?>', '?><!DOCTYPE d [<!ENTITY e "x">]>'), /document type/],
    [
      good.replace('<types>', '<import location="no-such.wsdl"/><types>'),
      /it imports .*no-such\.wsdl: there is no such file/,
    ],
    [good.replace('<types>', '<import location="http://127.0.0.1:1/x"/><types>'), /does not name/],
    [
      good.replace('<types>', `<documentation>${'<a>'.repeat(80)}${'</a>'.repeat(80)}</documentation><types>`),
      /deeper/,
    ],
    [good.replace('<types>', `<documentation>${'<a/>'.repeat(30_000)}</documentation><types>`), /more elements/],
  ];
  for (const [document, reason] of cases)
    await assert.rejects(read(await files(t, { 'p.wsdl': document })), (error) => {
      assert.ok(error instanceof ContractError, String(error));
      assert.match(error.message, reason);
      return true;
    });
});

const NAMES: GenericSettings = {
  soap: '1.1',
  namespace: 'urn:p',
  action: 'urn:p/Put',
  element: 'Put',
  username: 'user',
  message: 'file',
  answer: 'Answer',
};

test('with both versions in a WSDL ours is compared; bytes want base64, a wanted element is named', async (t) => {
  const put = holds(
    'Put',
    `<xs:sequence>${text('user')}<xs:element name="file" type="xs:base64Binary"/>${text('site')}</xs:sequence>`,
  );
  const operations = await read(
    await files(t, { 'p.wsdl': wsdl(schema(put + PUT_RESPONSE), binding('1.2') + binding('1.1')) }),
  );
  assert.deepEqual(
    operations.map(({ soap }) => soap),
    ['1.2', '1.1'],
  );
  const lines = (over: Partial<GenericSettings>) =>
    compare({ operations }, resolveDialect('generic', NO_RESOURCES, genericLines({ ...NAMES, ...over }))).differences;
  assert.deepEqual(lines({}), [
    'element site of Put: found none in the dialect, expected site by the WSDL; name it under generic.order of the destination, or ask the receiver what must stand in it',
    'element file of Put: found carry text in the dialect, expected base64Binary by the WSDL; write base64 under generic.carry of the destination',
  ]);
  for (const soap of ['1.1', '1.2'] as const)
    assert.deepEqual(
      lines({ soap, carry: 'base64', organisation: 'site', order: ['username', 'message', 'organisation'] }),
      [],
    );
});

test('what comes over the network leads to no file of this machine', async (t) => {
  const good = wsdl(schema(holds('Put', '') + PUT_RESPONSE), binding('1.2'));
  for (const location of ['file:///etc/hostname', 'data:text/xml,x', 'FILE:/etc/hostname']) {
    const evil = good.replace('<types>', `<import location="${location}"/><types>`);
    const server = await answering(t, http(200, evil));
    await assert.rejects(read(`${server.url}?wsdl`), /it imports .*: that is no http address/);
  }
  const server = await answering(t, http(200, good.replace('<types>', '<import location="/etc/hostname"/><types>')));
  await read(`${server.url}?wsdl`);
  assert.equal(server.connections(), 1, 'a path is one of the host');
});

test('groups are read where they are used; one that holds itself ends', async (t) => {
  const group = `<xs:group name="Who"><xs:sequence>${text('user')}${text('pass')}<xs:group ref="p:Who"/></xs:sequence></xs:group>`;
  const put = holds('Put', `<xs:sequence><xs:group ref="p:Who" minOccurs="0"/>${text('file')}</xs:sequence>`);
  const [operation] = await read(
    await files(t, { 'p.wsdl': wsdl(schema(group + put + PUT_RESPONSE), binding('1.2')) }),
  );
  assert.deepEqual(shown(operation)?.slice(0, 2), [
    ['user', 'urn:p', true, 'string'],
    ['pass', 'urn:p', true, 'string'],
  ]);
  assert.equal(operation?.children.at(-1)?.name, 'file');
  assert.equal(operation?.children.length, 17);
});

/** What each published WSDL says: namespace, element, children. */
const PUBLISHED: Readonly<Record<string, readonly string[]>> = {
  'cdc-iis-2011.wsdl': ['urn:cdc:iisb:2011', 'submitSingleMessage', 'username', 'password', 'facilityID', 'hl7Message'],
  'cdc-iis.wsdl': [
    'urn:cdc:iisb:2014',
    'SubmitSingleMessageRequest',
    'Username',
    'Password',
    'FacilityID',
    'Hl7Message',
  ],
  'cdc-iis-hub.wsdl': [
    'urn:cdc:iisb:2014',
    'SubmitSingleMessageRequest',
    'Username',
    'Password',
    'FacilityID',
    'Hl7Message',
  ],
};

test("the CDC's own contracts are read with their schemas, from a host that serves them", needsShared, async (t) => {
  const folder = sharedPath('fixtures/soap/wsdl/cdc-iis');
  const server = await rawServer(t, (socket) =>
    onRequest(socket, (request) => {
      const [, file, wanted] = /^GET \/[^?]*\?(wsdl|xsd)=\/?([a-z0-9.-]+) /.exec(request) ?? [];
      const from = file === 'xsd' ? 'schema' : 'wsdl';
      socket.write(wanted === undefined ? http(404, '') : http(200, readFileSync(join(folder, from, wanted))));
    }),
  );
  for (const [file, said] of Object.entries(PUBLISHED)) {
    const operations = await read(`${server.url}?wsdl=${file}`);
    const submit = operations.find(({ name }) => name.toLowerCase() === 'submitsinglemessage');
    const children = submit?.children.map(({ name }) => name) ?? [];
    assert.deepEqual([submit?.request.uri, submit?.request.local, ...children], said, file);
  }
});
