import { describe, expect } from 'vitest';
import { productTest } from '../../support/product-test.js';
import { send, type Answer, type Json } from '../api/problem.js';

const { test, toolgate } = productTest();

const get = (path: string): Promise<Answer> => send(toolgate.url, 'GET', `/v1/catalog/servers${path}`, {});
const slugsOf = ({ body }: Answer): readonly unknown[] => (body['items'] as readonly Json[]).map(({ slug }) => slug);

describe('The catalog of known servers', () => {
  test('knows the servers of GitLab, and cancel_job as a tool that executes, with its policy', async () => {
    const found = await get('?q=gitlab');
    expect(found.status).toBe(200);
    expect(slugsOf(found)).toEqual(
      expect.arrayContaining(['zereight-mcp-gitlab', 'modelcontextprotocol-server-gitlab']),
    );
    const { body: server } = await get('/modelcontextprotocol-server-gitlab');
    const tools = server['tools'] as readonly Json[];
    expect(tools).toHaveLength(server['toolCount'] as number);
    expect(await get('/zereight-mcp-gitlab/tools/cancel_pipeline_job')).toMatchObject({
      status: 200,
      body: {
        category: 'Execute',
        risk: 'high',
        server: { slug: 'zereight-mcp-gitlab' },
        recommendedPolicy: {
          tools: { cancel_pipeline_job: { limits: [{ window: 'minute', max: 10, scope: 'grant' }] } },
        },
      },
    });
  });

  test.each(['gitlba', 'gtilab', 'GitLab', 'git lab', 'zereight', 'gitl', 'pipeline'])(
    'finds the server of GitLab by %s',
    async (q) => expect(slugsOf(await get(`?q=${encodeURIComponent(q)}`))).toContain('zereight-mcp-gitlab'),
  );

  test('finds nothing for words that no server has, and takes any text for words', async () => {
    for (const q of ['xyzzyplugh', "' or 1=1 --", '%', '🦊', 'a'.repeat(200)])
      expect(await get(`?q=${encodeURIComponent(q)}`)).toMatchObject({ status: 200, body: { hasMore: false } });
  });

  test('is read page by page, in every order, each server once', async () => {
    for (const query of [
      '',
      'sort=name',
      'sort=-name',
      'sort=-toolCount',
      'sort=tokens',
      'q=server',
      'risk=critical',
    ]) {
      const all = slugsOf(await get(`?limit=1000&${query}`));
      const paged: unknown[] = [];
      for (let after: unknown = ''; after !== null;) {
        const page = await get(`?limit=7&after=${String(after)}&${query}`);
        expect(page.status).toBe(200);
        paged.push(...slugsOf(page));
        after = page.body['nextCursor'];
      }
      expect(paged).toEqual(all);
      expect(new Set(all).size).toBe(all.length);
    }
  });

  test('filters by category, risk and transport', async () => {
    for (const [filter, isWanted] of [
      ['category=Destructive', ({ byCategory }: Json) => (byCategory as Record<string, number>)['Destructive']! > 0],
      ['risk=high', ({ byCategory }: Json) => (byCategory as Record<string, number>)['Execute']! > 0],
      ['transport=stdio', ({ transports }: Json) => (transports as readonly string[]).includes('stdio')],
    ] as const) {
      const items = (await get(`?limit=1000&${filter}`)).body['items'] as readonly Json[];
      expect(items.length).toBeGreaterThan(0);
      expect(items.every(isWanted)).toBe(true);
    }
    expect(slugsOf(await get('?transport=sse'))).toEqual([]);
    expect((await get('?category=Everything')).status).toBe(400);
  });

  test('says 404 for a server and a tool that it does not know, and 400 for a cursor of another list', async () => {
    for (const path of ['/nobody', '/zereight-mcp-gitlab/tools/nothing', '/%00', '/zereight-mcp-gitlab/tools/%00'])
      expect((await get(path)).status).toBe(404);
    expect((await get('?after=abc')).status).toBe(400);
  });
});
