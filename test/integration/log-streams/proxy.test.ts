import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeOutbound, type Outbound } from '../../../src/platform/outbound/outbound.js';
import { readProxy } from '../../../src/platform/outbound/proxy.js';
import { makeHttpSender, type HttpExchange } from '../../../src/record/log-streams/sending/send-http.js';
import { startLogReceiver, type LogReceiver } from '../../support/log-receiver.js';
import { makeCertificate, type Certificate } from './certificate.js';

let certificate: Certificate;
let receiver: LogReceiver;
let proxy: Server;
const asked: (string | undefined)[] = [];

beforeAll(async () => {
  certificate = await makeCertificate();
  receiver = await startLogReceiver(certificate);
  proxy = createServer().on('connect', (request, socket) => {
    asked.push(`${request.url} ${request.headers['proxy-authorization']}`);
    const there = connect(receiver.port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      there.pipe(socket).pipe(there);
    });
    there.on('error', () => socket.destroy());
    socket.on('error', () => there.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  await receiver.close();
  proxy.closeAllConnections();
  proxy.close();
});

const outboundWith = (except: readonly string[], allow = ['127.0.0.0/8']): Outbound => {
  const url = `http://user:pa%20ss@127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  return makeOutbound({ allow, ownPorts: () => [] }, { proxy: readProxy(url, except) });
};

const send = async (outbound: Outbound): Promise<HttpExchange> => {
  const sender = makeHttpSender({ outbound, tls: { ca: certificate.cert } });
  const request = { method: 'POST', url: receiver.url, headers: {}, body: '[]' } as const;
  const exchange = await sender.request(request, AbortSignal.timeout(10_000));
  await sender.close();
  return exchange;
};

test('an https receiver is reached through the proxy of the operator, whose TLS is that of the receiver', async () => {
  expect(await send(outboundWith([]))).toMatchObject({ ok: true, response: { status: 200 } });
  expect(asked).toEqual([`127.0.0.1:${receiver.port} Basic ${Buffer.from('user:pa ss').toString('base64')}`]);
});

test('a receiver that NO_PROXY names is reached without the proxy', async () => {
  const before = asked.length;
  expect(await send(outboundWith(['127.0.0.1']))).toMatchObject({ ok: true });
  expect(asked).toHaveLength(before);
});

test('the guard judges a receiver before the proxy is asked', async () => {
  const before = asked.length;
  expect(await send(outboundWith([], []))).toMatchObject({ ok: false, code: 'address_not_allowed' });
  expect(asked).toHaveLength(before);
});
