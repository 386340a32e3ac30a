/** `waybill dialect new` from WSDLs whose answers or headers are unusual; what it writes passes its own samples. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { dialect as command } from '../../../cli/commands/dialect.ts';
import { temporaryFolder } from '../../support/redis.ts';

interface Wsdl {
  /** Elements of the answer. */
  readonly answer: string;
  /** A part for the SOAP header. */
  readonly header?: boolean;
  /** Elements of the request beside that of the message. */
  readonly beside?: string;
}

const WSDL = ({ answer, header = false, beside = '' }: Wsdl): string =>
  `<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:s="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:p="urn:p" targetNamespace="urn:p"><types><xs:schema targetNamespace="urn:p" elementFormDefault="qualified">
<xs:element name="Auth" type="xs:string"/><xs:element name="Put"><xs:complexType><xs:sequence><xs:element name="Hl7" type="xs:string"/>${beside}</xs:sequence></xs:complexType></xs:element>
<xs:element name="PutResponse"><xs:complexType><xs:sequence>${answer}</xs:sequence></xs:complexType></xs:element></xs:schema></types>
<message name="In">${header ? '<part name="head" element="p:Auth"/>' : ''}<part name="body" element="p:Put"/></message><message name="Out"><part name="body" element="p:PutResponse"/></message>
<portType name="Port"><operation name="Put"><input message="p:In"/><output message="p:Out"/></operation></portType>
<binding name="B" type="p:Port"><s:binding transport="http://schemas.xmlsoap.org/soap/http"/><operation name="Put"><s:operation/><input>${header ? '<s:header message="p:In" part="head" use="literal"/>' : ''}<s:body use="literal"/></input><output><s:body use="literal"/></output></operation></binding></definitions>`;

/** Writes the dialect, runs its samples, and gives its text. */
async function written(t: TestContext, wsdl: Wsdl): Promise<string> {
  const folder = await temporaryFolder(t, 'waybill-new-');
  const path = join(folder, 'receiver.wsdl');
  await writeFile(path, WSDL(wsdl));
  const out: string[] = [];
  const tell = (line: string): number => out.push(line);
  assert.equal(await command.run({ flags: { wsdl: path }, words: ['new', 'mine', folder], print: tell, tell }), 0);
  assert.equal(await command.run({ flags: {}, words: ['test', 'mine', folder], print: tell, tell }), 0, out.join('\n'));
  assert.equal(out.at(-1), 'mine: 3 of 3 samples as expected');
  return readFile(join(folder, 'dialects', 'mine.yaml'), 'utf8');
}

test('a flag beside an acknowledgement: both are read, so that a no in either is seen', async (t) => {
  const answer = '<xs:element name="Success" type="xs:boolean"/><xs:element name="Hl7Ack" type="xs:string"/>';
  const text = await written(t, { answer });
  assert.match(text, /element: PutResponse\/Hl7Ack\n {2}content: hl7\n {2}success: \{ element: PutResponse\/Success,/);
  assert.match(text, /answers: each/);
});

test('an answer that is bytes by the WSDL is read as base64', async (t) => {
  const text = await written(t, { answer: '<xs:element name="return" type="xs:base64Binary"/>' });
  assert.match(text, /element: PutResponse\/return\n {2}content: hl7\n {2}encoding: base64\n/);
});

test('what the WSDL wants in the SOAP header is named for a person', async (t) => {
  const text = await written(t, { answer: '<xs:element name="return" type="xs:string"/>', header: true });
  assert.match(text, /# The WSDL has Auth of "urn:p" in the SOAP header: .*# ASK/);
  assert.match(text, /element: Put\n/);
  const none = await written(t, { answer: '<xs:element name="return" type="xs:string"/>' });
  assert.doesNotMatch(none, /SOAP header/);
});

test('elements whose names YAML would take for something else', async (t) => {
  const answer = '<xs:element name="return" type="xs:string"/>';
  const beside = '<xs:element name="True" type="xs:string"/><xs:element name="null" type="xs:string"/>';
  assert.match(await written(t, { answer, beside }), /- \{ element: "True", .*\n.*- \{ element: "null", /);
});
