/**
 * A Kafka for the bench: the cluster of KAFKA_BROKERS, or one broker started here as the tests start theirs, where Java
 * and (once) Maven are. The tests' support is TypeScript; it is compiled beside the other caches, where its paths and
 * packages are found.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import ts from 'typescript';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = join(root, '.cache', 'bench');

const compiled = async (name) => {
  await mkdir(folder, { recursive: true });
  const source = await readFile(join(root, 'test', 'support', `${name}.ts`), 'utf8');
  const { outputText } = ts.transpileModule(source, {
    compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023, verbatimModuleSyntax: true },
  });
  const file = join(folder, `${name}.mjs`);
  await writeFile(file, outputText);
  return import(pathToFileURL(file).href);
};

/**
 * `{brokers, pids, stop}`: where it is, the processes whose CPU time is its own, and how it ends; or `{missing}`, why
 * there is none.
 */
export const openKafka = async () => {
  const given = process.env.KAFKA_BROKERS;
  if (given) return { brokers: given, pids: [], stop: () => Promise.resolve() };
  const [{ assertJava, classpath }, { startKafka }] = await Promise.all([
    compiled('kafka-setup'),
    compiled('kafka-cluster'),
  ]);
  const jars = await assertJava()
    .then(classpath)
    .catch((error) => error);
  if (jars instanceof Error)
    return {
      missing: `Java 17 or later, and Maven for the first run, or KAFKA_BROKERS (${jars.message.split('\n')[0]})`,
    };
  const cluster = await startKafka({ nodes: 1, classpath: jars });
  return { brokers: cluster.brokers.join(','), pids: [cluster.node(1).pid()], stop: cluster.stop };
};
