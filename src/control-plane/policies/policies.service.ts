import { setImmediate as turn } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { CreateOnce } from '../../record/event-store/create-once.js';
import { EventStore } from '../../record/event-store/event-store.js';
import type { Principal } from '../../platform/rest/allowed.js';
import type { Tx } from '../../platform/postgres/database.js';
import { newId } from '../../platform/crypto/ids.js';
import { toListPage, type ListQuery } from '../../platform/rest/list-query.js';
import { pageStart, toPage, type Page, type PageQuery } from '../../platform/rest/page.js';
import { notFound, Problem } from '../../platform/runtime/problems.js';
import type { PolicyPins } from '../../record/event-log/events/index.js';
import type { PolicyDocument } from '../../policy-engine/document.js';
import { compileInputSchema } from '../../policy-engine/input-schema.js';
import { requireValidDocument, checkDocument, type CheckedDocument } from './check-document.js';
import { requireIfMatch, requireMatch } from '../../platform/rest/versions.js';
import {
  decidePolicyChange,
  decidePolicyCreation,
  decidePolicyDeletion,
  existing,
  type Document,
  type PolicyState,
} from './policies.js';
import {
  findIdentity,
  findInputSchemas,
  findServer,
  findVersion,
  isPolicyInUse,
  listPolicies,
  listVersions,
  policyStream,
  type ServerFacts,
} from './policies.store.js';
import type {
  CreatePolicy,
  DecidePolicy,
  DecisionView,
  PolicyVersionView,
  PolicyView,
  UpdatePolicy,
  ValidatePolicy,
  ValidationView,
} from './policies.dto.js';
import { decideHypothetically } from './decide-hypothetically.js';
import { documentOf, hasDocument, readSentDocument } from './source.js';
import { markUncheckable } from './uncheckable-tools.js';

type PolicyWithServer = Readonly<{ state: PolicyState; server: ServerFacts }>;

const view = (id: string, state: PolicyState, server: ServerFacts): PolicyView => ({
  id,
  serverId: state.serverId,
  serverName: server.name,
  name: state.name,
  version: state.policyVersion,
  document: documentOf(state.source, state.document),
  source: state.source,
  warnings: checkDocument(state.document, server.tools).warnings,
  createdAt: state.createdAt,
  updatedAt: state.updatedAt,
});

const requireServer = async (tx: Tx, organizationId: string, id: string): Promise<ServerFacts> => {
  const server = await findServer(tx, organizationId, id);
  if (!server) throw notFound('server');
  return server;
};

/** A policy that is there; one whose server is deleted is not. */
const findWithServer = async (tx: Tx, organizationId: string, id: string): Promise<PolicyWithServer> => {
  const state = existing((await policyStream.load(tx, organizationId, id))?.state);
  const server = await findServer(tx, organizationId, state.serverId);
  if (!server) throw notFound('policy');
  return { state, server };
};

const IF_MATCH_WANTED = 'Read the policy and send its ETag as If-Match, so that nobody’s change is overwritten unseen.';

/** The servers of policies, with what their warnings need. */
const findServersOf = async (
  tx: Tx,
  organizationId: string,
  policies: readonly PolicyState[],
): Promise<ReadonlyMap<string, ServerFacts>> => {
  const servers = new Map<string, ServerFacts>();
  for (const serverId of new Set(policies.map((policy) => policy.serverId))) {
    const server = await findServer(tx, organizationId, serverId);
    const documents = policies.filter((policy) => policy.serverId === serverId).map(({ document }) => document);
    if (server) servers.set(serverId, await markUncheckable(tx, { organizationId, serverId, server }, documents));
  }
  return servers;
};

/** A policy pins the definitions that its server's tools have when it is published. */
const pinsOf = ({ hashes, acceptances }: ServerFacts): PolicyPins => ({ pins: hashes, acceptances });

const versionAfter = (after: string): number => {
  if (after !== '' && !/^\d{1,9}$/.test(after))
    throw new Problem('invalid_body', 'after must be a nextCursor of this list.');
  return Number(after);
};

/** The policies of an organization, each for one server, each change a new version. All refusals are Problems. */
@Injectable()
export class PoliciesService {
  readonly #store: EventStore;
  readonly #once: CreateOnce;

  constructor(store: EventStore, once: CreateOnce) {
    this.#store = store;
    this.#once = once;
  }

