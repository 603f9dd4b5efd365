import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { newId, type IdPrefix } from '../../../src/platform/crypto/ids.js';
import { tokenObjectId } from '../../../src/platform/crypto/tokens.js';
import { earlierCode } from '../../support/authenticator.js';
import { openSession, type Grant, type Tenant } from '../../support/tenant.js';
import type { Json } from './problem.js';

type Maker = Readonly<{ prefix: IdPrefix; make: (tenant: Tenant, upstreamUrl: string) => Promise<string> }>;

let count = 0;
const unique = (): string => `${process.pid}-${(count += 1)}`;

const made = async (tenant: Tenant, path: string, body: Json): Promise<Json> => {
  const answer = await tenant.api('POST', path, body);
  if (answer.status !== 201) throw new Error(`POST ${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
  return answer.body;
};

export const PASSWORD = 'correct horse battery';
export const DOCUMENT = { version: '1', default: 'allow' };

/** An authorization server that answers what it is, and nothing else. */
const startIssuer = async (): Promise<string> => {
  const issuer = createServer((_request, response) => {
    const url = `http://127.0.0.1:${(issuer.address() as AddressInfo).port}`;
    const endpoints = { authorization_endpoint: `${url}/authorize`, token_endpoint: `${url}/token` };
    response.end(JSON.stringify({ issuer: url, ...endpoints }));
  });
  issuer.listen(0, '127.0.0.1').unref();
  await once(issuer, 'listening');
  return `http://127.0.0.1:${(issuer.address() as AddressInfo).port}`;
};

/** A server that can be connected to. */
const serverWithOauth = async (tenant: Tenant, upstreamUrl: string): Promise<string> =>
  tenant.server(upstreamUrl, { auth: { type: 'oauth', clientId: 'toolgate', issuer: await startIssuer() } });

/** An invitation's token. */
export const invite = async (tenant: Tenant): Promise<string> =>
  (await made(tenant, '/v1/invitations', { email: `invited-${unique()}@example.com`, role: 'viewer' }))[
    'token'
  ] as string;

const member = async (tenant: Tenant): Promise<string> => {
  const joined = await made(tenant, '/v1/invitations/accept', { token: await invite(tenant), password: PASSWORD });
  return (joined['user'] as Json)['id'] as string;
};

/** A member whose second factor is on. */
const memberWithSecondFactor = async (tenant: Tenant): Promise<string> => {
  const { id, api } = await tenant.person('viewer');
  const { body } = await api('POST', '/v1/me/totp', { current: PASSWORD });
  const { status } = await api('POST', '/v1/me/totp/confirm', { code: await earlierCode(String(body['secret'])) });
  if (status !== 200) throw new Error(`confirming a second factor answered ${status}`);
  return id;
};

/** One more session of the tenant's own user. */
const session = async (tenant: Tenant): Promise<string> => {
  const { email } = (await tenant.api('GET', '/v1/me')).body['user'] as Json;
  const { status, body } = await tenant.api('POST', '/v1/login', { email, password: PASSWORD });
  const id = tokenObjectId('session', String(body['token']));
  if (status !== 200 || id === undefined) throw new Error(`signing in answered ${status}`);
  return `ses_${id}`;
};

const server = (tenant: Tenant, upstreamUrl: string): Promise<string> => tenant.server(upstreamUrl);

/** An event of the tenant that is on record. */
const event = async (tenant: Tenant): Promise<string> => {
  const identityId = await tenant.identity('on record');
  for (;;) {
    const [found] = await tenant.events(`&type=identity.created&identityId=${identityId}`);
    if (found) return found['id'] as string;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};

const HOLDING = {
  version: '1',
  default: 'deny',
  approval: { wait: 0 },
  tools: { echo: { action: 'require_approval' } },
};

/** A call that waits for approval. Another admin issued its grant, so that the first may approve it. */
const approval = async (tenant: Tenant, upstreamUrl: string): Promise<string> => {
  const serverId = await server(tenant, upstreamUrl);
  const [policyId, identityId] = [await tenant.policy(serverId, HOLDING), await tenant.identity('asks')];
  const issued = await (await tenant.person('admin')).api('POST', '/v1/grants', { serverId, policyId, identityId });
  const session = await openSession(issued.body as unknown as Grant);
  const answer = await (
    await session.post({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'echo', arguments: {} } })
  ).text();
  const id = /apr_[0-9a-z]{26}/.exec(answer)?.[0];
  if (id === undefined) throw new Error(`a call was not held: ${answer}`);
  return id;
};

/** A stream that is paused, so that nothing of it changes by itself. */
const logStream = async (tenant: Tenant, upstreamUrl: string): Promise<string> => {
  const stream = { name: 'stream', kind: 'webhook', config: { url: upstreamUrl } };
  const id = String((await made(tenant, '/v1/log-streams', stream))['id']);
  await tenant.api('POST', `/v1/log-streams/${id}/pause`);
  return id;
};

/** The backfill of a stream that has one. */
const backfillOf = new Map<string, string>();

