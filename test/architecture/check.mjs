/**
 * `npm run check`: the checks around the code, one line a step.
 *
 *   node test/architecture/check.mjs [--fix] [--only step,step] [--report file.json]
 *
 * Exits with 1 when a step fails, and says what to do. `--fix` writes the generated files instead of comparing them.
 * `--report` writes the number of steps that passed and failed.
 */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { delimiter, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { compatibilityTables } from '../matrix/table.mjs';
import { areaTables, brokenLinks, longLines, undocumented, withGenerated } from './pages.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const STEP_LIMIT_MS = 300_000;

class Failure extends Error {}

/** Runs a program of node_modules or node itself; its output is told only when it fails. */
function run(command, ...args) {
  const bin = join(root, 'node_modules', '.bin');
  const env = { ...process.env, CI: 'true', NO_COLOR: '1', PATH: `${bin}${delimiter}${process.env.PATH}` };
  delete env.FORCE_COLOR;
  const child = spawn(command, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'], timeout: STEP_LIMIT_MS });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += data));
  return new Promise((resolve, reject) => {
    child.once('error', (error) => reject(new Failure(`${command}: ${error.message}`)));
    child.once('close', (code, signal) =>
      code === 0
        ? resolve()
        : reject(new Failure(`${output.trim() || command}${signal ? ` (stopped: ${signal})` : ''}`)),
    );
  });
}

const vitest = (file, ...more) => run('vitest', 'run', '--config', 'test/vitest.config.ts', file, ...more);

function filesBelow(path) {
  if (!existsSync(join(root, path))) return [];
  if (statSync(join(root, path)).isFile()) return [path];
  return readdirSync(join(root, path), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath ?? entry.path, entry.name)))
    .sort();
}

/** The lines of our files that a pattern matches, as `file:line: text`. */
function matches(paths, pattern) {
  return paths.flatMap(filesBelow).flatMap((file) =>
    readFileSync(join(root, file), 'utf8')
      .split('\n')
      .flatMap((line, index) => (pattern.test(line) ? [`${file}:${index + 1}: ${line.trim()}`] : [])),
  );
}

function refuse(found, advice) {
  if (found.length > 0) throw new Failure(`${found.join('\n')}\n${advice}`);
}

/**
 * `npm ci` refuses a lock file that names a package of another platform and has no entry for it: npm leaves out what a
 * registry does not have yet.
 */
function lockIsWhole() {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  const names = new Set(
    Object.keys(packages).map((path) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)),
  );
  const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies)
      .filter((name) => !names.has(name))
      .map((name) => `package-lock.json: ${path} needs ${name}`),
  );
  refuse(missing, 'npm ci refuses this lock file: take a release whose packages are all there, or add the entries.');
}

/** Spelled so that this file does not find itself. */
const MARK = /\b(TO[D]O|FIX[M]E|XX[X]|HA[C]K)\b/;
const OURS = [
  'src',
  'test',
  'migrations',
  '.ci',
  'docs',
  'README.md',
  'Dockerfile',
  'docker-compose.yml',
  'package.json',
];

/**
 * Everything that people write and read; what is generated or foreign is left out, and so are the migrations: a
 * released one is never edited, as databases know its checksum.
 */
const WRITTEN = ['src', 'test', 'docs', '.ci', 'Dockerfile', 'docker-compose.yml', 'package.json'];
const FOREIGN = /^test\/schema\.sql$|^docs\/siem\/(?:sigma\/)?samples\/|\.json$|\.snap$|\/go\.(?:mod|sum)$/;
const CONSOLE_TYPES = 'src/console/api/schema.d.ts';

/** Databases know each applied migration by its checksum, so the texts of those that were written before stay. */
const APPLIED = /^migrations\/00(?:0\d|1\d|2[0-3])_/;

const pages = () => [
  ...readdirSync(root).filter((name) => name.endsWith('.md')),
  ...filesBelow('docs').filter((name) => name.endsWith('.md')),
];

