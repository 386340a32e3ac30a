/** Every way in which a call can go wrong, against servers that do exactly that. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { inspect } from 'node:util';
import {
  ack,
  answering,
  batch,
  className,
  delivery,
  failure,
  http,
  ids,
  onRequest,
  openSoap,
  rawServer,
  resources,
  response,
  vxu,
} from './rig.ts';

test('a good answer: its text whole, its bytes kept; first and last byte are told once', async (t) => {
  const server = await answering(t, http(200, response(ack('ID-1'))));
  const operation = await openSoap(t, { url: server.url });
  const what = delivery(vxu('ID-1'));
  const answer = await operation.send(what, AbortSignal.timeout(5000));
  assert.ok(answer.kind === 'acknowledgement');
  assert.equal(answer.text, ack('ID-1'));
  assert.equal(answer.status, 200);
  assert.equal(Buffer.from(answer.raw).toString(), response(ack('ID-1')));
  assert.deepEqual(what.seen, { first: 1, last: 1 });
});

test('the request: headers, exact length, one envelope, a connection kept', async (t) => {
  const requests: string[] = [];
  const server = await rawServer(t, (socket) =>
    onRequest(socket, (request) => {
      requests.push(request);
      socket.write(http(200, response(ack('x'))));
    }),
  );
  const operation = await openSoap(t, { url: `${server.url}?a=b` });
  for (let i = 0; i < 3; i++) await operation.send(delivery(vxu(`ID-${i}`)), AbortSignal.timeout(5000));
  assert.equal(server.connections(), 1);
  const [head = '', body = ''] = requests[0]!.split('\r\n\r\n');
  assert.match(head, /^POST \/iis\?a=b HTTP\/1\.1\r\n/);
  assert.match(
    head,
    /content-type: application\/soap\+xml; charset=utf-8; action="urn:cdc:iisb:2011:submitSingleMessage"(\r\n|$)/i,
  );
  assert.match(head, new RegExp(`content-length: ${Buffer.byteLength(body)}(\r\n|$)`, 'i'));
  assert.doesNotMatch(head, /transfer-encoding|soapaction/i);
  assert.match(
    body,
    /<password>marker-&lt;pass&gt;&amp;word<\/password><facilityID>MARKER-ORG<\/facilityID><hl7Message>MSH/,
  );
  assert.doesNotMatch(body, /\r/);
});

test('a large batch is streamed at its exact length', async (t) => {
  let body = '';
  const server = await rawServer(t, (socket) =>
    onRequest(socket, (request) => {
      body = request.slice(request.indexOf('\r\n\r\n') + 4);
      socket.write(http(200, response('MSA|AA|x')));
    }),
  );
  const operation = await openSoap(t, { url: server.url });
  const text = batch(ids(12_000));
  assert.ok(Buffer.byteLength(text) > 2_000_000);
  const what = delivery(text, 12_000, 65_536);
  await operation.send(what, AbortSignal.timeout(20_000));
  const sent = /<hl7Message>(.*)<\/hl7Message>/s.exec(body)?.[1] ?? '';
  const plain = { '&#xD;': '\r', '&lt;': '<', '&gt;': '>', '&amp;': '&' };
  assert.ok(sent.replace(/&(#xD|lt|gt|amp);/g, (r) => plain[r as '&lt;']) === text);
  assert.deepEqual(what.seen, { first: 1, last: 1 });
});

test('SOAP 1.1 by a dialect of one line, CDATA, and an envelope of 1.2 as text/xml', async (t) => {
  const requests: string[] = [];
  const server = await rawServer(t, (socket) =>
    onRequest(socket, (request) => {
      requests.push(request);
      socket.write(http(200, response(ack('x'))));
    }),
  );
  const children = [{ element: 'hl7Message', from: 'message', carry: 'cdata' }];
  const from = resources({
    old: { dialect: 'old', extends: 'cdc-iis-2011', soap: '1.1', contentType: 'text/xml', request: { children } },
    mixed: { dialect: 'mixed', extends: 'cdc-iis-2011', contentType: 'text/xml' },
  });
  for (const dialect of ['old', 'mixed']) {
    const operation = await openSoap(t, { url: server.url, dialect }, from);
    await operation.send(delivery('MSH|^~\\&|]]>\r'), AbortSignal.timeout(5000));
  }
  const [old = '', mixed = ''] = requests;
  assert.match(old, /content-type: text\/xml; charset=utf-8\r\n/i);
  assert.match(old, /soapaction: "urn:cdc:iisb:2011:submitSingleMessage"/i);
  assert.match(old, /http:\/\/schemas\.xmlsoap\.org\/soap\/envelope\//);
  assert.match(
    old,
    /<hl7Message><!\[CDATA\[MSH\|\^~\\&\|\]\]\]\]>&gt;<!\[CDATA\[\]\]>&#xD;<!\[CDATA\[\]\]><\/hl7Message>/,
  );
  assert.match(mixed, /http:\/\/www\.w3\.org\/2003\/05\/soap-envelope/);
  assert.match(mixed, /soapaction: /i);
});

test('an answer in words only: every message is what the dialect says of the unmentioned', async (t) => {
  const server = await answering(t, http(200, response('Thank you')));
  const from = resources({
    words: { dialect: 'words', extends: 'cdc-iis-2011', answer: { content: 'text', unmentioned: 'delivered' } },
  });
  const operation = await openSoap(t, { url: server.url, dialect: 'words' }, from);
  const answer = await operation.send(delivery(batch(['A', 'B']), 2), AbortSignal.timeout(5000));
  assert.ok(answer.kind === 'outcomes');
  assert.deepEqual(
    answer.outcomes.map(({ index, outcome, words }) => [index, outcome, words]),
    [
      [0, 'delivered', 'Thank you'],
      [1, 'delivered', 'Thank you'],
    ],
  );
});

test('refused: nothing was sent', async (t) => {
  const server = await rawServer(t, () => undefined);
  await server.close();
  const what = delivery(vxu('ID-1'));
  const error = await failure(await openSoap(t, { url: server.url }), what);
  assert.deepEqual([className(error), error.code, error.whose], ['TransientError', 'SOAP_CONNECT_FAILED', 'network']);
  assert.deepEqual(what.seen, { first: 0, last: 0 });
});

test('a name that does not exist: nothing was sent', async (t) => {
  const error = await failure(await openSoap(t, { url: 'http://registry.invalid/iis' }));
  assert.deepEqual([className(error), error.code], ['TransientError', 'SOAP_NAME_NOT_FOUND']);
});

test('TLS on a port that speaks none: nothing was sent', async (t) => {
  const server = await rawServer(t, (socket) =>
    socket.on('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')),
  );
  const error = await failure(await openSoap(t, { url: server.url.replace('http:', 'https:') }));
  assert.deepEqual([className(error), error.code], ['TransientError', 'SOAP_TLS_FAILED']);
});

test('a TLS handshake that is never answered ends with timeouts.connect', async (t) => {
  const server = await rawServer(t, () => undefined);
  const operation = await openSoap(t, { url: server.url.replace('http:', 'https:'), timeouts: { connect: 150 } });
  const error = await failure(operation);
  assert.deepEqual([className(error), error.code], ['TransientError', 'SOAP_CONNECT_TIMEOUT']);
});

test('cut within the request, after it, within the answer: in doubt', async (t) => {
  const whole = http(200, response(ack('ID-1')));
  const cases: Readonly<Record<string, Parameters<typeof rawServer>[1]>> = {
    'within the request': (socket) => socket.once('data', () => socket.resetAndDestroy()),
    'after the request': (socket) => onRequest(socket, () => socket.resetAndDestroy()),
    'after the request, politely': (socket) => onRequest(socket, () => socket.end()),
    'within the headers': (socket) => onRequest(socket, () => socket.end(whole.subarray(0, 40))),
    'within the body': (socket) => onRequest(socket, () => socket.end(whole.subarray(0, whole.length - 5))),
    'within a chunked body': (socket) =>
      onRequest(socket, () => socket.end('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n<?xml\r\n')),
  };
  for (const [name, serve] of Object.entries(cases)) {
    const server = await rawServer(t, serve);
    const error = await failure(await openSoap(t, { url: server.url }), delivery(batch(ids(12_000)), 12_000, 65_536));
    assert.deepEqual([className(error), error.code], ['UncertainError', 'SOAP_CONNECTION_LOST'], name);
    assert.equal(server.connections(), 1, `${name}: a request is never sent twice`);
  }
});

test('a body without a length that ends early is no XML: in doubt', async (t) => {
  const server = await rawServer(t, (socket) =>
    onRequest(socket, () => socket.end(`HTTP/1.1 200 OK\r\n\r\n${response(ack('x')).slice(0, -30)}`)),
  );
  const error = await failure(await openSoap(t, { url: server.url }));
  assert.deepEqual([className(error), error.code], ['UncertainError', 'SOAP_ANSWER_NOT_XML']);
});

test('a kept connection that is reset when it is used again: in doubt, and not sent twice', async (t) => {
  let requests = 0;
  const server = await rawServer(t, (socket) =>
    onRequest(socket, () => {
      requests += 1;
      if (requests === 1) socket.write(http(200, response(ack('x'))));
      else socket.resetAndDestroy();
    }),
  );
  const operation = await openSoap(t, { url: server.url });
  await operation.send(delivery(vxu('A')), AbortSignal.timeout(5000));
  const error = await failure(operation);
  assert.deepEqual([className(error), error.code], ['UncertainError', 'SOAP_CONNECTION_LOST']);
  assert.equal(requests, 2);
  assert.equal(server.connections(), 1);
});

test('a kept connection that the receiver closed meanwhile is not used: a new one is made', async (t) => {
  const closed = Promise.withResolvers<void>();
  const server = await rawServer(t, (socket) => {
    onRequest(socket, () => socket.end(http(200, response(ack('x')))));
    socket.on('close', () => closed.resolve());
  });
  const operation = await openSoap(t, { url: server.url });
  await operation.send(delivery(vxu('A')), AbortSignal.timeout(5000));
  await closed.promise;
  await operation.send(delivery(vxu('B')), AbortSignal.timeout(5000));
  assert.equal(server.connections(), 2);
});

test('slow: the first byte, the whole, each with its limit and to the point', async (t) => {
  const silent = await rawServer(t, (socket) => onRequest(socket, () => undefined));
  const first = await failure(await openSoap(t, { url: silent.url, timeouts: { firstByte: 80 } }));
  assert.deepEqual([className(first), first.code], ['UncertainError', 'SOAP_ANSWER_TIMEOUT']);
  assert.match(first.message, /80 ms/);
  const dripping = await rawServer(t, (socket) =>
    onRequest(socket, () => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n');
      const drip = setInterval(() => socket.write(' '), 10);
      socket.on('close', () => clearInterval(drip));
    }),
  );
  const total = await failure(await openSoap(t, { url: dripping.url, timeouts: { firstByte: 5000, total: 150 } }));
  assert.deepEqual([className(total), total.code], ['UncertainError', 'SOAP_ANSWER_TIMEOUT']);
  const stuck = await rawServer(t, (socket) => socket.pause());
  const reading = await failure(
    await openSoap(t, { url: stuck.url, timeouts: { total: 200 } }),
    delivery(Buffer.alloc(30_000_000, 'x'), 1, 65_536),
  );
  assert.deepEqual([className(reading), reading.code], ['UncertainError', 'SOAP_SEND_TIMEOUT']);
});

test('an endless answer, and one that announces too much, are broken off', async (t) => {
  let taken = 0;
  const endless = await rawServer(t, (socket) =>
    onRequest(socket, () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      const more = (): void => {
        while (!socket.destroyed) {
          taken += 65_536;
          if (!socket.write(Buffer.alloc(65_536, 0x20))) return;
        }
      };
      socket.on('drain', more);
      more();
    }),
  );
  const error = await failure(await openSoap(t, { url: endless.url, maxAnswerBytes: 200_000 }));
  assert.deepEqual([className(error), error.code], ['UncertainError', 'SOAP_ANSWER_TOO_LARGE']);
  assert.ok(taken < 50_000_000);
  const announced = await rawServer(t, (socket) =>
    onRequest(socket, () => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 200001\r\n\r\n')),
  );
  const early = await failure(await openSoap(t, { url: announced.url, maxAnswerBytes: 200_000 }));
  assert.equal(early.code, 'SOAP_ANSWER_TOO_LARGE');
});

test('broken off by the caller: before the first byte tried again, after it in doubt', async (t) => {
  const server = await rawServer(t, (socket) => onRequest(socket, () => undefined));
  const operation = await openSoap(t, { url: server.url });
  const before = await failure(operation, delivery(vxu('A')), AbortSignal.abort());
  assert.deepEqual([className(before), before.code], ['TransientError', 'SOAP_ABORTED']);
  assert.equal(server.connections(), 0);
  const stop = new AbortController();
  const what = delivery(vxu('A'));
  const watched = { ...what, lastByte: () => stop.abort() };
  const after = await failure(operation, watched, stop.signal);
  assert.deepEqual([className(after), after.code], ['UncertainError', 'SOAP_BROKEN_OFF']);
});

test('what XML cannot carry is not sent', async (t) => {
  const server = await answering(t, http(200, response(ack('x'))));
  const error = await failure(await openSoap(t, { url: server.url }), delivery('MSH|MARKER\u0001'));
  assert.deepEqual([className(error), error.code, error.whose], ['PermanentError', 'SOAP_XML_CHARACTER', 'data']);
  assert.equal(server.connections(), 0);
});

test('closing breaks a call that is under way, and none is begun after it', async (t) => {
  const server = await rawServer(t, (socket) => onRequest(socket, () => undefined));
  const operation = await openSoap(t, { url: server.url });
  const sent = new EventTarget();
  const what = { ...delivery(vxu('A')), lastByte: () => void sent.dispatchEvent(new Event('sent')) };
  const waiting = once(sent, 'sent');
  const pending = failure(operation, what);
  await waiting;
  await operation.close();
  assert.equal(className(await pending), 'UncertainError');
  const late = await failure(operation);
  assert.equal(className(late), 'TransientError');
});

test('an opened operation shows no secret', async (t) => {
  const operation = await openSoap(t, { url: 'http://127.0.0.1:1/' });
  assert.doesNotMatch(inspect(operation, { depth: 10, showHidden: true }), /marker-/);
});
