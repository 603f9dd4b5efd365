import { createHash } from 'node:crypto';
import type { Tx } from '../../platform/postgres/database.js';
import { findUncheckable, saysNothing } from '../../policy-engine/uncheckable.js';
import { findInputSchemas, type ServerFacts } from './policies.store.js';

type Server = Readonly<{ organizationId: string; serverId: string; server: ServerFacts }>;

const MAX_SERVERS = 1000;
/** Names of tools, by what their schemas are under `check_arguments`. */
type Marked = Readonly<{ uncheckable: readonly string[]; blank: readonly string[] }>;

const markedByServer = new Map<string, Marked>();

/**
 * The facts of a server that also tell which tools' schemas can't be checked or say nothing, where one of the documents
 * asks for it with `check_arguments`. Kept by the definitions of the tools: schemas are read once.
 */
export const markUncheckable = async (tx: Tx, of: Server, documents: readonly unknown[]): Promise<ServerFacts> => {
  const { server } = of;
  if (server.tools.length === 0 || !documents.some(checksArguments)) return server;
  const marked = await markedIn(tx, of);
  const [uncheckable, blank] = [new Set(marked.uncheckable), new Set(marked.blank)];
  return {
    ...server,
    tools: server.tools.map((tool) => ({
      ...tool,
      ...(uncheckable.has(tool.name) ? { isUncheckable: true } : {}),
      ...(blank.has(tool.name) ? { isBlank: true } : {}),
    })),
  };
};

const checksArguments = (document: unknown): boolean =>
  (document as Readonly<{ check_arguments?: unknown }> | null)?.check_arguments === true;

const markedIn = async (tx: Tx, { organizationId, serverId, server }: Server): Promise<Marked> => {
  const key = createHash('sha256').update(JSON.stringify(server.hashes)).digest('base64');
  const known = markedByServer.get(key);
  if (known !== undefined) return known;
  const schemas = await findInputSchemas(tx, organizationId, serverId, Object.keys(server.hashes));
  const named = [...schemas].map(([name, inputSchema]) => ({ name, inputSchema }));
  const marked = {
    uncheckable: await findUncheckable(named, organizationId),
    blank: named.flatMap(({ name, inputSchema }) => (saysNothing(inputSchema) ? [name] : [])),
  };
  if (markedByServer.size >= MAX_SERVERS) markedByServer.clear();
  markedByServer.set(key, marked);
  return marked;
};
