import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** The class path of Apache Kafka; empty when it can't be run here. */
    kafkaClasspath: string;
  }
}

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));
const pom = join(root, 'test', 'kafka', 'pom.xml');
const file = join(root, '.cache', 'kafka', 'cp.txt');

/** @throws when there is no Java that Kafka runs on. */
export const assertJava = async (): Promise<void> => {
  const { stderr } = await run('java', ['-version']);
  const version = Number(/version "(\d+)/.exec(stderr)?.[1]);
  if (!(version >= 17)) throw new Error(`Java ${version} is too old`);
};

/** The jars of pom.xml: those of last time where they are still there, else fetched by Maven. */
export const classpath = async (): Promise<string> => {
  const known = (): string =>
    existsSync(file) && statSync(file).mtimeMs > statSync(pom).mtimeMs ? readFileSync(file, 'utf8').trim() : '';
  const isThere = (path: string): boolean => path !== '' && path.split(delimiter).every((jar) => existsSync(jar));
  if (isThere(known())) return known();
  mkdirSync(join(root, '.cache', 'kafka'), { recursive: true });
  await run('mvn', [
    '-q',
    '-B',
    '-f',
    pom,
    'dependency:build-classpath',
    `-Dmdep.outputFile=${file}`,
    '-Dmdep.includeScope=runtime',
    '-Dmdep.regenerateFile=true',
  ]);
  if (!isThere(known())) throw new Error('Maven gave no class path');
  return known();
};

/** Says once and loudly when the suite can't run; TEST_KAFKA_REQUIRED=1 makes that an error. */
export async function setup(project: TestProject): Promise<void> {
  try {
    await assertJava();
    project.provide('kafkaClasspath', await classpath());
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
    const text = `KAFKA TESTS SKIPPED: they need Java 17 or later, and Maven for the first run (${reason})`;
    if (process.env.TEST_KAFKA_REQUIRED === '1') throw new Error(text, { cause: error });
    process.stderr.write(`\n${text}\n\n`);
    project.provide('kafkaClasspath', '');
  }
}
