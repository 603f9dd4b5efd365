import { newId } from '../../../platform/crypto/ids.js';
import type { OpenTransport } from '../../../platform/runtime/transport.js';
import { discover } from '../../../mcp/upstream/discover.js';
import type { Forward } from '../../../mcp/upstream/forward.js';
import type { CatalogTool } from '../catalog-entry.js';
import { classifiedToolsOf } from '../classified-tools.js';

/** What a server offers, by what it answered; or why it did not. `detail` may repeat what a process wrote. */
export type Scanned =
  | Readonly<{
      ok: true;
      name: string | null;
      version: string | null;
      tools: readonly CatalogTool[];
      detail: string | null;
    }>
  | Readonly<{ ok: false; status: 'unreachable' | 'needs_sign_in'; detail: string }>;

/** npx and uvx download what they run. */
const SCAN_TIMEOUT_MS = 180_000;

/** What is asked: where it is, and the headers that sign in. */
export type ScanTarget = Readonly<{ transport: OpenTransport; headers?: Readonly<Record<string, string>> }>;

const textOrNull = (value: unknown): string | null => (typeof value === 'string' ? value : null);

/** Starts or reaches a server, lists its tools and classifies them. Never throws. */
export const scanServer = async (
  forward: Forward,
  { transport, headers = {} }: ScanTarget,
  timeoutMs = SCAN_TIMEOUT_MS,
): Promise<Scanned> => {
  const server = { id: newId('srv'), organizationId: newId('org'), transport, eras: [] };
  const found = await discover({ forward, server, credential: headers, grantId: newId('grt') }, timeoutMs);
  if (found.status !== 'ready') return { ok: false, status: found.status, detail: found.detail };
  const { name, version, description } = found.serverInfo ?? {};
  return {
    ok: true,
    name: textOrNull(name),
    version: textOrNull(version),
    tools: classifiedToolsOf(
      found.tools.map(({ definition }) => definition),
      { name: textOrNull(name) ?? undefined, description: textOrNull(description) ?? undefined },
    ),
    detail: found.detail,
  };
};
