import type { LogItem } from './tail/log-buffer.js';

/** A record of the audit log, as the log's screens read it. Everything but `seq` and `type` may be missing. */
export type LogRecord = LogItem &
  Readonly<{
    id?: string;
    time?: string;
    recordedAt?: string;
    method?: string;
    protocolVersion?: string | null;
    requestId?: string | number | null;
    sessionId?: string | null;
    traceId?: string | null;
    grantId?: string;
    identityId?: string;
    identityName?: string;
    serverId?: string;
    serverName?: string;
    tool?: string | null;
    definitionHash?: string | null;
    policyId?: string | null;
    policyVersion?: number | null;
    mode?: string | null;
    effect?: string;
    code?: string;
    rule?: string | null;
    reason?: string;
    retryAfterSeconds?: number;
    approvalId?: string;
    would?: Readonly<{ effect: string; code: string; rule: string | null }>;
    reserved?: readonly Readonly<{ counter: string; window: string | number; scope: string; amount: number }>[];
    argumentKeys?: readonly string[];
    argumentsDigest?: string | null;
    client?: Readonly<{ name: string; version?: string }> | null;
    sourceIp?: string | null;
    decisionMicros?: number;
    status?: string;
    upstreamStatus?: number | null;
    durationMs?: number;
    responseBytes?: number;
    actor?: Readonly<{ type: string; id: string; name?: string }>;
    comment?: string | null;
    decision?: string;
  }>;

const EFFECTS: Readonly<Record<string, string>> = { allow: 'allowed', deny: 'refused', hold: 'held for approval' };

/** What was decided, in words. */
export const effectText = ({ effect, would }: LogRecord): string => {
  const said = EFFECTS[effect ?? ''] ?? effect ?? '';
  return would === undefined ? said : `${said}; enforcing: ${EFFECTS[would.effect] ?? would.effect}`;
};

const OUTCOMES: Readonly<Record<string, string>> = {
  ok: 'answered',
  tool_error: 'answered with an error of the tool',
  upstream_error: 'the server failed',
  upstream_unreachable: 'the server was out of reach',
  timeout: 'the server took too long',
  cancelled: 'cancelled',
  not_forwarded: 'never sent',
  unknown: 'outcome unknown',
};

/** How a call ended, with its time. */
export const outcomeText = (outcome: LogRecord | undefined): string => {
  if (outcome === undefined) return '';
  const said = OUTCOMES[outcome.status ?? ''] ?? outcome.status ?? '';
  return outcome.durationMs === undefined ? said : `${said} in ${durationText(outcome.durationMs)}`;
};

/** A duration as people read it. */
export const durationText = (ms: number): string =>
  ms < 10 ? `${ms.toFixed(1)} ms` : ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;

const METHODS: Readonly<Record<string, string>> = {
  'tools/call': 'called',
  'resources/read': 'read',
  'resources/subscribe': 'subscribed to',
  'prompts/get': 'got the prompt',
  'completion/complete': 'completed',
};

/** What the client did. */
export const verbOf = ({ method }: LogRecord): string => METHODS[method ?? ''] ?? method ?? 'called';
