import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { isRange } from '../../../src/platform/outbound/outbound-address.js';
import type { Lookup } from '../../../src/platform/outbound/name-lookups.js';
import {
  makeOutbound,
  OutboundRefused,
  type Outbound,
  type OutboundOptions,
  type OutboundRules,
} from '../../../src/platform/outbound/outbound.js';

const never = [
  '0.0.0.0',
  '0',
  '0.1.2.3',
  '0x0',
  '[::]',
  '[::ffff:0.0.0.0]',
  '255.255.255.255',
  '224.0.0.1',
  '239.255.255.250',
  '[ff02::1]',
  '[ff0e::1]',
  '169.254.169.254',
  '169.254.169.254.',
  '2852039166',
  '0xa9fea9fe',
  '0xA9.0xFE.0xA9.0xFE',
  '0251.0376.0251.0376',
  '169.254.43518',
  '169.16689662',
  '[::ffff:169.254.169.254]',
  '[::ffff:a9fe:a9fe]',
  '[0:0:0:0:0:ffff:a9fe:a9fe]',
  '１６９.２５４.１６９.２５４',
  '169。254。169。254',
  '①⑥⑨.254.169.254',
  '169.254.169.253',
  '169.254.170.2',
  '169.254.170.23',
  '[fd00:ec2::254]',
  '[fd00:ec2::23]',
  '[fd20:ce::254]',
  '168.63.129.16',
  '[::ffff:168.63.129.16]',
  '100.100.100.200',
  '192.0.0.192',
];
const notPublic = [
  '127.0.0.1',
  '127.0.0.1.',
  '127.1',
  '127.0.1',
  '127.255.255.254',
  '0177.0.0.1',
  '0x7f.0.0.1',
  '0x7f.1',
  '0x7f000001',
  '2130706433',
  '017700000001',
  '127.0.0.0x1',
  '%31%32%37.0.0.1',
  '１２７.０.０.１',
  '127。0。0。1',
  '①②⑦.0.0.1',
  '[::1]',
  '[0:0:0:0:0:0:0:1]',
  '[::0001]',
  '[::ffff:127.0.0.1]',
  '[::ffff:7f00:1]',
  '[::127.0.0.1]',
  '[::7f00:1]',
  '[::a00:1]',
  '[64:ff9b::127.0.0.1]',
  '[64:ff9b::a9fe:a9fe]',
  '[64:ff9b:1::1]',
  '[2002:7f00:1::]',
  '[2002:a9fe:a9fe::1]',
  '[2001::1]',
  '[2001:db8::1]',
  '[3fff::1]',
  '[::ffff:0:127.0.0.1]',
  '[fe80::1]',
  '[fec0::1]',
  '[fc00::1]',
  '[fd12:3456::1]',
  '[100::1]',
  '[4000::1]',
  '[5f00::1]',
  '[1::1]',
  '10.0.0.1',
  '10.255.255.255',
  '012.0.0.1',
  '167772161',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.0.1',
  '0xc0a80001',
  '3232235521',
  '[::ffff:10.0.0.1]',
  '[::ffff:c0a8:1]',
  '100.64.0.1',
  '100.127.255.255',
  '169.254.0.1',
  '169.254.1',
  '192.0.0.1',
  '192.0.2.1',
  '192.88.99.1',
  '198.18.0.1',
  '198.19.255.255',
  '198.51.100.1',
  '203.0.113.1',
  '240.0.0.1',
  '250.1.2.3',
  '192.52.193.1',
  '192.175.48.1',
];
const isPublic = [
  '8.8.8.8',
  '1.1.1.1',
  '9.255.255.255',
  '11.0.0.1',
  '172.15.255.255',
  '172.32.0.1',
  '192.167.1.1',
  '192.169.1.1',
  '100.63.255.255',
  '100.128.0.1',
  '169.253.1.1',
  '134744072',
  '[2606:4700::1111]',
  '[2001:4860:4860::8888]',
  '[::ffff:8.8.8.8]',
];
const names = ['example.com', 'example.com.', 'localhost', '127.0.0.1.nip.io', 'xn--bcher-kva.example', 'a_b.example'];