const backfilled = async (tenant: Tenant, upstreamUrl: string): Promise<string> => {
  const id = await logStream(tenant, upstreamUrl);
  const range = { from: { seq: 1 }, to: { seq: 1 } };
  backfillOf.set(id, (await made(tenant, `/v1/log-streams/${id}/backfills`, range))['id'] as string);
  return id;
};

/** A grant whose record already tells of a call, so that there is advice. */
const used = async (tenant: Tenant, upstreamUrl: string): Promise<string> => {
  const serverId = await server(tenant, upstreamUrl);
  const grant = await tenant.grant({ serverId, policyId: await tenant.policy(serverId, DOCUMENT) });
  await (
    await (
      await openSession(grant)
    ).post({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'echo', arguments: {} } })
  ).text();
  for (let tries = 0; tries < 500; tries += 1) {
    if ((await tenant.api('GET', `/v1/grants/${grant.id}/advice`)).body['document'] !== null) return grant.id;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error('a call was not recorded in ten seconds');
};

/**
 * A new object for each place in a path where the API takes an id. A new route with a new kind of object needs its line
 * here.
 */
const makers: Readonly<Record<string, Maker>> = {
  '/v1/api-keys/{id}': {
    prefix: 'key',
    make: async (tenant) => (await made(tenant, '/v1/api-keys', { name: 'key', role: 'viewer' }))['id'] as string,
  },
  '/v1/invitations/{id}': {
    prefix: 'inv',
    make: async (tenant) =>
      (await made(tenant, '/v1/invitations', { email: `invited-${unique()}@example.com`, role: 'viewer' }))[
        'id'
      ] as string,
  },
  '/v1/sessions/{id}': { prefix: 'ses', make: session },
  '/v1/members/{id}': { prefix: 'usr', make: member },
  '/v1/members/{id}/totp': { prefix: 'usr', make: memberWithSecondFactor },
  '/v1/servers/{id}/connect': { prefix: 'srv', make: serverWithOauth },
  '/v1/servers/{id}': { prefix: 'srv', make: server },
  // Public, and shipped with every release: nobody has to make it.
  '/v1/catalog/servers/{slug}': { prefix: 'srv', make: () => Promise.resolve('zereight-mcp-gitlab') },
  '/v1/policies/{id}': {
    prefix: 'pol',
    make: async (tenant, url) => tenant.policy(await server(tenant, url), DOCUMENT),
  },
  '/v1/audit/events/{id}': { prefix: 'evt', make: event },
  '/v1/identities/{id}': { prefix: 'idn', make: (tenant) => tenant.identity('an identity') },
  '/v1/approvals/{id}': { prefix: 'apr', make: approval },
  '/v1/log-streams/{id}': { prefix: 'lst', make: logStream },
  '/v1/log-streams/{id}/backfills/{backfillId}': { prefix: 'lst', make: backfilled },
  '/v1/grants/{id}/advice/accept': { prefix: 'grt', make: used },
  '/v1/grants/{id}': {
    prefix: 'grt',
    make: async (tenant, url) => (await tenant.grant({ serverId: await server(tenant, url) })).id,
  },
};

const makerOf = (path: string): Maker => {
  const prefix = path.slice(0, path.indexOf('}') + 1);
  const maker = makers[path] ?? makers[prefix];
  if (!maker) throw new Error(`nothing says how to make the object at ${prefix}: add it to the table of makers`);
  return maker;
};

/** The tool that every server of these tests offers. */
const TOOL = 'echo';
/** A tool of the server of the catalog that these tests look at. */
const CATALOG_TOOL = 'cancel_pipeline_job';

/** What stands for a parameter that names no object of an organization: each has a first record. */
const NO_OBJECTS: Readonly<Record<string, string>> = { '{seq}': '1', '{path}': '0/000.p/1' };

/** A path whose parameters that name no object are filled. */
export const withoutNumbers = (path: string): string =>
  Object.entries(NO_OBJECTS).reduce((filled, [parameter, value]) => filled.replace(parameter, value), path);

/** A path with one id in it, and maybe the name of a tool; other second parameters would need a rule of their own. */
export const withId = (path: string, id: string): string => {
  const filled = withoutNumbers(path)
    .replace(/\{\w+\}/, () => id)
    .replace('{version}', '1')
    .replace('{backfillId}', backfillOf.get(id) ?? newId('bkf'))
    .replace('{name}', TOOL)
    .replace('{tool}', CATALOG_TOOL);
  if (filled.includes('{')) throw new Error(`nothing says how to fill the second parameter of ${path}`);
  return filled;
};

export const hasId = (path: string): boolean => withoutNumbers(path).includes('{');
export const makeFor = (path: string, tenant: Tenant, upstreamUrl: string): Promise<string> =>
  makerOf(path).make(tenant, upstreamUrl);
/** An id that belongs to nobody, of the kind that the path takes. */
export const nobodys = (path: string): string => newId(makerOf(path).prefix);
/** What GET answers about an object: the paths of the table that can be read one by one. */
export const objectPath = (path: string): string => path.slice(0, path.indexOf('}') + 1);