const written = () => [
  ...WRITTEN.flatMap(filesBelow).filter((name) => !FOREIGN.test(name) && name !== CONSOLE_TYPES && !APPLIED.test(name)),
  ...pages().filter((name) => !name.includes('/')),
];

const ARCHITECTURE = 'docs/architecture.md';

/** The page with the tables of areas and rooms as the import rules make them. */
function architecture() {
  const text = readFileSync(join(root, ARCHITECTURE), 'utf8');
  const fresh = withGenerated(text, 'areas', areaTables());
  if (fresh === undefined) throw new Failure(`${ARCHITECTURE} has no place for the generated tables`);
  return { text, fresh };
}

const COMPATIBILITY = 'docs/compatibility.md';

/** The page with the table of clients and servers as the last saved run of the matrix has them. */
function compatibility() {
  const text = readFileSync(join(root, COMPATIBILITY), 'utf8');
  const results = JSON.parse(readFileSync(join(root, 'test/matrix/results.json'), 'utf8'));
  const fresh = withGenerated(text, 'matrix', compatibilityTables(results));
  if (fresh === undefined) throw new Failure(`${COMPATIBILITY} has no place for the generated tables`);
  return { text, fresh };
}

const FIRST_VIEW_KB = 250;

/** What a browser loads before the console shows anything, as it is sent. */
async function firstView() {
  await run('node', 'src/start.mjs', '--build-only');
  const { scripts } = JSON.parse(readFileSync(join(root, 'dist/console/build.json'), 'utf8'));
  const bytes = scripts.reduce((sum, { brotli }) => sum + brotli, 0);
  if (scripts.length === 0 || bytes > FIRST_VIEW_KB * 1000)
    throw new Failure(`${bytes} bytes of compressed scripts: ${scripts.map(({ name }) => name).join(', ')}`);
}

