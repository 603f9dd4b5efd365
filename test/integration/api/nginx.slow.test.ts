import { spawnSync } from 'node:child_process';
import { describe, expect } from 'vitest';
import { startNginx, type Nginx } from '../../support/nginx.js';
import { tenantTest } from '../../support/product-test.js';
import { request, type Person } from '../../support/tenant.js';
import { changeableThings, type Changeable } from './changeable.js';

/** 200 with FAULTS=full. */
const ROUNDS = process.env['FAULTS'] === 'full' ? 200 : 40;
const MISSING = spawnSync('nginx', ['-v']).error !== undefined;

const { test, toolgate, tenant } = tenantTest();
let nginx: Nginx;
let other: Person;
test.beforeAll(async () => {
  if (MISSING) return;
  nginx = await startNginx(toolgate.url);
  other = await tenant.person('admin');
});
test.afterAll(() => nginx?.stop());

const through = (token: string, method: string, path: string, body?: unknown, ifMatch?: string) =>
  request(`${nginx.url}${path}`, method, body, {
    authorization: `Bearer ${token}`,
    ...(ifMatch === undefined ? {} : { 'if-match': ifMatch }),
  });

const THINGS: Readonly<Record<string, Changeable>> = {
  ...changeableThings(tenant),
  organization: {
    make: () => Promise.resolve('/v1/organization'),
    method: 'PATCH',
    change: (n) => ({ disabled: Math.floor(n / 2) % 2 === 1 }),
  },
};

if (MISSING) console.warn('nginx is not installed: changes through a proxy that compresses are not tested here.');

describe.skipIf(MISSING)('behind nginx that compresses', () => {
  test.each(Object.entries(THINGS))(
    'of two admins who change one %s at once, the first to arrive wins and the other is told, again and again',
    async (_name, { make, method, change }) => {
      const path = await make();
      let etag = (await through(tenant.token, 'GET', path)).headers.get('etag') ?? '';
      for (let round = 1; round <= ROUNDS; round += 1) {
        expect(etag).toMatch(/^W\/"/);
        const answers = await Promise.all(
          [tenant, other].map(({ token }, n) => through(token, method, path, change(round * 2 + n), etag)),
        );
        const [won, told] = answers.toSorted((one, another) => one.status - another.status);
        expect([won?.status, told?.status, told?.body['code']]).toEqual([200, 412, 'precondition_failed']);
        etag = won?.headers.get('etag') ?? '';
      }
      const { body } = await tenant.api('GET', path);
      expect(`W/"${String(body['version'])}"`).toBe(etag);
    },
    120_000,
  );
});