const code = (outbound: Outbound, url: string): string => {
  const checked = outbound.check(url);
  return checked.ok ? 'ok' : checked.code;
};
const closed = makeOutbound({ allow: [], ownPorts: () => [] });
const open = makeOutbound({ allow: ['0.0.0.0/0', '::/0'], ownPorts: () => [] });

describe('a literal address', () => {
  test('a literal address is tried in at least 80 spellings', () =>
    expect(new Set([...never, ...notPublic]).size).toBeGreaterThanOrEqual(80));
  test.each(never)('%s is refused whatever is allowed', (host) => {
    expect(code(closed, `https://${host}/`)).toBe('address_never_allowed');
    expect(code(open, `https://${host}/`)).toBe('address_never_allowed');
  });
  test.each(notPublic)('%s is refused unless it is allowed', (host) => {
    expect(code(closed, `https://${host}:8443/mcp`)).toBe('address_not_allowed');
    expect(code(open, `http://${host}/mcp`)).toBe('ok');
  });
  test.each(isPublic)('%s is reached over https, and over http only when allowed', (host) => {
    expect(code(closed, `https://${host}/`)).toBe('ok');
    expect(code(closed, `http://${host}/`)).toBe('http_not_allowed');
    expect(code(makeOutbound({ allow: [], ownPorts: () => [], allowHttp: true }), `http://${host}/`)).toBe('ok');
  });
  test.each([
    ['10.1.0.0/16', '10.1.2.3', '10.2.0.1'],
    ['127.0.0.1', '127.0.0.1', '127.0.0.2'],
    ['::1', '[::1]', '127.0.0.1'],
    ['fd00:1::/32', '[fd00:1::5]', '[fd00:2::5]'],
    ['::ffff:10.0.0.0/104', '10.9.9.9', '11.0.0.1'],
    ['127.0.0.0/8', '[::ffff:127.0.0.1]', '[::1]'],
  ])(
    'a literal address with UPSTREAM_ALLOW=%s: %s is reached in plain http too, %s is not',
    (range, inside, outside) => {
      const outbound = makeOutbound({ allow: [range], ownPorts: () => [] });
      expect([code(outbound, `http://${inside}/`), code(outbound, `https://${inside}/`)]).toEqual(['ok', 'ok']);
      expect(code(outbound, `http://${outside}/`)).not.toBe('ok');
    },
  );
});

