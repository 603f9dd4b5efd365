import { expect, test } from 'vitest';
import { CookieJar } from '../../../src/mcp/http-client/cookie-jar.js';

const URL_OF = (text: string): URL => new URL(text);
const MCP = URL_OF('https://mcp.example.com/v1/mcp');
const NOW = 1_700_000_000_000;

const jarWith = (...fields: string[]): CookieJar => {
  const jar = new CookieJar();
  jar.take(MCP, fields, NOW);
  return jar;
};

test.each<[string, string, string | undefined]>([
  ['AWSALB=abc+/=; Expires=Wed, 14 Nov 2040 00:00:00 GMT; Path=/', 'https://mcp.example.com/v1/mcp', 'AWSALB=abc+/='],
  ['a=1', 'https://mcp.example.com/v1/other', 'a=1'],
  ['a=1', 'https://mcp.example.com/v2', undefined],
  ['a=1; Path=/v1/mcp', 'https://mcp.example.com/v1/mcp/', 'a=1'],
  ['a=1; Path=/v1/mc', 'https://mcp.example.com/v1/mcp', undefined],
  ['a=1; Path=/', 'https://other.example.com/v1/mcp', undefined],
  ['a=1; Path=/', 'https://mcp.example.com:8443/v1/mcp', undefined],
  ['a=1; Domain=example.com; Path=/', 'https://mcp.example.com/v1/mcp', 'a=1'],
  ['a=1; Domain=example.com; Path=/', 'https://other.example.com/v1/mcp', undefined],
  ['a=1; Domain=example.org', 'https://mcp.example.com/v1/mcp', undefined],
  ['a=1; Secure', 'https://mcp.example.com/v1/mcp', 'a=1'],
  ['a=1; Secure', 'http://mcp.example.com/v1/mcp', undefined],
  ['a=1; Max-Age=0', 'https://mcp.example.com/v1/mcp', undefined],
  ['a=1; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT', 'https://mcp.example.com/v1/mcp', 'a=1'],
  ['a=1; Expires=Thu, 01-Jan-1970 00:00:00 GMT', 'https://mcp.example.com/v1/mcp', undefined],
  ['a=', 'https://mcp.example.com/v1/mcp', 'a='],
  ['=1', 'https://mcp.example.com/v1/mcp', undefined],
  ['1', 'https://mcp.example.com/v1/mcp', undefined],
  ['a b=1', 'https://mcp.example.com/v1/mcp', undefined],
  [`a=${'x'.repeat(5000)}`, 'https://mcp.example.com/v1/mcp', undefined],
])('the cookie "%s" is sent to %s as %s', (field, url, header) =>
  expect(jarWith(field).headerFor(URL_OF(url), NOW)).toBe(header),
);

test('a cookie ends at its expiry', () => {
  const jar = jarWith('a=1; Max-Age=60');
  expect(jar.headerFor(MCP, NOW + 59_999)).toBe('a=1');
  expect(jar.headerFor(MCP, NOW + 60_000)).toBeUndefined();
});

test('a cookie that is set again replaces the former, and one that is set to the past removes it', () => {
  const jar = jarWith('a=1', 'b=2', 'a=3');
  expect(jar.headerFor(MCP, NOW)).toBe('b=2; a=3');
  jar.take(MCP, 'b=; Max-Age=-1', NOW);
  expect(jar.headerFor(MCP, NOW)).toBe('a=3');
});

test('cookies of longer paths come first', () =>
  expect(jarWith('a=1; Path=/', 'b=2; Path=/v1').headerFor(MCP, NOW)).toBe('b=2; a=1'));

test('a jar keeps ten cookies and 8 KiB', () => {
  const many = jarWith(...Array.from({ length: 20 }, (_, index) => `c${index}=x`));
  expect(many.headerFor(MCP, NOW)?.split('; ')).toHaveLength(10);
  const large = jarWith(...Array.from({ length: 5 }, (_, index) => `c${index}=${'x'.repeat(3000)}`));
  expect(large.headerFor(MCP, NOW)?.split('; ')).toHaveLength(2);
});

test('a secure cookie of a server without TLS is not kept', () => {
  const jar = new CookieJar();
  jar.take(URL_OF('http://127.0.0.1:1/mcp'), 'a=1; Secure', NOW);
  expect(jar.toJSON()).toBeUndefined();
});

test('a jar that was kept as JSON sends the same cookies', () => {
  const jar = jarWith('a=1; Max-Age=60; Secure', 'b=2; Path=/');
  const again = new CookieJar(JSON.parse(JSON.stringify(jar)) as ConstructorParameters<typeof CookieJar>[0]);
  for (const now of [NOW, NOW + 60_000]) expect(again.headerFor(MCP, now)).toBe(jar.headerFor(MCP, now));
  expect(JSON.stringify({ jar: new CookieJar() })).toBe('{}');
});

test('a jar forgets its cookies when another host sets some', () => {
  const jar = jarWith('a=1');
  const other = URL_OF('https://other.example.com/v1/mcp');
  jar.take(other, 'b=2', NOW);
  expect(jar.headerFor(MCP, NOW)).toBeUndefined();
  expect(jar.headerFor(other, NOW)).toBe('b=2');
});
