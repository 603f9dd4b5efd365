import type {
  ControlEvent,
  IdentityBody,
  PolicyBody,
  ToolCallDecided,
} from '../../../record/event-log/events/index.js';
import type { Look, Tx } from '../../../platform/postgres/database.js';
import { compilePolicy, type CompiledPolicy } from '../../../policy-engine/compile.js';
import type { PolicyDocument } from '../../../policy-engine/document.js';
import type { Facts } from '../../../policy-engine/facts.js';

type Traits = Readonly<Pick<Facts['identity'], 'kind' | 'attributes'>>;
type DatedTraits = Traits & Readonly<{ sinceMs: number }>;

const MAX_IDENTITIES = 10_000;
const MAX_VERSIONS = 64;

const UNKNOWN_TRAITS: Traits = { kind: '', attributes: {} };

const traitsAfter = (before: Traits, event: ControlEvent & IdentityBody): Traits => {
  switch (event.type) {
    case 'identity.created':
      return { kind: event.kind, attributes: event.attributes };
    case 'identity.changed':
      return { kind: before.kind, attributes: event.attributes ?? before.attributes };
    default:
      return before;
  }
};

/**
 * What decisions do not say and the event store knows: the kind and attributes that an identity had at a time, and the
 * document of a policy's version. Holds what recent decisions asked for.
 */
export class History {
  readonly #look: Look;
  readonly #organizationId: string;
  readonly #identities = new Map<string, readonly DatedTraits[]>();
  readonly #versions = new Map<string, CompiledPolicy | undefined>();

  constructor(look: Look, organizationId: string) {
    this.#look = look;
    this.#organizationId = organizationId;
  }

  /** Looks up what these decisions ask for, so that the answers below know it. */
  async prepare(events: readonly ToolCallDecided[]): Promise<void> {
    if (this.#identities.size > MAX_IDENTITIES) this.#identities.clear();
    if (this.#versions.size > MAX_VERSIONS) this.#versions.clear();
    const identities = [...new Set(events.map(({ identityId }) => identityId))].filter(
      (id) => !this.#identities.has(id),
    );
    const versions = new Map(
      events.flatMap(({ policyId, policyVersion }) =>
        policyId === null || policyVersion === null
          ? []
          : [[versionKey(policyId, policyVersion), { policyId, policyVersion }] as const],
      ),
    );
    const missing = [...versions].filter(([key]) => !this.#versions.has(key)).map(([, version]) => version);
    if (identities.length === 0 && missing.length === 0) return;
    await this.#look(async (tx) => {
      if (identities.length > 0) await this.#loadIdentities(tx, identities);
      for (const version of missing) await this.#loadVersion(tx, version);
    });
  }

  identity({ identityId: id, identityName: name }: ToolCallDecided, atMs: number): Facts['identity'] {
    const history = this.#identities.get(id) ?? [];
    const { kind, attributes } = history.findLast(({ sinceMs }) => sinceMs <= atMs) ?? history[0] ?? UNKNOWN_TRAITS;
    return { id, name, kind, attributes };
  }

  /** The policy that decided; undefined when it is not known. */
  policy({ policyId, policyVersion }: ToolCallDecided): CompiledPolicy | undefined {
    return policyId === null || policyVersion === null
      ? undefined
      : this.#versions.get(versionKey(policyId, policyVersion));
  }

  async #loadIdentities(tx: Tx, ids: readonly string[]): Promise<void> {
    const { rows } = await tx.query<{ id: string; time: Date; event: ControlEvent & IdentityBody }>(
      `select stream_id as id, time, event from events where organization_id = $1 and stream_id = any ($2)
        and type in ('identity.created', 'identity.changed') order by stream_id, version`,
      [this.#organizationId, ids],
    );
    const histories = new Map<string, DatedTraits[]>(ids.map((id) => [id, []]));
    for (const { id, time, event } of rows) {
      const history = histories.get(id) ?? [];
      history.push({ ...traitsAfter(history.at(-1) ?? UNKNOWN_TRAITS, event), sinceMs: time.getTime() });
    }
    for (const [id, history] of histories) this.#identities.set(id, history);
  }

  async #loadVersion(
    tx: Tx,
    { policyId, policyVersion }: Readonly<{ policyId: string; policyVersion: number }>,
  ): Promise<void> {
    const { rows } = await tx.query<{ event: ControlEvent & Extract<PolicyBody, { type: 'policy.published' }> }>(
      `select event from events where organization_id = $1 and stream_id = $2 and type = 'policy.published'
        and (event->>'policyVersion')::bigint = $3`,
      [this.#organizationId, policyId, policyVersion],
    );
    const [found] = rows;
    this.#versions.set(
      versionKey(policyId, policyVersion),
      found && compilePolicy(found.event.document as PolicyDocument),
    );
  }
}

const versionKey = (policyId: string, version: number): string => `${policyId} ${version}`;
