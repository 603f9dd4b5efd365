import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const SRC = new URL('../../src/', import.meta.url).pathname;

/** Where no exchange of a client is: what is started once, ended once, run by hand, or ends its own thread alone. */
const ELSEWHERE = new RegExp(
  '^(demo|main|app/http-front|platform/(runtime/(guard|last-resort)|postgres/database))\\.ts$' +
    '|^control-plane/catalog/classify-thread\\.ts$|^demo/|^platform/embedded-postgres/|^record/event-log/kafka/',
);

/**
 * What may be a listener: one that is guarded where it stands, or a name that is made with `guarded` (or only settles a
 * promise) in the same file.
 */
const LISTENER = /^\.\w+\(\s*'\w+',\s*(?:guarded\(|(?:this\.)?(#?\w+),?\s*\))/;

const isGuarded = (text: string, listener: string): boolean => {
  const [found, name] = LISTENER.exec(listener) ?? [];
  if (found === undefined) return false;
  return name === undefined || name === 'resolve' || new RegExp(`${name} = guarded\\(`).test(text);
};

test('every listener of a socket, stream or process that an exchange depends on is guarded', () => {
  const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.ts') && !ELSEWHERE.test(file),
  );
  const bare = files.flatMap((file) => {
    const text = readFileSync(join(SRC, file), 'utf8');
    return [...text.matchAll(/\.(on|once|addListener|prependListener)\(/g)].flatMap(({ index }) =>
      isGuarded(text, text.slice(index, index + 200))
        ? []
        : [`${file}: ${text.slice(index, index + 60).replaceAll(/\s+/g, ' ')}`],
    );
  });
  expect(bare, 'Use listenTo or guarded (platform/runtime/guard): what a listener throws ends the process.').toEqual(
    [],
  );
});
