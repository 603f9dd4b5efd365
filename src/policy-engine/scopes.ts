/** The ids of one call that a counter may count by. */
type Callers = Readonly<{
  grantId: string;
  sessionId?: string;
  serverId: string;
  organizationId: string;
  identity: Readonly<{ id: string }>;
}>;

type ScopeRow = Readonly<{
  /** Whose calls a counter of this scope adds up. */
  whom: (callers: Callers) => string;
  /** Only calls under the policy of one grant add to a counter of this scope. */
  countsOneGrant: boolean;
  /** One grant has a counter for each session, so that there is no one count to show. */
  countsEachSession: boolean;
  /** A warning about every limit of this scope. */
  warning?: string;
}>;

const ofOneGrant = { countsOneGrant: true, countsEachSession: false };
const ofSeveralGrants = { countsOneGrant: false, countsEachSession: false };

/**
 * The scopes of limits, in the order in which documents list them. All that is particular to one scope stands in its
 * row.
 */
const rows = {
  grant: { ...ofOneGrant, whom: ({ grantId }) => grantId },
  session: {
    countsOneGrant: true,
    countsEachSession: true,
    // Clients of 2026-07-28 have no session.
    whom: ({ sessionId, grantId }) => sessionId ?? grantId,
    warning: 'counts by session: reconnecting starts a new count',
  },
  server: { ...ofSeveralGrants, whom: ({ serverId }) => serverId },
  identity: { ...ofSeveralGrants, whom: ({ identity }) => identity.id },
  organization: { ...ofSeveralGrants, whom: ({ organizationId }) => organizationId },
} as const satisfies Readonly<Record<string, ScopeRow>>;

/**
 * Whose calls a counter adds up: `grant`, `session` and `server` on one server; `identity` and `organization` over all
 * servers.
 */
export type Scope = keyof typeof rows;

export const scopes: Readonly<Record<Scope, ScopeRow>> = rows;

export const scopeNames = Object.keys(rows) as readonly Scope[];

/** The scope of a limit that names none. */
export const DEFAULT_SCOPE: Scope = 'grant';
