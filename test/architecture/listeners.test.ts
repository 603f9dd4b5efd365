import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const SRC = new URL('../../src/', import.meta.url).pathname;

/** Where no exchange of a client is: what is started once, ended once, or run by hand. */
const ELSEWHERE =
  /^(demo[^/]*|main|platform\/(guard|last-resort|database|http-front))\.ts$|^embedded-postgres\/|^event-log\/kafka-/;

/**
 * What may be a listener: one that is guarded where it stands, or a name that is made with `guarded` (or only settles a
 * promise) in the same file.
 */
const LISTENER = /\.(?:on|once|addListener|prependListener)\(\s*'\w+',\s*(?:guarded\(|(?:this\.)?(#?\w+)\))/;

const isGuarded = (text: string, line: string): boolean => {
  const [found, name] = LISTENER.exec(line) ?? [];
  if (found === undefined) return false;
  return name === undefined || name === 'resolve' || new RegExp(`${name} = guarded\\(`).test(text);
};

test('every listener of a socket, stream or process that an exchange depends on is guarded', () => {
  const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.ts') && !ELSEWHERE.test(file),
  );
  const bare = files.flatMap((file) => {
    const text = readFileSync(join(SRC, file), 'utf8');
    return text
      .split('\n')
      .flatMap((line, index) =>
        /\.(on|once|addListener|prependListener)\(/.test(line) && !isGuarded(text, line)
          ? [`${file}:${index + 1}: ${line.trim()}`]
          : [],
      );
  });
  expect(bare, 'Use listenTo or guarded (platform/guard): what a listener throws ends the process.').toEqual([]);
});