const steps = {
  format: {
    what: 'formatting',
    check: () =>
      run('prettier', '--check', '--log-level', 'warn', 'src', 'test').catch((error) =>
        Promise.reject(new Failure(`${error.message}\nRun "npm run format".`)),
      ),
    fix: () => run('prettier', '--write', '--log-level', 'warn', 'src', 'test'),
  },
  columns: {
    what: 'no line over 120 columns',
    check: () => refuse(longLines(root, written()), 'Break these lines.'),
  },
  links: { what: 'links between pages', check: () => refuse(brokenLinks(root, pages()), 'These links lead nowhere.') },
  docstrings: {
    what: 'exported functions are documented',
    check: () =>
      refuse(
        undocumented(
          root,
          filesBelow('src').filter((name) => name.endsWith('.ts')),
        ),
        'Say in a docstring what each of these guarantees.',
      ),
  },
  areas: {
    what: "the architecture page's tables are fresh",
    check: () => {
      const { text, fresh } = architecture();
      if (text !== fresh) throw new Failure(`${ARCHITECTURE} is stale: run "npm run check -- --fix --only areas"`);
    },
    fix: () => writeFileSync(join(root, ARCHITECTURE), architecture().fresh),
  },
  matrix: {
    what: 'the table of clients and servers is fresh',
    check: () => {
      const { text, fresh } = compatibility();
      if (text !== fresh) throw new Failure(`${COMPATIBILITY} is stale: run "npm run check -- --fix --only matrix"`);
    },
    fix: () => writeFileSync(join(root, COMPATIBILITY), compatibility().fresh),
  },
  types: {
    what: 'types',
    check: async () => {
      await run('tsc', '--noEmit', '-p', 'test/tsconfig.json');
      await run('tsc', '--noEmit', '-p', 'src/console/tsconfig.json');
    },
  },
  lint: {
    what: 'lint, sizes',
    check: () =>
      run('oxlint', '--type-aware', '--config', 'test/architecture/oxlint.json', '--format', 'unix', 'src', 'test'),
  },
  rooms: {
    what: 'import rules',
    check: () => run('depcruise', '--config', 'test/architecture/rooms.cjs', '--output-type', 'err', 'src'),
  },
  openapi: {
    what: 'openapi/ is fresh',
    check: () => run('node', 'src/start.mjs', '--run', 'openapi', '--check'),
    fix: () => run('node', 'src/start.mjs', '--run', 'openapi'),
  },
  console: {
    what: "the console's types are those of openapi/",
    check: () =>
      run('openapi-typescript', 'openapi/toolgate.json', '-o', CONSOLE_TYPES, '--check').catch(() =>
        Promise.reject(new Failure(`${CONSOLE_TYPES} is stale: run "npm run console:types"`)),
      ),
    fix: () => run('openapi-typescript', 'openapi/toolgate.json', '-o', CONSOLE_TYPES),
  },
  firstview: { what: `the console's first view loads at most ${FIRST_VIEW_KB} KB of scripts`, check: firstView },
  settings: {
    what: 'the settings table of docs/operating.md is fresh',
    check: () => run('node', 'src/start.mjs', '--run', 'settings-table', '--check'),
    fix: () => run('node', 'src/start.mjs', '--run', 'settings-table'),
  },
  schema: {
    what: 'test/schema.sql is fresh',
    check: () =>
      vitest('test/architecture/schema.test.ts').catch(() =>
        Promise.reject(
          new Failure(
            'test/schema.sql is not what the migrations make: run "npm run check -- --fix", read the ' +
              'difference and commit it',
          ),
        ),
      ),
    fix: () => vitest('test/architecture/schema.test.ts', '-u'),
  },
  samples: {
    what: 'docs/siem/samples/ is what the formats write',
    check: () =>
      vitest('test/architecture/siem-samples.test.ts').catch(() =>
        Promise.reject(
          new Failure(
            'docs/siem/samples/ is stale: run "npm run check -- --fix --only samples". A difference that a receiver ' +
              'would notice needs a new version of the mapping.',
          ),
        ),
      ),
    fix: () => vitest('test/architecture/siem-samples.test.ts', '-u'),
  },
  compose: { what: 'docker-compose.yml, Dockerfile', check: () => vitest('test/architecture/compose.test.ts') },
  lock: {
    what: 'the lock file names no registry',
    check: () =>
      refuse(
        matches(['package-lock.json', '.npmrc'], /"resolved"|registry\s*=|_authToken/),
        'The lock file is for every registry: leave out "resolved".',
      ),
  },
  whole: { what: 'npm ci takes the lock file', check: lockIsWhole },
  marks: { what: 'nothing is left to do', check: () => refuse(matches(OURS, MARK), 'Do it, or leave it out.') },
};

async function main() {
  const { values } = parseArgs({
    options: { fix: { type: 'boolean', default: false }, only: { type: 'string' }, report: { type: 'string' } },
  });
  const names = values.only?.split(',') ?? Object.keys(steps);
  const unknown = names.filter((name) => !Object.hasOwn(steps, name));
  if (unknown.length > 0)
    throw new Failure(`no such step: ${unknown.join(', ')}; there are ${Object.keys(steps).join(', ')}`);
  const failed = [];
  for (const name of names) if (!(await perform(name, values.fix))) failed.push(name);
  if (values.report)
    writeFileSync(
      values.report,
      JSON.stringify({ passed: names.length - failed.length, failed: failed.length, skipped: 0 }),
    );
  process.stdout.write(
    failed.length === 0
      ? `All ${names.length} checks passed.\n`
      : `${failed.length} of ${names.length} checks failed: ${failed.join(', ')}\n`,
  );
  process.exitCode = failed.length === 0 ? 0 : 1;
}

async function perform(name, fix) {
  const { what, check, fix: write } = steps[name];
  const began = Date.now();
  const tell = (state) =>
    process.stdout.write(
      `${state.padEnd(6)} ${name.padEnd(10)} ${what} (${((Date.now() - began) / 1000).toFixed(1)} s)\n`,
    );
  try {
    await (fix && write ? write() : check());
    tell(fix && write ? 'wrote' : 'ok');
    return true;
  } catch (error) {
    tell('FAILED');
    process.stdout.write(`${(error instanceof Failure ? error.message : error.stack).replace(/^/gm, '       ')}\n`);
    return false;
  }
}

await main().catch((error) => {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
});
