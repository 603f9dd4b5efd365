import { api } from '../api/client.js';
import { everything } from '../api/pages.js';
import { dataOf, Refusal } from '../api/problem.js';
import type { components } from '../api/schema.js';

type Schemas = components['schemas'];
export type Tool = Schemas['ToolView'];
export type Policy = Schemas['PolicyView'];
export type PolicyVersion = Schemas['PolicyVersionView'];
export type PolicyFault = Schemas['PolicyErrorView'];
export type Validation = Schemas['ValidationView'];
export type Simulation = Schemas['SimulationView'];
export type TestReport = Schemas['TestReportView'];
export type Decision = Schemas['DecisionView'];
export type Server = Schemas['ServerView'];
export type Identity = Schemas['IdentityView'];
export type Posture = Schemas['RecommendPolicy']['posture'];

/** The tools of a server, all of them, with what the catalog says of each. */
export const fetchTools = (serverId: string): Promise<readonly Tool[]> =>
  everything(async (query) =>
    dataOf(await api.GET('/v1/servers/{id}/tools', { params: { path: { id: serverId }, query } })),
  );

/** All servers of the organization. */
export const fetchServers = (): Promise<readonly Server[]> =>
  everything(async (query) => dataOf(await api.GET('/v1/servers', { params: { query } })));

/** All identities of the organization. */
export const fetchIdentities = (): Promise<readonly Identity[]> =>
  everything(async (query) => dataOf(await api.GET('/v1/identities', { params: { query } })));

/** All policies of all servers. */
export const fetchPolicies = (): Promise<readonly Policy[]> =>
  everything(async (query) => dataOf(await api.GET('/v1/policies', { params: { query } })));

/** The newest version of a policy. @throws Refusal 404 */
export const fetchPolicy = async (id: string): Promise<Policy> =>
  dataOf(await api.GET('/v1/policies/{id}', { params: { path: { id } } }));

/** All versions of a policy, the oldest first. */
export const fetchVersions = (id: string): Promise<readonly PolicyVersion[]> =>
  everything(async (query) => dataOf(await api.GET('/v1/policies/{id}/versions', { params: { path: { id }, query } })));

/** Checks a text; a text that is no JSON has one error at the root. */
export const validate = async (serverId: string, source: string): Promise<Validation> => {
  try {
    return dataOf(await api.POST('/v1/policies/validate', { body: { source, serverId } }));
  } catch (error) {
    if (error instanceof Refusal && error.errors.length > 0)
      return { valid: false, errors: [...error.errors], warnings: [] };
    throw error;
  }
};

/** Saves the first version of a policy. @throws Refusal policy_invalid, unsupported_key */
export const createPolicy = async (serverId: string, name: string, source: string): Promise<Policy> =>
  dataOf(await api.POST('/v1/servers/{id}/policies', { params: { path: { id: serverId } }, body: { name, source } }));

/** Saves a new version. @throws Refusal 412 when somebody else saved one since `version` */
export const replacePolicy = async (
  id: string,
  version: number,
  change: Readonly<{ name: string; source: string }>,
): Promise<Policy> =>
  dataOf(
    await api.PUT('/v1/policies/{id}', {
      params: { path: { id }, header: { 'If-Match': `"${version}"` } },
      body: change,
    }),
  );

/** A policy for a posture, which nobody has stored. */
export const recommend = async (serverId: string, posture: Posture): Promise<Schemas['RecommendedPolicyView']> =>
  dataOf(
    await api.POST('/v1/servers/{id}/policies/recommended', { params: { path: { id: serverId } }, body: { posture } }),
  );

/** What a document would have changed about the recorded calls of the last seven days. */
export const simulate = async (id: string, document: Record<string, unknown>): Promise<Simulation> =>
  dataOf(await api.POST('/v1/policies/{id}/simulate', { params: { path: { id } }, body: { document } })) as Simulation;

/** What the saved version of a policy says of a call that is not made. */
export const decide = async (
  id: string,
  call: Readonly<{ tool: string; arguments: Record<string, unknown>; identityId?: string }>,
): Promise<Decision> => dataOf(await api.POST('/v1/policies/{id}/decide', { params: { path: { id } }, body: call }));

/** Runs test cases against a document. */
export const runCases = async (
  serverId: string,
  document: Record<string, unknown>,
  cases: readonly Record<string, unknown>[],
): Promise<TestReport> =>
  dataOf(
    await api.POST('/v1/policies/test', {
      body: { document, serverId, cases: cases as unknown as Schemas['TestPolicy']['cases'] },
    }),
  );
