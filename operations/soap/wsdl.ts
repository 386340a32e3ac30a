/**
 * The dialect's probe, called with the `soap` package behind one wall: it gets the documents that we read ourselves, and
 * its calls go through our own transport. The package is imported only here, and only where a dialect has a probe.
 */
import type { Client, IHttpClient, IWSDLCache } from 'soap';
import type { Dialect } from './dialect.ts';
import { ContractError, type Documents, placeOf, type WsdlSource } from './documents.ts';

/** A cache that forgets: two clients on one WSDL would otherwise share their options. */
const NO_CACHE: IWSDLCache = {
  has: () => false,
  get: () => {
    throw new ContractError('the WSDL cache is not used');
  },
  set: () => undefined,
};

/** Only these pass from the package's request to ours; its user agent, connection and length are its own affair. */
function passedHeaders(headers: Record<string, unknown> | undefined): Record<string, string> {
  const passed: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers ?? {})) {
    if (/^(content-type|soapaction|accept)$/i.test(name) && typeof value === 'string')
      passed[name.toLowerCase()] = value;
  }
  return passed;
}

function httpClient(documents: Documents): IHttpClient {
  return {
    request(address, data, callback, headers) {
      const body = typeof data === 'string' ? data : null;
      const answered =
        body === null
          ? documents.read(address).then((text) => ({ status: 200, headers: {}, data: text }))
          : documents.fetch(address, body, passedHeaders(headers));
      answered.then(
        (answer) => callback(null, answer, answer.data),
        (error: unknown) => callback(error),
      );
      // The package uses the callback alone; what it gets here is never looked at.
      return new Promise<never>(() => undefined);
    },
  };
}

/** @throws ContractError */
async function openClient(source: WsdlSource, dialect: Dialect, documents: Documents): Promise<Client> {
  const { createClientAsync } = await import('soap');
  try {
    return await createClientAsync(
      placeOf(source),
      { wsdlCache: NO_CACHE, httpClient: httpClient(documents), forceSoap12Headers: dialect.soap === '1.2' },
      source.url.href,
    );
  } catch (error) {
    if (error instanceof ContractError) throw error;
    throw new ContractError('it is no WSDL that can be read', { cause: error });
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

/**
 * Calls an operation that only echoes a text.
 * @param parameter name of the element that takes the text
 * @throws ContractError where the call fails, or gives back another text.
 */
export async function echo(
  {
    source,
    dialect,
    documents,
    header,
  }: { source: WsdlSource; dialect: Dialect; documents: Documents; header: string },
  probe: string,
  parameter: string,
  text: string,
): Promise<void> {
  const client = await openClient(source, dialect, documents);
  // The package writes the header itself, around what stands in ours.
  const inner = /^<soap:Header>(.*)<\/soap:Header>$/s.exec(header)?.[1] ?? '';
  if (inner !== '') client.addSoapHeader(inner);
  const call: unknown = client[`${probe}Async`];
  if (typeof call !== 'function') throw new ContractError(`the WSDL has no operation ${probe}`);
  const answers: unknown = await call.call(client, { [parameter]: text }).catch((error: unknown): never => {
    // The package's errors hold request and answer; only our own sentences are repeated.
    throw error instanceof ContractError
      ? error
      : new ContractError(`${probe} was answered with a fault or not understood`);
  });
  const result: unknown = Array.isArray(answers) ? answers[0] : undefined;
  const given = isRecord(result) ? Object.values(result).find((value) => typeof value === 'string') : undefined;
  if (given !== text) throw new ContractError(`${probe} gave back another text than it was sent`);
}
