import { describe, expect, test } from 'vitest';
import { makeNameLookups, type Lookup } from '../../../src/platform/outbound/name-lookups.js';

/** A resolver whose look-ups end when they are told to. */
const makeResolver = () => {
  const asked: string[] = [];
  const answers = new Map<string, (addresses: readonly string[] | Error) => void>();
  const lookup: Lookup = (hostname, _options, done) => {
    asked.push(hostname);
    answers.set(hostname, (found) =>
      found instanceof Error
        ? done(found, [])
        : done(
            null,
            found.map((address) => ({ address, family: 4 })),
          ),
    );
  };
  return {
    lookup,
    asked,
    answer: (hostname: string, found: readonly string[] | Error) => answers.get(hostname)?.(found),
  };
};

const setup = () => {
  const resolver = makeResolver();
  let time = 0;
  const lookups = makeNameLookups({ lookup: resolver.lookup, now: () => time });
  const find = (hostname: string): Promise<readonly string[]> =>
    new Promise((resolve, reject) =>
      lookups(hostname, { all: true }, (error, found) =>
        error ? reject(error) : resolve(found.map(({ address }) => address)),
      ),
    );
  return { ...resolver, find, pass: (ms: number) => (time += ms) };
};

const soon = (): Promise<unknown> => new Promise(setImmediate);

describe('look-ups of names', () => {
  test('of one name run once at a time, whoever waits for them', async () => {
    const { find, asked, answer } = setup();
    const both = Promise.all([find('a.example.com'), find('a.example.com')]);
    await soon();
    answer('a.example.com', ['192.0.2.1']);
    expect(await both).toEqual([['192.0.2.1'], ['192.0.2.1']]);
    expect(asked).toEqual(['a.example.com']);
  });

  test('of a site that does not answer leave threads to other sites', async () => {
    const { find, asked, answer } = setup();
    for (let index = 0; index < 20; index += 1) find(`${index}.slow.test`).catch(() => undefined);
    const other = find('quick.example.com');
    await soon();
    expect(asked).toEqual(['0.slow.test', 'quick.example.com']);
    answer('quick.example.com', ['192.0.2.2']);
    expect(await other).toEqual(['192.0.2.2']);
  });

  test('answer from memory for ten seconds, then anew', async () => {
    const { find, asked, answer, pass } = setup();
    const first = find('a.example.com');
    await soon();
    answer('a.example.com', ['192.0.2.1']);
    await first;
    pass(9999);
    expect(await find('a.example.com')).toEqual(['192.0.2.1']);
    expect(asked).toHaveLength(1);
    pass(1);
    const renewed = find('a.example.com');
    await soon();
    answer('a.example.com', ['192.0.2.9']);
    expect(await renewed).toEqual(['192.0.2.9']);
  });

  test('go on with a known answer when the resolver fails or is silent, for five minutes', async () => {
    const { find, answer, pass } = setup();
    const first = find('a.example.com');
    await soon();
    answer('a.example.com', ['192.0.2.1']);
    await first;
    pass(299_000);
    const failing = find('a.example.com');
    await soon();
    answer('a.example.com', new Error('SERVFAIL'));
    expect(await failing).toEqual(['192.0.2.1']);
    expect(await find('a.example.com')).toEqual(['192.0.2.1']);
    pass(2000);
    const late = find('b.other.test');
    await soon();
    answer('b.other.test', new Error('ENOTFOUND'));
    await expect(late).rejects.toThrow('ENOTFOUND');
  });
});
