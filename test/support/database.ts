import { inject } from 'vitest';

export type TestDatabase = Readonly<{ url: string; drop(): Promise<void> }>;

/**
 * A database of its own for a test file, with all migrations applied. `drop` ends what is still connected to it; one
 * that isn't dropped goes with the run. With TEST_DATABASE_URL it lies in that server, whose user must be allowed to
 * create databases.
 */
export async function testDatabase(): Promise<TestDatabase> {
  const url = await ask('/', 'POST');
  return { url, drop: () => ask(new URL(url).pathname, 'DELETE').then(() => undefined) };
}

async function ask(path: string, method: string): Promise<string> {
  const response = await fetch(inject('testDatabases') + path, { method });
  const text = await response.text();
  if (!response.ok) throw new Error(`no test database: ${text}`);
  return text;
}
