/** A WSDL 1.1 of a dialect, with its schema inside, so that one document is the whole contract. */
import type { Child, Dialect } from '../dialect.ts';
import { asciiXml } from '../xml.ts';
import { responseElement, wholePaths } from './reply.ts';
import { probeElements } from './request.ts';

/** An element as the schema has it: with a type, or with elements inside. */
interface Declared {
  readonly name: string;
  readonly type?: 'integer' | 'unsignedLong' | 'base64Binary';
  readonly inside?: readonly Declared[];
}

interface WsdlCall {
  readonly name: string;
  readonly action: string;
  readonly request: Declared;
  readonly response: Declared;
  readonly faults: readonly string[];
}

function declaration({ name, type, inside }: Declared, attributes = ' minOccurs="0" nillable="true"'): string {
  if (!inside) return `<xsd:element name="${name}" type="xsd:${type ?? 'string'}"${attributes}/>`;
  const children = inside.map((child) => declaration(child)).join('');
  // Elements inside may be there or not; none of them can be nil.
  const occurs = attributes === '' ? '' : ' minOccurs="0"';
  return `<xsd:element name="${name}"${occurs}><xsd:complexType><xsd:sequence>${children}</xsd:sequence></xsd:complexType></xsd:element>`;
}

function ofChildren(children: readonly Child[]): readonly Declared[] {
  return children.map(({ element, children: inner, carry }): Declared => {
    if (inner) return { name: element, inside: ofChildren(inner) };
    return carry === 'base64' ? { name: element, type: 'base64Binary' } : { name: element };
  });
}

/** An element with everything inside that these paths need; each path begins with it. */
function ofPaths(name: string, paths: readonly (readonly string[])[]): Declared {
  const inner = paths.map((path) => path.slice(1)).filter((path) => path.length > 0);
  if (inner.length === 0) return { name };
  const names = [...new Set(inner.map(([first]) => first ?? ''))];
  return {
    name,
    inside: names.map((each) =>
      ofPaths(
        each,
        inner.filter(([first]) => first === each),
      ),
    ),
  };
}

function answerOf(request: string, paths: readonly (string | undefined)[]): Declared {
  const given = paths.filter((path) => path !== undefined);
  const whole = wholePaths(given, responseElement(request));
  return ofPaths(whole[0]?.[0] ?? responseElement(request), whole);
}

/** The elements of details that the dialect's table of faults knows, as opposed to codes of SOAP itself. */
function detailFaults(dialect: Dialect): readonly string[] {
  const names = Object.keys(dialect.faults).map((name) => name.split('/')[0] ?? '');
  return [...new Set(names.filter((name) => name.endsWith('Fault')))];
}

function faultElement(name: string, dialect: Dialect): Declared {
  const most = dialect.faults[name]?.maxSize;
  if (most === undefined)
    return { name, inside: [{ name: 'Code', type: 'integer' }, { name: 'Reason' }, { name: 'Detail' }] };
  return {
    name,
    inside: [
      { name: 'Size', type: 'unsignedLong' },
      { name: most, type: 'unsignedLong' },
    ],
  };
}

function calls(dialect: Dialect): readonly WsdlCall[] {
  const { request, answer, action, status } = dialect;
  const places = answer.ticket === undefined ? [answer.element] : [answer.ticket];
  const submit: WsdlCall = {
    name: request.element.replace(/Request$/, ''),
    action,
    request: { name: request.element, inside: ofChildren(request.children) },
    response: answerOf(request.element, [...places, answer.success?.element, answer.words]),
    faults: detailFaults(dialect),
  };
  const probe = probeCall(dialect);
  const asked: readonly WsdlCall[] = status
    ? [
        {
          name: status.request.element.replace(/Request$/, ''),
          action: status.action,
          request: { name: status.request.element, inside: ofChildren(status.request.children) },
          response: answerOf(status.request.element, [status.answer?.element, status.state, status.words]),
          faults: [],
        },
      ]
    : [];
  return [...(probe ? [probe] : []), submit, ...asked];
}

function probeCall(dialect: Dialect): WsdlCall | undefined {
  const { probe, action, request, answer } = dialect;
  const elements = probeElements(dialect);
  if (probe === undefined || !elements) return undefined;
  const isNamed = elements.request.endsWith('Request');
  const text = isNamed ? 'EchoBack' : 'echoBack';
  const returned = isNamed ? text : (answer.element.split('/').at(-1) ?? 'return');
  return {
    name: probe.replace(/Request$/, ''),
    action: action.endsWith(request.element) ? action.slice(0, -request.element.length) + elements.request : '',
    request: { name: elements.request, inside: [{ name: text }] },
    response: { name: elements.response, inside: [{ name: returned }] },
    faults: [],
  };
}

function message(name: string): string {
  return `<message name="${name}Message"><part name="parameters" element="tns:${name}"/></message>`;
}

function portTypeOperation({ name, request, response, faults }: WsdlCall): string {
  const named = faults.map((fault) => `<fault name="${fault}" message="tns:${fault}Message"/>`).join('');
  return `<operation name="${name}"><input message="tns:${request.name}Message"/><output message="tns:${response.name}Message"/>${named}</operation>`;
}

function bindingOperation({ name, action, faults }: WsdlCall): string {
  const named = faults
    .map((fault) => `<fault name="${fault}"><soap:fault name="${fault}" use="literal"/></fault>`)
    .join('');
  const body = '<soap:body use="literal"/>';
  return `<operation name="${name}"><soap:operation soapAction="${asciiXml(action)}"/><input>${body}</input><output>${body}</output>${named}</operation>`;
}

/** The WSDL of a receiver of this dialect at this address. Elements of other namespaces and headers are not in it. */
export function twinWsdl(dialect: Dialect, address: string): string {
  const { namespace, request, soap } = dialect;
  const binding = soap === '1.2' ? 'http://schemas.xmlsoap.org/wsdl/soap12/' : 'http://schemas.xmlsoap.org/wsdl/soap/';
  const faults = detailFaults(dialect);
  const all = calls(dialect);
  const elements = [
    ...all.flatMap((call) => [call.request, call.response]),
    ...faults.map((fault) => faultElement(fault, dialect)),
  ];
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<definitions name="Twin" targetNamespace="${asciiXml(namespace)}" xmlns:tns="${asciiXml(namespace)}" xmlns:soap="${binding}" xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns="http://schemas.xmlsoap.org/wsdl/">`,
    `<types><xsd:schema elementFormDefault="${request.qualified ? 'qualified' : 'unqualified'}" targetNamespace="${asciiXml(namespace)}">`,
    ...elements.map((element) => declaration(element, '')),
    '</xsd:schema></types>',
    ...elements.map(({ name }) => message(name)),
    '<portType name="TwinPortType">',
    ...all.map(portTypeOperation),
    '</portType><binding name="TwinBinding" type="tns:TwinPortType">',
    '<soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>',
    ...all.map(bindingOperation),
    `</binding><service name="TwinService"><port name="TwinPort" binding="tns:TwinBinding"><soap:address location="${asciiXml(address)}"/></port></service>`,
    '</definitions>',
  ].join('\n');
}
