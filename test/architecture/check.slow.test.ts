import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

type Run = Readonly<{ code: number | null; out: string }>;

const root = fileURLToPath(new URL('../..', import.meta.url));
const COPIED = [
  'src',
  'dist',
  'migrations',
  'openapi',
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'docs',
  'test/tsconfig.json',
  'test/architecture/check.mjs',
  'test/architecture/pages.mjs',
  'test/matrix',
  'test/architecture/oxlint.json',
  'test/architecture/rooms.cjs',
];

/** A copy of what the checks read, with the packages of this tree. */
const copyTree = (): string => {
  const tree = mkdtempSync(join(tmpdir(), 'toolgate-check-'));
  for (const name of COPIED.filter((path) => existsSync(join(root, path))))
    cpSync(join(root, name), join(tree, name), { recursive: true, filter: (from) => !from.endsWith('.building') });
  symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'));
  return tree;
};

const plant = (tree: string, name: string, text: string): void => {
  mkdirSync(dirname(join(tree, name)), { recursive: true });
  writeFileSync(join(tree, name), text);
};

const edit = (tree: string, name: string, change: (text: string) => string): void =>
  plant(tree, name, change(readFileSync(join(tree, name), 'utf8')));

const check = (tree: string, ...steps: string[]): Promise<Run> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['test/architecture/check.mjs', '--only', steps.join(',')], {
      cwd: tree,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let out = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (out += data.toString()));
    child.once('error', reject).once('close', (code) => resolve({ code, out }));
  });

/** The lines of a run that speak of a planted file. */
const about = (run: Run, file: string): string =>
  run.out
    .split('\n')
    .filter((line) => line.includes(file))
    .join('\n');

const trees: string[] = [];
let stale: Promise<Run>;
let broken: Promise<Run>;

const plantStale = (tree: string): void => {
  edit(tree, 'openapi/toolgate.json', (text) => text.replace('"Toolgate"', '"Toolgate of yesterday"'));
  edit(tree, 'docs/operating.md', (text) => text.replace('| `PORT` | 8080 |', '| `PORT` | 8081 |'));
};

const plantFaults = (tree: string): void => {
  plant(
    tree,
    'src/platform/runtime/planted-long-file.ts',
    `${Array.from({ length: 301 }, (_, line) => `export const line${line} = ${line};`).join('\n')}\n`,
  );
  plant(
    tree,
    'src/platform/runtime/planted-long-function.ts',
    `export const long = (start: number): number => {\n  let value = start;\n${'  value += 1;\n'.repeat(37)} ` +
      ` return value;\n};\n`,
  );
  plant(
    tree,
    'src/platform/runtime/planted-fitting-function.ts',
    `export const fits = (start: number): number => {\n  let value = start;\n${'  value += 1;\n'.repeat(36)} ` +
      ` return value;\n};\n`,
  );
  plant(
    tree,
    'src/platform/runtime/planted-any.ts',
    'export const anything = (value: any): string => String(value);\n',
  );
  plant(
    tree,
    'src/platform/runtime/planted-bang.ts',
    'export const first = (list: readonly string[]): string => list[0]!;\n',
  );
  plant(tree, 'src/platform/runtime/planted-default.ts', 'export default 1;\n');
  plant(tree, 'src/platform/runtime/planted-console.ts', "export const say = (): void => console.log('x');\n");
  plant(tree, 'src/platform/runtime/planted-env.ts', "export const home = process.env['HOME'];\n");
  plant(
    tree,
    'src/platform/runtime/planted-floating.ts',
    'const later = async (): Promise<void> => undefined;\nexport const begin = (): void => {\n  later();\n};\n',
  );
  plant(
    tree,
    'src/platform/runtime/planted-switch.ts',
    "export const size = (word: 'a' | 'b'): number => {\n  switch (word) {\n    case 'a':\n      " +
      'return 1;\n  }\n  return 2;\n};\n',
  );
  plant(
    tree,
    'src/platform/runtime/planted-parameters.ts',
    'export const sum = (a: number, b: number, c: number, d: number, e: number): number => a + b + c + d + e;\n',
  );
  plant(
    tree,
    'src/data-plane/gateway/planted-room.ts',
    "import type { AppModule } from '../../app/app.module.js';\nimport type { Grant } from " +
      "'../../control-plane/grants/grants.js';\nexport type Both = [AppModule, Grant];\n",
  );
  plant(
    tree,
    'src/policy-engine/planted-io.ts',
    "import { log } from '../platform/runtime/log.js';\nexport const loud = log;\n",
  );
  plant(
    tree,
    'src/platform/runtime/planted-one.ts',
    "import { two } from './planted-two.js';\nexport const one = (): unknown => two;\n",
  );
  plant(
    tree,
    'src/platform/runtime/planted-two.ts',
    "import { one } from './planted-one.js';\nexport const two = (): unknown => one;\n",
  );
  plant(
    tree,
    'src/control-plane/grants/planted-package.ts',
    "import { Kafka } from 'kafkajs';\nexport const client = Kafka;\n",
  );
  plant(
    tree,
    'src/helpers/planted-room.ts',
    "import { newId } from '../platform/crypto/ids.js';\nexport const id = newId;\n",
  );
  plant(tree, 'src/platform/runtime/planted-mark.ts', `export const later = 1; // ${'TO'}${'DO'}: later\n`);
  edit(tree, 'package-lock.json', (text) =>
    text
      .replace('"node_modules/@node-rs/argon2-darwin-arm64": {', '"node_modules/planted": {')
      .replace('"version":', '"resolved": "https://packages.example/x.tgz",\n      "version":'),
  );
};