describe('a URL', () => {
  test.each(names)('a URL with the name %s passes the check of its text', (name) =>
    expect(code(closed, `https://${name}/mcp?x=1`)).toBe('ok'),
  );
  test.each([
    ['', 'url_invalid'],
    ['/mcp', 'url_invalid'],
    ['example.com', 'url_invalid'],
    ['https://', 'url_invalid'],
    ['https://exa mple.com', 'url_invalid'],
    [' https://example.com', 'url_invalid'],
    ['https://example.com\n', 'url_invalid'],
    ['ht\ttps://example.com', 'url_invalid'],
    ['https:\\\\example.com', 'url_invalid'],
    ['https://example.com\\@10.0.0.1/', 'url_invalid'],
    ['https://example.com\0/', 'url_invalid'],
    ['https://a..b/', 'url_invalid'],
    ['https://example.com../', 'url_invalid'],
    ['https://./', 'url_invalid'],
    ['https://example.com:0/', 'url_invalid'],
    ['https://example.com:65536/', 'url_invalid'],
    ['https://[::1%25lo]/', 'url_invalid'],
    ['https://256.1.1.1/', 'url_invalid'],
    ['https://1.2.3.4.5/', 'url_invalid'],
    [`https://example.com/${'x'.repeat(2048)}`, 'url_invalid'],
    ['ftp://example.com/', 'url_scheme'],
    ['file:///etc/passwd', 'url_scheme'],
    ['javascript:alert(1)', 'url_scheme'],
    ['data:,x', 'url_scheme'],
    ['ws://example.com', 'url_scheme'],
    ['gopher://127.0.0.1/', 'url_scheme'],
    ['blob:https://example.com/1', 'url_scheme'],
    ['https://user:pw@example.com/', 'url_userinfo'],
    ['https://user@example.com/', 'url_userinfo'],
    ['https://@example.com/', 'url_userinfo'],
    ['https://:@example.com/', 'url_userinfo'],
    ['https:example.com@10.0.0.1/', 'url_userinfo'],
    ['https://example.com/#', 'url_fragment'],
    ['https://example.com/a#b', 'url_fragment'],
  ])('%j is refused as %s', (url, expected) => expect(code(open, url)).toBe(expected));
  test('loses one trailing dot of its host', () => {
    expect(closed.check('https://example.com.:8443/a?b')).toMatchObject({
      ok: true,
      url: new URL('https://example.com:8443/a?b'),
    });
  });
  test('a URL is never quoted in a message beyond its host, and the message says what to do', () => {
    for (const url of [
      'https://user:hunter2@example.com/',
      'https://10.0.0.1/secret-path?key=hunter2',
      'https://10.0.0.1/#hunter2',
    ]) {
      const checked = closed.check(url);
      expect(checked.ok ? '' : checked.message).not.toMatch(/hunter2|secret-path|user:/);
    }
    expect(closed.check('https://10.0.0.1/')).toMatchObject({
      message: expect.stringMatching(/^10\.0\.0\.1 is not a public address \(private\); set UPSTREAM_ALLOW/),
    });
  });
  test('range is one address or CIDR that can be allowed', () => {
    expect(['::1', '10.0.0.0/8', '127.0.0.0/8', '::/0', '1.2.3.4/32', 'fd00::/128'].map(isRange)).not.toContain(false);
    expect(
      [
        '',
        '10',
        '10.0.0.0/33',
        '10.0.0.0/',
        '::/129',
        'localhost',
        '010.0.0.1',
        '10.0.0.0/8/8',
        'fe80::1%lo',
        '10.0.0.0/-1',
        '*',
      ].map(isRange),
    ).not.toContain(true);
    expect(() => makeOutbound({ allow: ['10.0.0.0/64'], ownPorts: () => [] })).toThrow(RangeError);
  });
});

const lookupOf = (...answers: readonly (readonly string[])[]): Lookup => {
  let asked = 0;
  return (_, __, done) =>
    done(
      null,
      (answers[Math.min(asked++, answers.length - 1)] ?? []).map((address) => ({
        address,
        family: address.includes(':') ? 6 : 4,
      })),
    );
};
const resolveWith = (lookup: Lookup, url = 'https://some.example/', rules: Partial<OutboundRules> = {}) =>
  makeOutbound({ allow: [], ownPorts: () => [], ...rules }, { lookup, lookupTimeoutMs: 30 }).resolve(new URL(url));

