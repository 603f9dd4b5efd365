import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from 'vitest';
import { readConfig } from '../../../src/platform/settings/config.js';
import { makeHostRule, originForm } from '../../../src/platform/settings/host-rule.js';

type Env = Readonly<Record<string, string>>;

/** A request with these `Host` headers, as Node reads it. */
const request = (hosts: readonly string[], url = '/v1/me'): IncomingMessage =>
  ({
    url,
    rawHeaders: ['Accept', '*/*', ...hosts.flatMap((host) => ['hOST', host])],
    headers: { host: hosts[0] },
  }) as unknown as IncomingMessage;

const takes = (env: Env, ...hosts: readonly string[]): boolean => makeHostRule(readConfig(env))(request(hosts));

const NEVER = [
  'evil.example',
  'evil.example:8080',
  '[::1]evil',
  '[::1]evil:8080',
  '[::1',
  '::1',
  '127.0.0.1.evil.example',
  '127.0.0.1@evil.example',
  '127.0.0.1:80:80',
  '127.0.0.1, evil.example',
  '127.1',
  '0x7f.1',
  '',
  ' ',
  '127.0.0.1 ',
  'localhost.evil.example',
  'localhost:x',
  '[fe80::1%25eth0]',
  'http://127.0.0.1',
  '127.0.0.1/x',
  '127.0.0.1#',
];

describe('bound to loopback', () => {
  test.each([
    '127.0.0.1',
    '127.0.0.1:8080',
    '127.8.9.10',
    'localhost',
    'LOCALHOST:1',
    'localhost:',
    '[::1]',
    '[::1]:8080',
    '[0:0:0:0:0:0:0:1]',
  ])('a request may name loopback: %s', (host) => expect(takes({}, host)).toBe(true));
  test.each([...NEVER, '10.0.0.1', '[::2]'])('a request may name nothing else: %j', (host) =>
    expect(takes({}, host)).toBe(false),
  );
  test('a request may name the host of PUBLIC_URL and those in ALLOWED_HOSTS, on any port', () => {
    const env = { PUBLIC_URL: 'https://Tools.Example.com', ALLOWED_HOSTS: 'tools.internal,10.0.0.5' };
    for (const host of ['tools.example.com', 'TOOLS.example.com:443', 'tools.internal:9', '10.0.0.5', '127.0.0.1:8080'])
      expect([host, takes(env, host)]).toEqual([host, true]);
    for (const host of ['x.tools.example.com', 'tools.example.com.evil.example', '10.0.0.6'])
      expect([host, takes(env, host)]).toEqual([host, false]);
  });
});

describe('beyond loopback', () => {
  test('beyond loopback with a PUBLIC_URL a request may name its host and those in ALLOWED_HOSTS only', () => {
    const env = { HOST: '0.0.0.0', PUBLIC_URL: 'https://tools.example.com', ALLOWED_HOSTS: 'localhost' };
    for (const host of ['tools.example.com', 'localhost:8080']) expect([host, takes(env, host)]).toEqual([host, true]);
    for (const host of ['127.0.0.1', '10.0.0.1', '[::1]', ...NEVER])
      expect([host, takes(env, host)]).toEqual([host, false]);
  });
  test(
    'without a PUBLIC_URL a request may name any IP address, as no page can rebind one, and no name ' +
      'but a listed one',
    () => {
      const env = { HOST: '::', ALLOWED_HOSTS: 'tools.internal' };
      for (const host of ['10.0.0.1:8080', '[fd00::1]:8080', '127.0.0.1', 'tools.internal'])
        expect([host, takes(env, host)]).toEqual([host, true]);
      for (const host of ['localhost', ...NEVER]) expect([host, takes(env, host)]).toEqual([host, false]);
    },
  );
});

describe('a request', () => {
  test('a request with no Host, or with two, is refused, also when they are equal', () => {
    expect(takes({})).toBe(false);
    expect(takes({}, '127.0.0.1', 'evil.example')).toBe(false);
    expect(takes({}, '127.0.0.1', '127.0.0.1')).toBe(false);
  });
  test('passes and is refused alike the second time', () => {
    const rule = makeHostRule(readConfig({}));
    for (const [host, passes] of [
      ['127.0.0.1:8080', true],
      ['evil.example', false],
    ] as const) {
      for (let time = 0; time < 2; time += 1) expect(rule(request([host]))).toBe(passes);
    }
  });
  test('whose target is a whole URL must name one of our hosts there too', () => {
    const rule = makeHostRule(readConfig({}));
    for (const [url, passes] of [
      ['http://127.0.0.1/v1/me', true],
      ['HTTP://LOCALHOST:1', true],
      ['http://evil.example/v1/me', false],
      ['https://127.0.0.1@evil.example/', false],
      ['http:///v1/me', false],
    ] as const) {
      expect([url, rule(request(['127.0.0.1'], url))]).toEqual([url, passes]);
    }
    expect(rule(request(['evil.example'], 'http://127.0.0.1/v1/me'))).toBe(false);
  });
});

test.each([
  ['/v1/me?x=1', '/v1/me?x=1'],
  ['http://h/v1/me?x=http://y/', '/v1/me?x=http://y/'],
  ['HTTPS://h', '/'],
  ['http://h?x', '/?x'],
  ['*', '*'],
  ['h:443', 'h:443'],
])('the target %s is the path %s', (target, path) => expect(originForm(target)).toBe(path));
