/** A WSDL 1.1 of a dialect, with its schema inside, so that one document is the whole contract. */
import type { Dialect } from '../dialect.ts';
import { asciiXml } from '../xml.ts';

function element(
  name: string,
  children: readonly string[],
  type: (child: string) => string = () => 'xsd:string',
): string {
  const inner = children
    .map((child) => `<xsd:element name="${child}" type="${type(child)}" minOccurs="0" nillable="true"/>`)
    .join('');
  return `<xsd:element name="${name}"><xsd:complexType><xsd:sequence>${inner}</xsd:sequence></xsd:complexType></xsd:element>`;
}

function message(name: string): string {
  return `<message name="${name}Message"><part name="parameters" element="tns:${name}"/></message>`;
}

interface WsdlCall {
  readonly name: string;
  readonly action: string;
  readonly faults: readonly string[];
}

function portTypeOperation({ name, faults }: WsdlCall): string {
  const named = faults.map((fault) => `<fault name="${fault}" message="tns:${fault}Message"/>`).join('');
  return `<operation name="${name}"><input message="tns:${name}Message"/><output message="tns:${name}ResponseMessage"/>${named}</operation>`;
}

function bindingOperation({ name, action, faults }: WsdlCall): string {
  const named = faults
    .map((fault) => `<fault name="${fault}"><soap:fault name="${fault}" use="literal"/></fault>`)
    .join('');
  const body = '<soap:body use="literal"/>';
  return `<operation name="${name}"><soap:operation soapAction="${asciiXml(action)}"/><input>${body}</input><output>${body}</output>${named}</operation>`;
}

/** The detail elements that the dialect's table of faults knows, as opposed to codes of SOAP itself. */
export function detailFaults(dialect: Dialect): readonly string[] {
  return Object.keys(dialect.faults).filter((name) => name.endsWith('Fault'));
}

/** The WSDL of a receiver of this dialect at this address. */
export function twinWsdl(dialect: Dialect, address: string): string {
  const { namespace, request, answer, action, probe, soap } = dialect;
  const binding = soap === '1.2' ? 'http://schemas.xmlsoap.org/wsdl/soap12/' : 'http://schemas.xmlsoap.org/wsdl/soap/';
  const returned = answer.element.split('/').at(-1) ?? 'return';
  const faults = detailFaults(dialect);
  const submit: WsdlCall = { name: request.element, action, faults };
  const probeAction = action.endsWith(request.element) ? action.slice(0, -request.element.length) + (probe ?? '') : '';
  const calls = probe === undefined ? [submit] : [{ name: probe, action: probeAction, faults: [] }, submit];
  const elements = [
    ...(probe === undefined ? [] : [element(probe, ['echoBack']), element(`${probe}Response`, [returned])]),
    element(
      request.element,
      request.children.map((child) => child.element),
    ),
    element(`${request.element}Response`, [returned]),
    ...faults.map((fault) =>
      element(fault, ['Code', 'Reason', 'Detail'], (child) => (child === 'Code' ? 'xsd:integer' : 'xsd:string')),
    ),
  ];
  const messages = [
    ...calls.flatMap(({ name }) => [message(name), message(`${name}Response`)]),
    ...faults.map(message),
  ];
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<definitions name="Twin" targetNamespace="${asciiXml(namespace)}" xmlns:tns="${asciiXml(namespace)}" xmlns:soap="${binding}" xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns="http://schemas.xmlsoap.org/wsdl/">`,
    `<types><xsd:schema elementFormDefault="${request.qualified ? 'qualified' : 'unqualified'}" targetNamespace="${asciiXml(namespace)}">`,
    ...elements,
    '</xsd:schema></types>',
    ...messages,
    '<portType name="TwinPortType">',
    ...calls.map(portTypeOperation),
    '</portType><binding name="TwinBinding" type="tns:TwinPortType">',
    '<soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>',
    ...calls.map(bindingOperation),
    `</binding><service name="TwinService"><port name="TwinPort" binding="tns:TwinBinding"><soap:address location="${asciiXml(address)}"/></port></service>`,
    '</definitions>',
  ].join('\n');
}
