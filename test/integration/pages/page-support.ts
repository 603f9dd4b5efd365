import type { TestToolgate } from '../../support/toolgate.js';
import { catalogToolOf } from '../../../src/control-plane/catalog/catalog-entry.js';
import { classifyDefinitions } from '../../../src/control-plane/catalog/classify-request.js';
import { lockCatalog, saveEntries } from '../../../src/control-plane/catalog/save-entries.js';

export type Got = Readonly<{ status: number; text: string; headers: Headers }>;

/** What a browser gets of a page. */
export const get = async (url: string, headers: Readonly<Record<string, string>> = {}): Promise<Got> => {
  const response = await fetch(url, { headers: { accept: 'text/html', ...headers }, redirect: 'manual' });
  return { status: response.status, text: await response.text(), headers: response.headers };
};

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" };

/** The text that HTML shows. */
export const unescaped = (html: string): string =>
  html.replaceAll(/&(amp|lt|gt|quot|#39);/g, (_, name: string) => ENTITIES[name] ?? '');

/** The addresses that a page links to, as they are written. */
export const linksIn = (html: string): readonly string[] =>
  [...html.matchAll(/ (?:href|src)="([^"]*)"/g)].map(([, to]) => unescaped(to ?? ''));

export type Definition = Readonly<{ name: string; description?: string; inputSchema?: object }>;

/** Puts a server with these tools into the catalog, as a scan of it would. */
export const putServer = async (
  { db }: Pick<TestToolgate, 'db'>,
  server: Readonly<{ name: string; summary?: string }>,
  definitions: readonly Definition[],
): Promise<void> => {
  const found = classifyDefinitions({ tools: definitions, server }).tools;
  const tools = definitions.flatMap((definition, at) => (found[at] ? [catalogToolOf(definition, found[at])] : []));
  await db.asWorker(async (tx) => {
    await lockCatalog(tx);
    await saveEntries(tx, [
      {
        name: server.name,
        summary: server.summary ?? '',
        version: '1.0.0',
        source: 'scanned',
        transports: ['streamable-http'],
        preset: { auth: 'none', settings: [] },
        verifiedOn: '2026-11-30',
        tools,
      },
    ]);
  });
};
