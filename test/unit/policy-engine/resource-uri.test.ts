import { expect, test } from 'vitest';
import { normalUri, plainUri, spellingsOf } from '../../../src/policy-engine/resource-uri.js';

test.each([
  ['file:///a/b', 'file:///a/b'],
  ['test://static-text', 'test://static-text'],
  ['TEST://Host/Path', 'test://host/Path'],
  ['file:///%73ecret', 'file:///secret'],
  ['file:////secret//x', 'file:///secret/x'],
  ['https:\\\\host\\x', 'https://host/x'],
  ['gitlab://projects/group%2Fproject', 'gitlab://projects/group/project'],
  ['test://template/{id}/data', 'test://template/{id}/data'],
  ['note:a', 'note:a'],
  ['NOTE:A', 'note:A'],
  ['A/b://C', 'A/b:/C'],
  ['a/b:..', 'a/b:..'],
  ['x:%252541', 'x:A'],
  ['a b', 'a b'],
  ['x://h/é', 'x://h/é'],
  ['x://h/a..b/.c', 'x://h/a..b/.c'],
  ['x://h/a．b/…', 'x://h/a．b/…'],
])('%s is plainly %s', (uri, plain) => {
  expect(plainUri(uri)).toBe(plain);
});

test.each([
  'file:///public/../secret',
  'file:///public/./x',
  'file:///public/..',
  'file:///public/%2e%2e/secret',
  'file:///public/%252e%252e/secret',
  'file:///public/..%2fsecret',
  'file:///public\\..\\secret',
  'x://h/a?path=../b',
  'file:///public/.\t./secret',
  'file:///public/．．/secret',
  'file:///public/%EF%BC%8E%EF%BC%8E/secret',
  'file:///public／‥／secret',
  'file:///public/%00',
  ' file:///a',
  'file:///a ',
  '../x',
  'x:..',
  'note:..',
  'x:%25252541',
  'x:../y',
  `x:${'%25'.repeat(3)}2525252e`,
  'file:///caf%E9',
  'file:///%C0%AF',
  'x://h/\ud800',
])('%j can be read in two ways', (uri) => {
  expect(plainUri(uri)).toBeUndefined();
});

const othersOf = (uri: string): readonly string[] => spellingsOf(uri)?.texts.slice(1) ?? [];

test.each([
  ['file:///a', []],
  ['note:a', []],
  ['file:/a', ['file:///a']],
  ['file://localhost/a', ['file:///a']],
  ['https:/Host/x', ['https://host/x']],
  ['https://host:443/x', ['https://host/x']],
  ['https://host', ['https://host/']],
  ['http://h/%78', ['http://h/x']],
  ['http://0x7f.1/x', ['http://127.0.0.1/x']],
  ['http://[0:0::1]/x', ['http://[::1]/x']],
  ['https://bücher/x', ['https://xn--bcher-kva/x']],
  ['https://xn--bcher-kva/x', ['https://bücher/x']],
  ['https://u:p@h./x?#', ['https://h/x']],
  ['gitlab://p/settings%2F', ['gitlab://p/settings/', 'gitlab://p/settings']],
  ['file://elsewhere/a?b#c', ['file:///a']],
  ['no URI', []],
])('servers may take %s for %j', (uri, others) => {
  expect(othersOf(uri)).toEqual(expect.arrayContaining(others));
  if (others.length === 0) expect(othersOf(uri)).toEqual([]);
});

test.each([
  ['file:///%c3%a9', 'file:///é'],
  ['file:///e\u0301', 'file:///é'],
  ['FILE:///A%2fb%7e', 'file:///A%2Fb~'],
  ['HTTPS://U@Host:443/%41?', 'https://U@host/A?'],
  ['https://h:8443/', 'https://h:8443/'],
  ['gitlab://p:443/x', 'gitlab://p:443/x'],
  ['HTTPS://H%2fA', 'https://H%2FA'],
])('%s is %s in the form that names the same resource for every reader', (uri, normal) => {
  expect(normalUri(uri)).toBe(normal);
});

test('the spellings of one URI are few, however it is written', () => {
  for (const uri of [
    'FILE://u@Elsewhere.:1/%C3%A9//a%2Fb/?c#d',
    'HTTPS:\\\\%2555@b\u00fccher.:443\\%25C3%25A9 x/?#',
    `x:${'%20é'.repeat(250)}`,
  ]) {
    const { texts, encoded } = spellingsOf(uri) ?? { texts: [], encoded: [] };
    expect([texts.length > 1 && texts.length <= 9, encoded.length <= 5]).toEqual([true, true]);
  }
});