describe('a name', () => {
  test('resolves when all of its addresses may be reached', async () => {
    expect(await resolveWith(lookupOf(['8.8.8.8', '2606:4700::1']))).toMatchObject({
      ok: true,
      addresses: ['8.8.8.8', '2606:4700::1'],
    });
  });
  test.each([
    [['127.0.0.1']],
    [['8.8.8.8', '127.0.0.1']],
    [['8.8.8.8', '::1']],
    [['8.8.8.8', '1.1.1.1', '::ffff:10.0.0.1']],
    [['fe80::1%eth0']],
    [['nonsense']],
  ])('a name is refused when it has the addresses %j', async (addresses) => {
    expect(await resolveWith(lookupOf(addresses))).toMatchObject({ ok: false, code: 'address_not_allowed' });
  });
  test('a name is refused when it leads to metadata, whatever is allowed', async () => {
    expect(
      await resolveWith(lookupOf(['169.254.169.254']), 'http://metadata.google.internal/', { allow: ['0.0.0.0/0'] }),
    ).toMatchObject({ ok: false, code: 'address_never_allowed' });
  });
  test('a name is refused in plain http when it is public', async () => {
    expect(await resolveWith(lookupOf(['8.8.8.8']), 'http://some.example/')).toMatchObject({
      ok: false,
      code: 'http_not_allowed',
    });
  });
  test('a name does not tell the address that it leads to', async () => {
    const resolved = await resolveWith(lookupOf(['10.11.12.13']));
    expect(resolved.ok ? '' : resolved.message).toMatch(
      /^some\.example is not a public address \(private\); set UPSTREAM_ALLOW/,
    );
  });
  test('without an address, with a failing or a silent resolver is not resolved', async () => {
    expect(await resolveWith(lookupOf([]))).toMatchObject({ code: 'name_not_resolved' });
    expect(await resolveWith((_, __, done) => done(new Error('ENOTFOUND'), []))).toMatchObject({
      code: 'name_not_resolved',
    });
    expect(await resolveWith(() => undefined)).toMatchObject({ code: 'name_not_resolved' });
  });
});

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function listen(
  handler: (request: IncomingMessage, response: ServerResponse) => void = (_, response) => void response.end('hello'),
): Promise<{ server: Server; port: number; connections: () => number }> {
  let count = 0;
  const server = createServer(handler).on('connection', () => (count += 1));
  await new Promise<void>((done) => void server.listen(0, '127.0.0.1', done));
  closers.push(() => new Promise((done) => (server.closeAllConnections(), server.close(done))));
  return { server, port: (server.address() as AddressInfo).port, connections: () => count };
}

function guard(rules: Partial<OutboundRules>, options: OutboundOptions = {}): Outbound {
  const outbound = makeOutbound({ allow: [], ownPorts: () => [], ...rules }, options);
  closers.push(() => outbound.agent.close());
  return outbound;
}

async function refusal(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  const cause = error instanceof TypeError ? error.cause : error;
  return cause instanceof OutboundRefused ? cause.code : String(error);
}
const dispatch = ({ agent }: Outbound, origin: string) =>
  agent.request({ origin, path: '/', method: 'POST', body: '{}' }).then(({ body }) => body.text());
const connect = ({ connector }: Outbound, origin: string): Promise<unknown> =>
  new Promise((resolve, reject) =>
    connector(new URL(origin))((error, socket) => (error ? reject(error) : resolve(socket?.destroy()))),
  );

