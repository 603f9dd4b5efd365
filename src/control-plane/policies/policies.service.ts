import { setImmediate as turn } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { CreateOnce } from '../../record/event-store/create-once.js';
import { EventStore } from '../../record/event-store/event-store.js';
import type { Principal } from '../../platform/rest/allowed.js';
import type { Tx } from '../../platform/postgres/database.js';
import { newId } from '../../platform/crypto/ids.js';
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
  ValidationView,
} from './policies.dto.js';
import { decideHypothetically } from './decide-hypothetically.js';
import { markUncheckable } from './uncheckable-tools.js';

type PolicyWithServer = Readonly<{ state: PolicyState; server: ServerFacts }>;

const view = (id: string, state: PolicyState, server: ServerFacts): PolicyView => ({
  id,
  serverId: state.serverId,
  name: state.name,
  version: state.policyVersion,
  document: state.document,
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

  create(principal: Principal, serverId: string, { name, document }: CreatePolicy): Promise<PolicyView> {
    return this.#once.run(principal, {
      prepare: () => Promise.resolve(),
      create: async (change) => {
        const facts = await requireServer(change.tx, principal.organizationId, serverId);
        const accepted = requireValidDocument(document) as Document;
        const server = await markUncheckable(
          change.tx,
          { organizationId: principal.organizationId, serverId, server: facts },
          [accepted],
        );
        const id = newId('pol');
        return view(
          id,
          await change.apply(policyStream, id, () =>
            decidePolicyCreation(id, undefined, { serverId, name, document: accepted, ...pinsOf(server) }),
          ),
          server,
        );
      },
    });
  }

  /** The documents of a page are checked for warnings one a turn of the event loop, and in no transaction. */
  async list({ organizationId }: Principal, serverId: string, query: PageQuery): Promise<Page<PolicyView>> {
    const { after, rows, limit } = pageStart(query);
    const { server, found } = await this.#store.read(organizationId, async (tx) => {
      const facts = await requireServer(tx, organizationId, serverId);
      const policies = await listPolicies(tx, organizationId, { serverId, after, rows });
      return {
        found: policies,
        server: await markUncheckable(
          tx,
          { organizationId, serverId, server: facts },
          policies.map(({ document }) => document),
        ),
      };
    });
    const page = toPage(found, limit, { keyOf: ({ id }) => id, view: (policy) => policy });
    const items: PolicyView[] = [];
    for (const policy of page.items) {
      items.push(view(policy.id, policy, server));
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
   * Publishes the next version. @throws Problem 428 without `If-Match`, 412 when it names another version than the
   * newest.
   */
  update(
    principal: Principal,
    id: string,
    ifMatch: string | undefined,
    { name, document }: UpdatePolicy,
  ): Promise<PolicyView> {
    return this.#store.change(principal, async (change) => {
      const { state, server: facts } = await findWithServer(change.tx, principal.organizationId, id);
      requireMatch(requireIfMatch(ifMatch, IF_MATCH_WANTED), state.policyVersion);
      const accepted = requireValidDocument(document) as Document;
      const server = await markUncheckable(
        change.tx,
        { organizationId: principal.organizationId, serverId: state.serverId, server: facts },
        [accepted],
      );
      return view(
        id,
        await change.apply(policyStream, id, (current) =>
          decidePolicyChange(id, current, { name, document: accepted, ...pinsOf(server) }),
        ),
        server,
      );
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

  /** Whether a document could be saved; with a server, also whether its tools are there. */
  async validate(principal: Principal, document: unknown, serverId: string | undefined): Promise<ValidationView> {
    const { valid, errors, warnings } = await this.check(principal, document, serverId);
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
