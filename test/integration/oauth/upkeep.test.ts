import { expect } from 'vitest';
import { startOauthUpkeep } from '../../../src/control-plane/oauth/upkeep.js';
import { OauthClient } from '../../support/oauth-client.js';
import { tenantTest } from '../../support/product-test.js';
import { signInWorld } from './oauth-support.js';

const { test, toolgate, tenant } = tenantTest();

test('A client that nobody let in is gone after a day, and one that somebody did stays', async () => {
  const { mcpUrl, admin, upstream } = await signInWorld(toolgate.url, tenant);
  const [used, unused] = [await OauthClient.register(toolgate.url), await OauthClient.register(toolgate.url)];
  await used.tokens(mcpUrl, admin);
  await toolgate.db.worker.query(
    `update oauth_records set expires_at = expires_at - interval '1 day' where kind = 'Client'`,
  );
  expect((await unused.browser.open(unused.authorizeUrl(mcpUrl))).html).toContain('not known here');
  const upkeep = startOauthUpkeep(toolgate.db);
  await expect
    .poll(async () => (await toolgate.db.worker.query(`select 1 from oauth_records where kind = 'Client'`)).rowCount)
    .toBe(1);
  await upkeep.stop();
  await used.tokens(mcpUrl, admin);
  await upstream.close();
});
