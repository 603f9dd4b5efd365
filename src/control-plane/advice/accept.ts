import type { Change } from '../../record/event-store/event-store.js';
import { decideGrantChange } from '../grants/grants.js';
import { grantStream } from '../grants/grants.store.js';
import type { Tx } from '../../platform/postgres/database.js';
import { newId } from '../../platform/crypto/ids.js';
import { Problem } from '../../platform/runtime/problems.js';
import { decidePolicyCreation, existing, decidePolicyChange, type Document } from '../policies/policies.js';
import { policyStream } from '../policies/policies.store.js';
import type { PolicyDocument } from '../../policy-engine/document.js';

/** An advice that was taken: what it was about, and the document that it comes to. */
type AcceptedAdvice = Readonly<{ grantId: string; policyId: string; policyVersion: number; document: PolicyDocument }>;

/** The policy that the grant has now; a new one when others use the one it had. */
export type AcceptResult = Readonly<{ policyId: string; policyVersion: number; newPolicy: boolean }>;

const MAX_NAME_LENGTH = 200;

const changed = (): Problem =>
  new Problem('precondition_failed', 'Read the advice again: the grant or its policy was changed meanwhile.');

/** Whether another grant that is not revoked goes by this policy, or is judged by it beside its own. */
const isShared = async (tx: Tx, organizationId: string, { grantId, policyId }: AcceptedAdvice): Promise<boolean> => {
  const { rows } = await tx.query<{ shared: boolean }>(
    `select exists (select 1 from grants where organization_id = $1 and id <> $2 and (policy_id = $3
      or shadow_policy_id = $3) and revoked_at is null) as shared`,
    [organizationId, grantId, policyId],
  );
  return rows[0]?.shared ?? false;
};

const nameFor = (name: string, grantName: string): string => `${name}, for ${grantName}`.slice(0, MAX_NAME_LENGTH);

/**
 * Publishes the document as the next version of the grant's policy, or, where others go by that policy too, as a policy
 * of the grant's own. What was pinned stays pinned as it was: a changed tool is not accepted by this. @throws Problem
 * precondition_failed, conflict when the grant is revoked
 */
export const acceptAdvice = async (change: Change, taken: AcceptedAdvice): Promise<AcceptResult> => {
  const { organizationId } = change.caller;
  const { grantId, policyId, policyVersion } = taken;
  const grant = (await grantStream.load(change.tx, organizationId, grantId))?.state;
  const policy = existing((await policyStream.load(change.tx, organizationId, policyId))?.state);
  if (grant?.revokedAt) throw new Problem('conflict', 'The grant is revoked; issue a new one.');
  if (grant?.policyId !== policyId || policy.policyVersion !== policyVersion) throw changed();
  const { pins, acceptances, serverId, name } = policy;
  const next = { document: taken.document as Document, pins, acceptances };
  if (!(await isShared(change.tx, organizationId, taken))) {
    const published = await change.apply(policyStream, policyId, (current) =>
      decidePolicyChange(policyId, current, next),
    );
    return { policyId, policyVersion: published.policyVersion, newPolicy: false };
  }
  const own = newId('pol');
  await change.apply(policyStream, own, () =>
    decidePolicyCreation(own, undefined, { ...next, serverId, name: nameFor(name, grant.label ?? grantId) }),
  );
  await change.apply(grantStream, grantId, (state) => decideGrantChange(grantId, state, { policyId: own }));
  return { policyId: own, policyVersion: 1, newPolicy: true };
};
