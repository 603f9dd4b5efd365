import { expect, test } from 'vitest';
import { plainUri, spellingsOf } from '../../../src/policy-engine/resource-uri.js';

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
])('%s is plainly %s', (uri, plain) => {
  expect(plainUri(uri)).toBe(plain);
});

test.each([
  'file:///public/../secret', 'file:///public/./x', 'file:///public/..', 'file:///public/%2e%2e/secret', 'file:///public/%252e%252e/secret', 'file:///public/..%2fsecret',
  'file:///public\\..\\secret', 'x://h/a?path=../b', 'file:///public/.\t./secret', 'file:///public/%00', ' file:///a', 'file:///a ', '../x', 'x:..', 'note:..', 'x:%25252541', 'x:../y', `x:${'%25'.repeat(3)}2525252e`,
])('%j can be read in two ways', (uri) => {
  expect(plainUri(uri)).toBeUndefined();
});

test.each([
  ['file:///a', []],
  ['note:a', []],
  ['file:/a', ['file:///a']],
  ['file://localhost/a', ['file:///a']],
  ['https:/Host/x', ['https://host/x']],
  ['https://host:443/x', ['https://host/x']],
  ['https://host', ['https://host/']],
  ['http://h/%78', ['http://h/x']],
  ['no URI', []],
])('servers may take %s for %j', (uri, others) => {
  expect([...spellingsOf(uri)]).toEqual(others);
});
