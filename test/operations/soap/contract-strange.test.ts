/** WSDLs as strangers write them: headers, simple contents, restrictions, standard imports, other charsets. */
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { compare } from '../../../operations/soap/compare.ts';
import { DEFAULT_LIMITS } from '../../../operations/soap/config.ts';
import { type ContractOperation, readContract } from '../../../operations/soap/contract.ts';
import { resolveDialect } from '../../../operations/soap/dialect.ts';
import { Documents } from '../../../operations/soap/documents.ts';
import { temporaryFolder } from '../../support/redis.ts';
import { resources } from './rig.ts';

/** Reads the only operation of the first of these files. */
async function read(
  t: TestContext,
  all: Readonly<Record<string, string | Buffer>>,
): Promise<ContractOperation | undefined> {
  const folder = await temporaryFolder(t);
  for (const [name, text] of Object.entries(all)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  const wsdl = join(folder, Object.keys(all)[0] ?? '');
  const source = { url: new URL('http://127.0.0.1:9/'), wsdl, folder, tls: {}, limits: DEFAULT_LIMITS };
  const documents = new Documents(source, AbortSignal.timeout(5000));
  try {
    const { operations } = await readContract(source, documents);
    assert.equal(operations.length, 1);
    return operations[0];
  } finally {
    await documents.close();
  }
}

const SPACES =
  'xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:s="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:p="urn:p" targetNamespace="urn:p"';
const text = (name: string, more = ''): string => `<xs:element name="${name}" type="xs:string" ${more}/>`;
const RESPONSE = `<xs:element name="PutResponse"><xs:complexType><xs:sequence>${text('Answer')}</xs:sequence></xs:complexType></xs:element>`;
const put = (inner: string): string =>
  `<xs:element name="Put"><xs:complexType>${inner}</xs:complexType></xs:element>${RESPONSE}`;
const types = (inner: string): string =>
  `<types><xs:schema targetNamespace="urn:p" elementFormDefault="qualified">${inner}</xs:schema></types>`;
const PARTS =
  '<message name="In"><part name="body" element="p:Put"/></message><message name="Out"><part name="body" element="p:PutResponse"/></message>';

interface Bound {
  readonly style?: string;
  /** Attributes of the body of the request. */
  readonly body?: string;
  /** Beside the body of the request. */
  readonly header?: string;
}

const wsdl = (defined: string, messages = PARTS, { style = 'document', body = '', header = '' }: Bound = {}): string =>
  `<?xml version="1.0"?><definitions ${SPACES}>${defined}${messages}<portType name="Port"><operation name="Put"><input message="p:In"/><output message="p:Out"/></operation></portType>
<binding name="B" type="p:Port"><s:binding style="${style}" transport="http://schemas.xmlsoap.org/soap/http"/><operation name="Put"><s:operation/><input>${header}<s:body use="literal" ${body}/></input><output><s:body use="literal"/></output></operation></binding></definitions>`;

const shown = (operation: ContractOperation | undefined): readonly string[] | undefined =>
  operation?.children.map(({ name, text: holding }) => `${name} ${holding}`);

const PLAIN = types(put(`<xs:sequence>${text('User')}${text('Hl7')}</xs:sequence>`));
const HEAD = '<s:header message="p:In" part="head" use="literal"/>';

test('a part that the binding puts into the header is not the request, wherever it stands', async (t) => {
  const messages = PARTS.replace('<part name="body" element="p:Put"/>', '<part name="head" element="p:Auth"/>$&');
  const defined = PLAIN.replace('</xs:schema>', `${text('Auth')}</xs:schema>`);
  const operation = await read(t, { 'p.wsdl': wsdl(defined, messages, { header: HEAD }) });
  assert.deepEqual(operation?.request, { uri: 'urn:p', local: 'Put' });
  assert.deepEqual(operation?.headers, [{ uri: 'urn:p', local: 'Auth' }]);
  assert.deepEqual(shown(operation), ['User string', 'Hl7 string']);
  const lines = {
    dialect: 'own',
    soap: '1.1',
    namespace: 'urn:p',
    charset: 'utf-8',
    request: {
      element: 'Put',
      children: [
        { element: 'User', text: 'u' },
        { element: 'Hl7', from: 'message' },
      ],
    },
    answer: { element: 'PutResponse/Answer', content: 'hl7' },
    repeatable: false,
  };
  const notes = (more: object): readonly string[] => {
    const found = compare(
      { operations: [operation!] },
      resolveDialect('own', resources({ own: { ...lines, ...more } })),
    );
    assert.deepEqual(found.differences, []);
    return found.notes;
  };
  assert.match(notes({}).join(), /Auth in the SOAP header/);
  assert.deepEqual(notes({ headers: [{ element: 'Auth', text: 'x' }] }), []);
});

test('rpc: parts of the header are no children, nor those that the body does not list', async (t) => {
  const part = (name: string): string => `<part name="${name}" type="xs:string"/>`;
  const messages = `<message name="In">${['user', 'head', 'hl7'].map(part).join('')}</message><message name="Out">${part('answer')}</message>`;
  const listed = { style: 'rpc', body: 'namespace="urn:rpc" parts="hl7 user"' };
  assert.deepEqual(shown(await read(t, { 'p.wsdl': wsdl('', messages, listed) })), ['user string', 'hl7 string']);
  const beside = { style: 'rpc', body: 'namespace="urn:rpc"', header: HEAD };
  assert.deepEqual(shown(await read(t, { 'p.wsdl': wsdl('', messages, beside) })), ['user string', 'hl7 string']);
});

test('text beside attributes, simple types of their own, and restrictions', async (t) => {
  const simple = (base: string): string =>
    `<xs:simpleContent><xs:extension base="${base}"><xs:attribute name="format"/></xs:extension></xs:simpleContent>`;
  const inner = `<xs:sequence><xs:element name="Named" type="p:Payload"/><xs:element name="Own"><xs:complexType>${simple('xs:base64Binary')}</xs:complexType></xs:element>
<xs:element name="Bytes"><xs:simpleType><xs:restriction base="xs:base64Binary"><xs:maxLength value="9"/></xs:restriction></xs:simpleType></xs:element></xs:sequence>`;
  const defined = types(
    `${put(inner)}<xs:complexType name="Payload">${simple('p:Letter')}</xs:complexType><xs:simpleType name="Letter"><xs:restriction base="xs:token"/></xs:simpleType>`,
  );
  assert.deepEqual(shown(await read(t, { 'p.wsdl': wsdl(defined) })), [
    'Named token',
    'Own base64Binary',
    'Bytes base64Binary',
  ]);
  const base = `<xs:complexType name="Base"><xs:sequence>${text('User')}${text('Extra', 'minOccurs="0"')}${text('Hl7')}</xs:sequence></xs:complexType>`;
  const kept = `<xs:complexContent><xs:restriction base="p:Base"><xs:sequence>${text('User')}${text('Hl7')}</xs:sequence></xs:restriction></xs:complexContent>`;
  assert.deepEqual(shown(await read(t, { 'p.wsdl': wsdl(types(put(kept) + base)) })), ['User string', 'Hl7 string']);
});

test('schemas of the standards are not fetched from their makers', async (t) => {
  const standard =
    '<xs:import namespace="http://schemas.xmlsoap.org/soap/encoding/" schemaLocation="http://schemas.xmlsoap.org/soap/encoding/"/>';
  const operation = await read(t, { 'p.wsdl': wsdl(PLAIN.replace('qualified">', `$&${standard}`)) });
  assert.deepEqual(shown(operation), ['User string', 'Hl7 string']);
});

test('charsets other than UTF-8, and a file whose name is written as in an address', async (t) => {
  const good = ['User string', 'Hl7 string'];
  const whole = wsdl(PLAIN);
  const wide = Buffer.from(`\ufeff${whole}`, 'utf16le');
  assert.deepEqual(shown(await read(t, { 'p.wsdl': wide })), good);
  const latin = whole.replace('?>', ' encoding="iso-8859-1"?><!-- \u00e9 -->');
  assert.deepEqual(shown(await read(t, { 'p.wsdl': Buffer.from(latin, 'latin1') })), good);
  await assert.rejects(
    read(t, { 'p.wsdl': Buffer.from(latin.replace('iso-8859-1', 'utf-8'), 'latin1') }),
    /no text in utf-8/,
  );
  const imported = PLAIN.replace(
    /(<xs:schema[^>]*>).*(<\/xs:schema>)/s,
    '<xs:schema><xs:import namespace="urn:p" schemaLocation="our%20types/put.xsd"/>$2',
  );
  const schema = /<xs:schema.*<\/xs:schema>/s.exec(PLAIN)?.[0] ?? '';
  const file = schema.replace('<xs:schema', '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:p="urn:p"');
  assert.deepEqual(shown(await read(t, { 'p.wsdl': wsdl(imported), 'our types/put.xsd': file })), good);
  assert.deepEqual(shown(await read(t, { 'p.wsdl': wsdl(imported), 'our%20types/put.xsd': file })), good);
});

test('answers that are bytes by the WSDL, at the root or inside, are known as base64', async (t) => {
  const inside = types(
    put(`<xs:sequence>${text('Hl7')}</xs:sequence>`).replace(
      text('Answer'),
      `${text('Answer')}<xs:element name="File" type="xs:base64Binary"/>`,
    ),
  );
  assert.deepEqual((await read(t, { 'p.wsdl': wsdl(inside) }))?.encoded, ['PutResponse/File']);
  const root = types(
    `${put(`<xs:sequence>${text('Hl7')}</xs:sequence>`).replace(RESPONSE, '')}<xs:element name="PutResponse" type="xs:base64Binary"/>`,
  );
  assert.deepEqual((await read(t, { 'p.wsdl': wsdl(root) }))?.encoded, ['PutResponse']);
});