  create(principal: Principal, serverId: string, { name, ...sent }: CreatePolicy): Promise<PolicyView> {
    return this.#once.run(principal, {
      prepare: () => Promise.resolve(),
      create: async (change) => {
        const facts = await requireServer(change.tx, principal.organizationId, serverId);
        const { document: read, source } = readSentDocument(sent);
        const document = requireValidDocument(read) as Document;
        const server = await markUncheckable(
          change.tx,
          { organizationId: principal.organizationId, serverId, server: facts },
          [document],
        );
        const id = newId('pol');
        return view(
          id,
          await change.apply(policyStream, id, () =>
            decidePolicyCreation(id, undefined, { serverId, name, document, source, ...pinsOf(server) }),
          ),
          server,
        );
      },
    });
  }

  /** @throws Problem not_found (server), invalid_body (cursor) */
  async listOfServer(principal: Principal, serverId: string, query: ListQuery): Promise<Page<PolicyView>> {
    await this.#store.read(principal.organizationId, (tx) => requireServer(tx, principal.organizationId, serverId));
    return this.list(principal, { ...query, serverId });
  }

  /**
   * Policies over all servers, or of one. The documents of a page are checked for warnings outside the transaction, one
   * a turn of the event loop. @throws Problem invalid_body (cursor)
   */
  async list(
    { organizationId }: Principal,
    query: ListQuery & Readonly<{ serverId?: string | undefined }>,
  ): Promise<Page<PolicyView>> {
    const { page, servers } = await this.#store.read(organizationId, async (tx) => {
      const rows = await listPolicies(tx, organizationId, query);
      const found = toListPage(rows, query, { idOf: ({ id }) => id, view: (policy) => policy });
      return { page: found, servers: await findServersOf(tx, organizationId, found.items) };
    });
    const items: PolicyView[] = [];
    for (const policy of page.items) {
      const server = servers.get(policy.serverId);
      if (server) items.push(view(policy.id, policy, server));
      await turn();
    }
    return { ...page, items };
  }

  get({ organizationId }: Principal, id: string): Promise<PolicyView> {
    return this.#store.read(organizationId, async (tx) => {
      const { state, server } = await findWithServer(tx, organizationId, id);
      return view(
        id,
        state,
        await markUncheckable(tx, { organizationId, serverId: state.serverId, server }, [state.document]),
      );
    });
  }

  /**
   * Publishes the next version: a new document, a new name or both. @throws Problem not_found, precondition_required
   * without `If-Match`, precondition_failed when it names another version than the newest, policy_invalid,
   * unsupported_key, invalid_body
   */
  update(
    principal: Principal,
    id: string,
    ifMatch: string | undefined,
    { name, ...sent }: UpdatePolicy,
  ): Promise<PolicyView> {
    const { organizationId } = principal;
    return this.#store.change(principal, async (change) => {
      const { state, server: facts } = await findWithServer(change.tx, organizationId, id);
      requireMatch(requireIfMatch(ifMatch, IF_MATCH_WANTED), state.policyVersion);
      const { serverId } = state;
      const read = hasDocument(sent) ? readSentDocument(sent) : undefined;
      const document = read ? (requireValidDocument(read.document) as Document) : state.document;
      const server = await markUncheckable(change.tx, { organizationId, serverId, server: facts }, [document]);
      const next = read ? { name, document, source: read.source, ...pinsOf(server) } : { name };
      return view(id, await change.apply(policyStream, id, (current) => decidePolicyChange(id, current, next)), server);
    });
  }

  /** Deletes a policy that no grant uses. */
  async delete(principal: Principal, id: string, ifMatch: string | undefined): Promise<void> {
    await this.#store.change(principal, async (change) => {
      const { state } = await findWithServer(change.tx, principal.organizationId, id);
      requireMatch(ifMatch, state.policyVersion);
      if (await isPolicyInUse(change.tx, principal.organizationId, id))
        throw new Problem('conflict', 'A grant uses this policy: revoke the grant or give it another policy first.');
      await change.apply(policyStream, id, (current) => decidePolicyDeletion(id, current));
    });
  }

  versions({ organizationId }: Principal, id: string, query: PageQuery): Promise<Page<PolicyVersionView>> {
    const { after, rows, limit } = pageStart(query);
    return this.#store.read(organizationId, async (tx) => {
      await findWithServer(tx, organizationId, id);
      const found = await listVersions(tx, organizationId, { policyId: id, after: versionAfter(after), rows });
      return toPage(found, limit, { keyOf: ({ version }) => String(version), view: (version) => version });
    });
  }

  /** One version as it was published. @throws Problem not_found */
  getVersion({ organizationId }: Principal, id: string, version: string): Promise<PolicyVersionView> {
    return this.#store.read(organizationId, async (tx) => {
      await findWithServer(tx, organizationId, id);
      const number = /^[1-9]\d{0,8}$/.test(version) ? Number(version) : undefined;
      const found = number && (await findVersion(tx, organizationId, { policyId: id, version: number }));
      if (!found) throw notFound('version of this policy');
      return found;
    });
  }

  /** Whether a document could be saved; with a server, also whether its tools are there. */
  async validate(principal: Principal, { serverId, ...sent }: ValidatePolicy): Promise<ValidationView> {
    const { valid, errors, warnings } = await this.check(principal, readSentDocument(sent).document, serverId);
    return { valid, errors, warnings };
  }

  /** `checkDocument`, beside the tools of the server if one is named. @throws Problem not_found, too_large */
  async check(
    { organizationId }: Principal,
    document: unknown,
    serverId: string | undefined,
  ): Promise<CheckedDocument> {
    if (serverId === undefined) return checkDocument(document);
    const { tools } = await this.#store.read(organizationId, async (tx) => {
      const server = await requireServer(tx, organizationId, serverId);
      return markUncheckable(tx, { organizationId, serverId, server }, [document]);
    });
    return checkDocument(document, tools);
  }

  /** What the newest version says about a call. Changes nothing. */
  decide({ organizationId }: Principal, id: string, call: DecidePolicy): Promise<DecisionView> {
    return this.#store.read(organizationId, async (tx) => {
      const { state, server } = await findWithServer(tx, organizationId, id);
      const identity =
        call.identityId === undefined ? undefined : await findIdentity(tx, organizationId, call.identityId);
      if (call.identityId !== undefined && identity === undefined) throw notFound('identity');
      const { tool, arguments: callArguments } = call;
      const document = state.document as PolicyDocument;
      const inputSchema = document.check_arguments
        ? await compileInputSchema((await findInputSchemas(tx, organizationId, state.serverId, [tool])).get(tool))
        : undefined;
      const pins = { hashes: new Map(Object.entries(state.pins)), acceptances: state.acceptances };
      return decideHypothetically({
        document,
        pins,
        organizationId,
        serverId: state.serverId,
        tool,
        arguments: callArguments,
        inputSchema,
        identity,
        server,
        now: new Date(),
      });
    });
  }
}