describe('a connection', () => {
  test('to this host is never opened when loopback is not allowed, however it is written', async () => {
    const canary = await listen();
    const outbound = guard({ allowHttp: true });
    for (const host of [
      '127.0.0.1',
      '127.1',
      '0x7f000001',
      '2130706433',
      '0177.0.0.1',
      'localhost',
      '[::1]',
      '[::ffff:127.0.0.1]',
      '[::ffff:7f00:1]',
      '0.0.0.0',
      '[::]',
    ]) {
      expect(await refusal(dispatch(outbound, `http://${host}:${canary.port}`))).toMatch(
        /^address_(not|never)_allowed$/,
      );
      expect(await refusal(outbound.fetch(`http://${host}:${canary.port}/`))).toMatch(/^address_(not|never)_allowed$/);
      expect(await refusal(connect(outbound, `http://${host}:${canary.port}`))).toMatch(
        /^address_(not|never)_allowed$/,
      );
    }
    expect(canary.connections()).toBe(0);
  });

  test('a connection is opened when allowed, and used again by later requests', async () => {
    const canary = await listen();
    const outbound = guard({ allow: ['127.0.0.1'] }, { lookup: lookupOf(['127.0.0.1']) });
    for (const _ of [1, 2, 3]) expect(await dispatch(outbound, `http://some.example:${canary.port}`)).toBe('hello');
    await expect(connect(outbound, `http://some.example:${canary.port}`)).resolves.toBeDefined();
    for (const _ of [1, 2, 3])
      expect(
        await (
          await outbound.fetch(`http://some.example.:${canary.port}/`, {
            headers: new Headers({ a: 'b' }),
            signal: AbortSignal.timeout(5_000),
          })
        ).text(),
      ).toBe('hello');
    expect(canary.connections()).toBeLessThanOrEqual(3);
  });

  test('goes by the address of its own look-up, so that a name cannot be rebound', async () => {
    const canary = await listen();
    const outbound = guard({ allow: ['127.0.0.2'] }, { lookup: lookupOf(['127.0.0.2'], ['127.0.0.1']) });
    const url = `http://rebind.example:${canary.port}/`;
    expect(await outbound.resolve(new URL(url))).toMatchObject({ ok: true });
    expect(await refusal(dispatch(outbound, url.slice(0, -1)))).toBe('address_not_allowed');
    expect(await refusal(outbound.fetch(url))).toBe('address_not_allowed');
    expect(await refusal(connect(outbound, url))).toBe('address_not_allowed');
    expect(canary.connections()).toBe(0);
  });

  test('a connection is not opened when one of several addresses may not be reached', async () => {
    const canary = await listen();
    const outbound = guard({ allow: ['127.0.0.1'] }, { lookup: lookupOf(['127.0.0.1', '10.0.0.1']) });
    expect(await refusal(dispatch(outbound, `http://some.example:${canary.port}`))).toBe('address_not_allowed');
    expect(canary.connections()).toBe(0);
  });
});

describe('an outbound request', () => {
  test('to our own port is never opened, whatever is allowed and by whichever address of this host', async () => {
    const canary = await listen();
    const outbound = guard(
      { allow: ['0.0.0.0/0', '::/0'], ownPorts: () => [canary.port] },
      { lookup: lookupOf(['127.0.0.1']), ownAddresses: () => ['198.51.100.7', '2001:db8::7'] },
    );
    for (const host of [
      '127.0.0.1',
      '127.9.9.9',
      '[::1]',
      '[::ffff:127.0.0.1]',
      '198.51.100.7',
      '[::ffff:198.51.100.7]',
      '[2001:db8::7]',
      'some.example',
    ]) {
      expect(await refusal(dispatch(outbound, `http://${host}:${canary.port}`))).toBe('own_port');
      expect(await refusal(connect(outbound, `http://${host}:${canary.port}`))).toBe('own_port');
    }
    expect(code(outbound, `http://198.51.100.8:${canary.port}/`)).toBe('ok');
    expect(code(outbound, `http://127.0.0.1:${canary.port === 65535 ? 1 : canary.port + 1}/`)).toBe('ok');
    expect(canary.connections()).toBe(0);
  });

  test('follows no redirect, to metadata or anywhere', async () => {
    const canary = await listen();
    for (const location of ['http://169.254.169.254/latest/meta-data/', `http://127.0.0.1:${canary.port}/`]) {
      const redirecting = await listen((_, response) => void response.writeHead(307, { location }).end());
      const outbound = guard({ allow: ['127.0.0.1'] });
      const answer = await outbound.fetch(`http://127.0.0.1:${redirecting.port}/`, { redirect: 'follow' });
      expect([answer.status, answer.headers.get('location')]).toEqual([307, location]);
      const raw = await outbound.agent.request({
        origin: `http://127.0.0.1:${redirecting.port}`,
        path: '/',
        method: 'GET',
      });
      expect([raw.statusCode, await raw.body.text()]).toEqual([307, '']);
    }
    expect(canary.connections()).toBe(0);
  });

  test('an outbound request is given up when the headers take too long', async () => {
    const silent = await listen(() => undefined);
    const outbound = guard({ allow: ['127.0.0.1'] }, { headersTimeoutMs: 50 });
    expect(await refusal(dispatch(outbound, `http://127.0.0.1:${silent.port}`))).toContain('HeadersTimeout');
  });
});
