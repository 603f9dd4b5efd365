import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestProject } from 'vitest/node';

/** Where the receivers are; an empty text where one is not to be had. */
export type ReceiverPaths = Readonly<{ rsyslog: string; syslogNg: string; collector: string; s3Classpath: string }>;

declare module 'vitest' {
  interface ProvidedContext {
    receivers: ReceiverPaths;
  }
}

const here = fileURLToPath(new URL('.', import.meta.url));
const cache = fileURLToPath(new URL('../../.cache/receivers', import.meta.url));

const existing = (path: string): string => (existsSync(path) ? path : '');

const rsyslogPath = (): string => {
  try {
    return execFileSync('which', ['rsyslogd'], { encoding: 'utf8' }).trim();
  } catch {
    return '';
  }
};

const collectorPath = (): string => {
  const sources = ['main.go', 'go.sum'].map((file) => readFileSync(join(here, 'collector', file)));
  return existing(
    join(cache, `collector-${createHash('sha256').update(Buffer.concat(sources)).digest('hex').slice(0, 16)}`),
  );
};

/**
 * Finds the receivers; in CI it installs them first. Says loudly what is not here: the tests of a receiver that is
 * missing are skipped.
 */
export function setup(project: TestProject): void {
  if (process.env['CI'] !== undefined)
    spawnSync('bash', [join(here, 'install.sh')], { stdio: ['ignore', 'inherit', 'inherit'] });
  const classpath = join(cache, 's3-classpath.txt');
  const paths: ReceiverPaths = {
    rsyslog: rsyslogPath(),
    syslogNg: existing(join(cache, 'syslog-ng/usr/sbin/syslog-ng')) && join(cache, 'syslog-ng'),
    collector: collectorPath(),
    s3Classpath: existsSync(classpath) ? readFileSync(classpath, 'utf8').trim() : '',
  };
  const missing = Object.entries(paths).flatMap(([name, path]) => (path === '' ? [name] : []));
  if (missing.length > 0)
    process.stderr.write(
      `\nRECEIVERS SKIPPED: ${missing.join(', ')} (bash test/receivers/install.sh installs them)\n\n`,
    );
  project.provide('receivers', paths);
}
