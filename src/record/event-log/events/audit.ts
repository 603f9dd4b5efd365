import type { EventOf } from './envelope.js';
import type { MeaningLines } from './meaning.js';

/** Who read the audit log. */
export type AuditFact =
  | EventOf<'audit.read', { filters: readonly string[] }>
  | EventOf<'audit.exported', { format: string; from: string | null; to: string | null }>;

/** What they mean. The compiler refuses this table when it misses one. */
export const auditMeanings: MeaningLines<AuditFact> = {
  'audit.read': ['Audit log read', 'auditLog', 'read'],
  'audit.exported': ['Audit log exported', 'auditLog', 'read', 'low'],
};
