import { createHash } from 'node:crypto';
import type { Tx } from '../../platform/postgres/database.js';
import { findUncheckable } from '../../policy-engine/uncheckable.js';
import { findInputSchemas, type ServerFacts } from './policies.store.js';

type Server = Readonly<{ organizationId: string; serverId: string; server: ServerFacts }>;

const MAX_SERVERS = 1000;
const uncheckableByServer = new Map<string, readonly string[]>();

/**
 * The facts of a server that also tell which tools' schemas can't be checked, where one of the documents asks for it
 * with `check_arguments`. Kept by the definitions of the tools: schemas are read once.
 */
export const markUncheckable = async (tx: Tx, of: Server, documents: readonly unknown[]): Promise<ServerFacts> => {
  const { server } = of;
  if (server.tools.length === 0 || !documents.some(checksArguments)) return server;
  const names = new Set(await uncheckableIn(tx, of));
  return {
    ...server,
    tools: server.tools.map((tool) => (names.has(tool.name) ? { ...tool, isUncheckable: true } : tool)),
  };
};

const checksArguments = (document: unknown): boolean =>
  (document as Readonly<{ check_arguments?: unknown }> | null)?.check_arguments === true;

const uncheckableIn = async (tx: Tx, { organizationId, serverId, server }: Server): Promise<readonly string[]> => {
  const key = createHash('sha256').update(JSON.stringify(server.hashes)).digest('base64');
  const known = uncheckableByServer.get(key);
  if (known !== undefined) return known;
  const schemas = await findInputSchemas(tx, organizationId, serverId, Object.keys(server.hashes));
  const found = await findUncheckable(
    [...schemas].map(([name, inputSchema]) => ({ name, inputSchema })),
    organizationId,
  );
  if (uncheckableByServer.size >= MAX_SERVERS) uncheckableByServer.clear();
  uncheckableByServer.set(key, found);
  return found;
};
