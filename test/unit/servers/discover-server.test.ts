import { expect, test } from 'vitest';
import { collectedBytes, HeldBytes } from '../../../src/platform/fair-shares/held-bytes.js';
import { discoverServer, STILL_STARTING } from '../../../src/control-plane/servers/discover-server.js';
import type { Forward } from '../../../src/mcp/upstream/forward.js';

const MIB = 2 ** 20;

/** A server that begins a long answer to whatever it is asked, and goes on when all have begun. */
const longAnswers = (): Readonly<{ forward: Forward; asked: () => number; finish: () => void }> => {
  const open: (() => void)[] = [];
  const forward: Forward = (_request, sink) => {
    let over = false;
    sink.head(200, { 'content-type': 'application/json' });
    sink.data(Buffer.alloc(8 * MIB, ' '));
    open.push(() => over || sink.end());
    return {
      resume: () => undefined,
      abort: () => {
        if (!over) sink.fail({ kind: 'aborted', sent: true });
        over = true;
      },
    };
  };
  return { forward, asked: () => open.length, finish: () => open.splice(0).forEach((end) => end()) };
};

test(
  'Discoveries of one organization hold no more collected bytes than its share, and those of ' +
    'another organization go on',
  async () => {
    const server = longAnswers();
    const ways = {
      outbound: {} as never,
      forward: server.forward,
      findOpenSession: () => undefined,
      keepOnlySession: () => false,
      allowStdio: [],
      stdioVariables: [],
    };
    const discover = (organizationId: string): ReturnType<typeof discoverServer> =>
      discoverServer(ways, {
        organizationId,
        serverId: 'srv_1',
        transport: { type: 'sse', url: 'http://127.0.0.1:9/sse' },
        secrets: {},
      });
    const grants = Array.from(
      { length: 3 },
      (_, index) => new HeldBytes(collectedBytes, { organizationId: 'org_loud', grantId: `grt_${index}` }),
    );
    expect(grants.map((held) => held.hold(41 * MIB))).toEqual([true, true, true]);
    const [loud, quiet] = [discover('org_loud'), discover('org_quiet')];
    expect(await loud).toMatchObject({ detail: expect.stringContaining('10 MiB') });
    server.finish();
    expect(await quiet).not.toMatchObject({ detail: expect.stringContaining('10 MiB') });
    for (const held of grants) held.release();
    expect(collectedBytes.bytes).toBe(0);
  },
);

test(
  'A command that has not answered in time is said to be still starting where it is retried, and ' + 'no URL is',
  async () => {
    const silent: Forward = (_request, sink) => ({
      resume: () => undefined,
      abort: () => sink.fail({ kind: 'aborted', sent: true }),
    });
    const deps = {
      outbound: {} as never,
      forward: silent,
      findOpenSession: () => undefined,
      keepOnlySession: () => false,
      allowStdio: [],
      stdioVariables: [],
    };
    const command = { type: 'stdio', command: '/usr/bin/npx', args: [], envNames: [] } as const;
    const url = { type: 'sse', url: 'http://127.0.0.1:9/sse' } as const;
    const detail = async (transport: typeof command | typeof url, isRetried: boolean) => {
      const target = { organizationId: 'org_1', serverId: 'srv_1', transport, secrets: {} };
      return (await discoverServer(deps, target, { timeoutMs: 20, isRetried })).detail;
    };
    expect([await detail(command, true), await detail(command, false), await detail(url, true)]).toEqual([
      STILL_STARTING,
      'The server gave no answer within 0.02 s.',
      'The server gave no answer within 0.02 s.',
    ]);
  },
);
