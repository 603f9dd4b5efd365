import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An entry of a registry: its `server.json` and what the registry knows of it. */
export type RegistryServer = Readonly<{
  name: string;
  updatedAt: string;
  status?: 'active' | 'deprecated' | 'deleted';
  version?: string;
  isLatest?: boolean;
  server?: object;
}>;

/** How a registry answers the next request instead of with its page. */
export type Fault = 'dies' | 'busy' | 'no_cursor' | 'circle' | 'huge' | 'not_json' | 'redirect';

export type TestRegistry = Readonly<{
  url: string;
  servers: RegistryServer[];
  /** Faults of the requests to come, the next first; undefined is a page. */
  faults: (Fault | undefined)[];
  /** The queries of the requests so far. */
  asked: URLSearchParams[];
  close: () => void;
}>;

const listed = ({
  name,
  updatedAt,
  status = 'active',
  version = '1.0.0',
  isLatest = true,
  server = {},
}: RegistryServer) => ({
  server: {
    $schema: 'https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json',
    name,
    version,
    ...server,
  },
  _meta: { 'io.modelcontextprotocol.registry/official': { status, publishedAt: updatedAt, updatedAt, isLatest } },
});

const fail = (response: ServerResponse, fault: Fault): void => {
  if (fault === 'dies') {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100000' });
    response.write('{"servers":[', () => response.destroy());
  } else if (fault === 'busy') response.writeHead(429, { 'retry-after': '7' }).end();
  else if (fault === 'no_cursor') response.writeHead(400).end('{"title":"Bad Request"}');
  else if (fault === 'redirect') response.writeHead(302, { location: 'http://169.254.169.254/' }).end();
  else if (fault === 'not_json') response.end('<html>');
  else if (fault === 'circle') response.end(JSON.stringify({ servers: [], metadata: { nextCursor: 'again' } }));
  else response.end(`{"servers":[],"metadata":{"more":"${'x'.repeat(9 * 2 ** 20)}"}}`);
};

/** A server that speaks the list of the MCP Registry's API v0.1, a page of `pageSize` servers by name. */
export const startRegistry = async (pageSize: number): Promise<TestRegistry> => {
  const registry = {
    servers: [] as RegistryServer[],
    faults: [] as (Fault | undefined)[],
    asked: [] as URLSearchParams[],
  };
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://registry');
    if (pathname !== '/v0.1/servers') return void response.writeHead(404).end();
    registry.asked.push(searchParams);
    const fault = registry.faults.shift();
    if (fault !== undefined) return fail(response, fault);
    const since = searchParams.get('updated_since') ?? '';
    const wanted = registry.servers
      .filter(({ updatedAt, name }) => updatedAt >= since && name > (searchParams.get('cursor') ?? ''))
      .toSorted((one, other) => (one.name < other.name ? -1 : 1));
    const page = wanted.slice(0, pageSize);
    const nextCursor = wanted.length > pageSize ? page.at(-1)?.name : undefined;
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ servers: page.map(listed), metadata: { count: page.length, nextCursor } }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    ...registry,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
};
