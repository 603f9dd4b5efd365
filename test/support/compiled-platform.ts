import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * `src/platform/embedded-postgres` as JavaScript in a temporary folder, for tests that need it in a process of its own,
 * which they can kill.
 */
export function compilePlatform(): string {
  const folder = mkdtempSync(join(tmpdir(), 'toolgate-platform-'));
  const from = join(root, 'src', 'platform', 'embedded-postgres');
  const to = join(folder, 'embedded-postgres');
  mkdirSync(to);
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  for (const name of readdirSync(from)) {
    if (name.endsWith('.mjs')) copyFileSync(join(from, name), join(to, name));
    if (!name.endsWith('.ts')) continue;
    const compilerOptions = {
      target: ts.ScriptTarget.ES2023,
      module: ts.ModuleKind.ESNext,
      experimentalDecorators: true,
    };
    writeFileSync(
      join(to, name.replace(/\.ts$/, '.js')),
      ts.transpileModule(readFileSync(join(from, name), 'utf8'), { compilerOptions }).outputText,
    );
  }
  return folder;
}
