/** The forms that answers have in the wild although no contract says so; what is decided stays as it was. */
import { PLAIN, XML } from './acknowledge.ts';
import type { Plan } from './plan.ts';
import type { Reply } from './reply.ts';
import type { FormSin } from './sins.ts';

const BILLION = 10;
const MANY = 200_000;

/** True where a form needs the answer as it is, before it is written as XML. */
export function needsPlainText(plan: Plan): boolean {
  const names = [
    'no-line-ends',
    'line-feeds',
    'spaced',
    'plain-text',
    'base64',
    'url-encoded',
    'empty-element',
  ] as const;
  return names.some((name) => plan.has(name));
}

/** Changes the text of an answer, as it is, and gives it back as it is. */
export function formText(text: string, plan: Plan): string {
  let formed = text;
  if (plan.commit('no-line-ends')) formed = formed.replaceAll('\r', '');
  if (plan.commit('line-feeds')) formed = formed.replaceAll('\r', '\n');
  if (plan.commit('spaced')) formed = `\n\n    ${formed.replaceAll('\r', '\r\n    ')}\n\n`;
  if (plan.commit('base64')) formed = Buffer.from(formed).toString('base64');
  if (plan.commit('url-encoded')) formed = encodeURIComponent(formed);
  if (plan.commit('empty-element')) formed = '';
  return formed;
}

/** The text of an answer as XML. Line feeds stand as they are: that is what makes them odd. */
export function asXml(text: string, plan: Plan): string {
  const written = XML.write(text);
  return plan.has('line-feeds') || plan.has('spaced') ? written.replaceAll('&#xA;', '\n') : written;
}

/** Changes a whole answer. @param text what stands in it, as it is */
export function formReply(reply: Reply, text: string, plan: Plan): Reply {
  if (plan.commit('plain-text')) return { ...reply, type: 'text/plain; charset=utf-8', body: PLAIN.write(text) };
  let { body } = reply;
  if (plan.commit('no-white-space')) body = body.replace(/^<\?xml.*?\?>/, '').replace(/>\s+</g, '><');
  if (plan.has('spaced')) body = body.replace(/(<\/?soap:)/g, '\n\n  $1').replace(/^\s+/, '');
  if (plan.commit('wrong-tags')) body = renamed(body);
  if (plan.commit('extra-element'))
    body = body.replace(/(<(?:r:)?\w+ xmlns)/, '<Wrapper>$1').replace('</soap:Body>', '</Wrapper></soap:Body>');
  if (plan.commit('missing-end-tag')) body = body.replace(/<\/soap:Body>(?=\s*<\/soap:Envelope>)/, '');
  const bomb = plan.commit('xml-bomb');
  return { ...reply, body: bomb ? explosive(body, bomb) : body };
}

/** Other names for the element of the body and everything in it. */
function renamed(body: string): string {
  const start = body.indexOf('<soap:Body>') + '<soap:Body>'.length;
  const end = body.lastIndexOf('</soap:Body>');
  const inner = body.slice(start, end).replace(/(<\/?)((?:r:)?)([A-Za-z_][\w.-]*)/g, '$1$2X$3');
  return body.slice(0, start) + inner + body.slice(end);
}

/** The same answer with something in it that harms careless readers. */
function explosive(body: string, { kind }: Extract<FormSin, { readonly sin: 'xml-bomb' }>): string {
  const declared = (type: string): string => body.replace(/^(<\?xml.*?\?>)?/, `$1${type}`);
  const into = (inner: string): string => body.replace('</soap:Body>', `${inner}</soap:Body>`);
  if (kind === 'doctype')
    return declared('<!DOCTYPE x [<!ENTITY y SYSTEM "file:///etc/hostname">]>').replace(
      '</soap:Body>',
      '&y;</soap:Body>',
    );
  if (kind === 'depth') return into(`${'<a>'.repeat(MANY)}${'</a>'.repeat(MANY)}`);
  if (kind === 'elements') return into('<a/>'.repeat(MANY));
  if (kind === 'attributes') return into(`<a ${Array.from({ length: MANY }, (_, n) => `b${n}=""`).join(' ')}/>`);
  const entities = Array.from({ length: BILLION }, (_, n) =>
    n === 0 ? '<!ENTITY e0 "ha">' : `<!ENTITY e${n} "${`&e${n - 1};`.repeat(10)}">`,
  );
  return declared(`<!DOCTYPE x [${entities.join('')}]>`).replace('</soap:Body>', `&e${BILLION - 1};</soap:Body>`);
}
