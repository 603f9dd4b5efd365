import type { EventOf } from './envelope.js';
import type { MeaningLines } from './meaning.js';

/** Who read the audit log, what was found wrong with it, and by which key it is signed from then on. */
export type AuditFact =
  | EventOf<'audit.read', { filters: readonly string[] }>
  | EventOf<'audit.exported', { format: string; from: string | null; to: string | null }>
  | EventOf<'audit.selfCheckFailed', { checkedTo: number; firstBadSeq: number; reason: string }>
  | EventOf<'audit.signingKeyChanged', { vkey: string; previousVkey: string }>;

/** What they mean. The compiler refuses this table when it misses one. */
export const auditMeanings: MeaningLines<AuditFact> = {
  'audit.read': ['Audit log read', 'auditLog', 'read'],
  'audit.exported': ['Audit log exported', 'auditLog', 'read', 'low'],
  'audit.selfCheckFailed': ['Self-check of the audit log failed', 'record', 'find', 'high'],
  'audit.signingKeyChanged': ['Signing key of the audit log changed', 'auditLog', 'update', 'medium'],
};