beforeAll(() => {
  const [first, second] = [copyTree(), copyTree()];
  trees.push(first, second);
  plantStale(first);
  plantFaults(second);
  stale = check(first, 'openapi', 'settings');
  broken = check(second, 'lint', 'rooms', 'marks', 'lock', 'whole');
});

afterAll(async () => {
  await Promise.allSettled([stale, broken]);
  for (const tree of trees) rmSync(tree, { recursive: true, force: true, maxRetries: 5 });
});

test('a generated file that is stale fails the check, which names it and how to make it anew', async () => {
  const { code, out } = await stale;
  expect(code).toBe(1);
  expect(out).toContain('openapi/toolgate.json is stale: run "npm run openapi"');
  expect(out).toContain('the settings table in docs/operating.md is stale: run "npm run settings"');
  expect(out).toContain('2 of 2 checks failed: openapi, settings');
}, 120_000);

describe('code that breaks a rule fails the check, which names the file and the fault', () => {
  const faults: readonly (readonly [what: string, file: string, fault: RegExp])[] = [
    ['a file of 301 lines', 'platform/runtime/planted-long-file.ts', /too many lines \(301\)/],
    ['a function of 41 lines', 'platform/runtime/planted-long-function.ts', /too many lines \(41\)/],
    ['any', 'platform/runtime/planted-any.ts', /no-explicit-any/],
    ['a non-null assertion', 'platform/runtime/planted-bang.ts', /no-non-null-assertion/],
    ['a default export', 'platform/runtime/planted-default.ts', /no-default-export/],
    ['console', 'platform/runtime/planted-console.ts', /no-console/],
    ['process.env outside the configuration', 'platform/runtime/planted-env.ts', /no-process-env/],
    ['a promise that nobody waits for', 'platform/runtime/planted-floating.ts', /no-floating-promises/],
    [
      'a switch that leaves a case out',
      'platform/runtime/planted-switch.ts',
      /not exhaustive.*"b".*switch-exhaustiveness-check/,
    ],
    ['five parameters', 'platform/runtime/planted-parameters.ts', /max-params/],
    [
      'an import from a room that may not be imported, of a type too',
      'src/data-plane/gateway/planted-room.ts',
      /room-data-plane-gateway:.* → src\/control-plane\/grants\/grants\.ts/,
    ],
    [
      'an import of the composition',
      'src/data-plane/gateway/planted-room.ts',
      /room-data-plane-gateway:.* → src\/app\/app\.module\.ts/,
    ],
    [
      'I/O in the policy engine',
      'src/policy-engine/planted-io.ts',
      /room-policy-engine:.* → src\/platform\/runtime\/log\.ts/,
    ],
    ['a cycle', 'src/platform/runtime/planted-one.ts', /no-cycles:/],
    ['a package outside its home', 'src/control-plane/grants/planted-package.ts', /package-kafkajs:/],
    ['a room that is not in the list', 'src/helpers/planted-room.ts', /room-unknown:/],
    ['work left to do', 'src/platform/runtime/planted-mark.ts', /planted-mark\.ts:1: /],
    ['a lock file that npm ci would refuse', 'package-lock.json', /needs @node-rs\/argon2-darwin-arm64/],
    ['a registry in the lock file', 'package-lock.json', /package-lock\.json:\d+: "resolved"/],
  ];
  test.each(faults)('%s', async (_what, file, fault) => expect(about(await broken, file)).toMatch(fault), 120_000);

  test('and a function of 40 lines does not', async () =>
    expect(about(await broken, 'planted-fitting-function.ts')).toBe(''));

  test('and the exit code and the last line say which steps failed', async () => {
    const { code, out } = await broken;
    expect(code).toBe(1);
    expect(out.trim().split('\n').at(-1)).toBe('5 of 5 checks failed: lint, rooms, marks, lock, whole');
  });
});

test('a step that does not exist is refused, so that a misspelt one is not taken for a passed one', async () => {
  const { code, out } = await check(root, 'lints');
  expect(code).toBe(1);
  expect(out).toContain('no such step: lints');
});
