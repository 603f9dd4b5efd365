import type { Activity, Level, Meaning, Subject } from '../../event-log/events/meaning.js';

/** A class of OCSF 1.8.0: its category and number, its profiles, and its numbers of activities. */
export type OcsfClass = Readonly<{
  name: string;
  categoryUid: number;
  classUid: number;
  profiles: readonly string[];
  activities: Readonly<Partial<Record<Activity, number>>>;
}>;

const OTHER = 99;

export const API_ACTIVITY: OcsfClass = {
  name: 'API Activity',
  categoryUid: 6,
  classUid: 6003,
  profiles: ['security_control', 'trace'],
  activities: {},
};
export const AUTHENTICATION: OcsfClass = {
  name: 'Authentication',
  categoryUid: 3,
  classUid: 3002,
  profiles: [],
  activities: { signIn: 1, signOut: 2 },
};
export const ACCOUNT_CHANGE: OcsfClass = {
  name: 'Account Change',
  categoryUid: 3,
  classUid: 3001,
  profiles: [],
  activities: { create: 1, enable: 2, setPassword: 3, resetPassword: 4, disable: 5, delete: 6 },
};
export const ENTITY_MANAGEMENT: OcsfClass = {
  name: 'Entity Management',
  categoryUid: 3,
  classUid: 3004,
  profiles: [],
  activities: { create: 1, read: 2, update: 3, delete: 4, enable: 8, disable: 9, start: 10, stop: 11 },
};
export const DETECTION_FINDING: OcsfClass = {
  name: 'Detection Finding',
  categoryUid: 2,
  classUid: 2004,
  profiles: [],
  activities: { find: 1, update: 2, resolve: 3 },
};
/** The generic class, for types that the mapping does not know. */
export const BASE_EVENT: OcsfClass = {
  name: 'Base Event',
  categoryUid: 0,
  classUid: 0,
  profiles: [],
  activities: {},
};

const classes: Readonly<Partial<Record<Subject, OcsfClass>>> = {
  call: API_ACTIVITY,
  signIn: AUTHENTICATION,
  member: ACCOUNT_CHANGE,
  identity: ACCOUNT_CHANGE,
  hold: DETECTION_FINDING,
  record: DETECTION_FINDING,
  other: BASE_EVENT,
};

/** The class of records about a subject: Entity Management for all that is neither call, account nor finding. */
export const classOf = ({ subject }: Meaning): OcsfClass => classes[subject] ?? ENTITY_MANAGEMENT;

/** The number of an activity in a class. */
export const activityIdOf = ({ activities }: OcsfClass, { activity }: Meaning): number => activities[activity] ?? OTHER;

export const SEVERITIES: Readonly<Record<Level, Readonly<{ severity_id: number; severity: string }>>> = {
  info: { severity_id: 1, severity: 'Informational' },
  low: { severity_id: 2, severity: 'Low' },
  medium: { severity_id: 3, severity: 'Medium' },
  high: { severity_id: 4, severity: 'High' },
};

type Disposition = Readonly<{ action_id: number; action: string; disposition_id: number; disposition: string }>;

const ALLOWED: Disposition = { action_id: 1, action: 'Allowed', disposition_id: 1, disposition: 'Allowed' };
const APPROVED: Disposition = { ...ALLOWED, disposition_id: 8, disposition: 'Approved' };
const BLOCKED: Disposition = { action_id: 2, action: 'Denied', disposition_id: 2, disposition: 'Blocked' };
const REJECTED: Disposition = { ...BLOCKED, disposition_id: 25, disposition: 'Rejected' };
const FAILED: Disposition = { ...BLOCKED, disposition_id: 27, disposition: 'Error' };
const DELAYED: Disposition = { action_id: 3, action: 'Observed', disposition_id: 14, disposition: 'Delayed' };

const refused: Readonly<Record<string, Disposition>> = {
  rate_limited: REJECTED,
  argument_rule: REJECTED,
  arguments_invalid: REJECTED,
  malformed: REJECTED,
  approval_rejected: REJECTED,
  approval_expired: REJECTED,
  audit_unavailable: FAILED,
  limits_unavailable: FAILED,
  stale_directory: FAILED,
  overloaded: FAILED,
};

/** What the profile Security Control says of a call. An outcome is that of a call that was allowed. */
export const dispositionOf = (
  effect: string | undefined,
  code: string | undefined,
  isApproved: boolean,
): Disposition => {
  if (effect === 'hold') return DELAYED;
  if (effect === 'deny') return refused[code ?? ''] ?? BLOCKED;
  return isApproved ? APPROVED : ALLOWED;
};
