import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState, type ReactElement } from 'react';
import { meQuery } from '../api/session.js';
import { differencesFrom } from './differences.js';
import { isTyping } from './keys.js';
import { ToolHistory } from './tool-history.js';
import {
  decideApproval,
  fetchApproval,
  fetchHistory,
  type Approval,
  type ExcludedApprover,
  type OpenApproval,
} from './requests.js';
import { untilText, useNow } from './time.js';
import styles from './approvals.module.css';

type Props = Readonly<{ id: string; mayDecide: boolean; onDecided: () => void }>;

const POLL_INTERVAL_MS = 2000;

/** What became of a call, once it does not wait any more. */
const BECAME: Readonly<Record<string, string>> = {
  approved: 'Approved. The call runs when the agent repeats it.',
  used: 'Approved, and the call ran.',
  rejected: 'Rejected.',
  expired: 'Nobody decided in time.',
  void: 'The grant, the policy or the tool has changed since, so the call can not run.',
};

/** One held call: exactly what would run, what is known of its kind, and the decision. */
export function ApprovalPanel({ id, mayDecide, onDecided }: Props): ReactElement {
  const shown = useQuery({
    queryKey: ['approval', id],
    queryFn: () => fetchApproval(id),
    refetchInterval: POLL_INTERVAL_MS,
  });
  if (shown.error) return <p role="alert">{shown.error.message}</p>;
  if (shown.data === undefined) return <p aria-busy="true">Loading the call…</p>;
  const { approval } = shown.data;
  return (
    <section className={styles['panel']} aria-label="Held call">
      <h2>
        {approval.identityName} wants to call <code>{approval.tool}</code> on {approval.serverName}
      </h2>
      <Terms approval={approval} />
      <Arguments open={shown.data} />
      {approval.status === 'pending' && mayDecide && <Decide open={shown.data} onDecided={onDecided} />}
      {approval.status === 'pending' && !mayDecide && <p>Approvers and admins decide.</p>}
      {approval.status !== 'pending' && <p role="status">{BECAME[approval.status]}</p>}
      <Known approval={approval} />
    </section>
  );
}

function Terms({ approval }: Readonly<{ approval: Approval }>): ReactElement {
  const now = useNow();
  const { reason, rule, policyName, policyVersion, count, decisions, expiresAt, status } = approval;
  const approved = decisions.filter(({ decision }) => decision === 'approved').length;
  return (
    <p>
      {reason} <br />
      By <code>{rule}</code> of {policyName}, version {policyVersion}.{' '}
      {count > 1 && `${approved} of ${count} people have approved. `}
      {status === 'pending' && <strong>{untilText(expiresAt, now)}</strong>}
    </p>
  );
}

function Arguments({ open: { argumentsText, otherText, approval } }: Readonly<{ open: OpenApproval }>): ReactElement {
  return (
    <>
      <h3>Arguments</h3>
      {argumentsText === undefined ? (
        <p>
          {approval.status === 'pending' && approval.argumentKeys.length === 0
            ? 'None.'
            : `Shown to approvers until the call is decided. Names: ${approval.argumentKeys.join(', ') || 'none'}.`}
        </p>
      ) : (
        <pre tabIndex={0} aria-label="Exact arguments">
          {argumentsText}
        </pre>
      )}
      {otherText !== undefined && (
        <>
          <h3>What else the request says</h3>
          <pre tabIndex={0} aria-label="Other parameters">
            {otherText}
          </pre>
        </>
      )}
    </>
  );
}

const BECAUSE: Readonly<Record<string, string>> = {
  issued_grant: 'issued or rotated the grant',
  owns_identity: 'the call is made for them',
};

const OWN = { issued_grant: 'you issued or rotated its grant', owns_identity: 'it is made for you' };

function Excluded({ people }: Readonly<{ people: readonly ExcludedApprover[] }>): ReactElement | null {
  if (people.length === 0) return null;
  return (
    <p>
      May not approve:{' '}
      {people.map(({ memberId, email, because }, at) => (
        <span key={memberId}>
          {at > 0 && '; '}
          {email} ({BECAUSE[because] ?? because})
        </span>
      ))}
    </p>
  );
}

type DecideProps = Readonly<{ open: OpenApproval; onDecided: () => void }>;

function Decide({ open: { approval, mayNotApprove = [] }, onDecided }: DecideProps): ReactElement {
  const client = useQueryClient();
  const me = useQuery(meQuery);
  const [comment, setComment] = useState('');
  const field = useRef<HTMLTextAreaElement>(null);
  const own = mayNotApprove.find(({ memberId }) => memberId === me.data?.user?.id);
  const deciding = useMutation({
    mutationFn: (decision: 'approve' | 'reject') => decideApproval(approval.id, decision, comment),
    onSuccess: onDecided,
    onSettled: () =>
      Promise.all([
        client.invalidateQueries({ queryKey: ['approval', approval.id] }),
        client.invalidateQueries({ queryKey: ['approvals'] }),
      ]),
  });
  const decide = (decision: 'approve' | 'reject'): void => {
    if (deciding.isPending || (decision === 'approve' && own)) return;
    deciding.mutate(decision);
  };
  useKeys({ a: () => decide('approve'), r: () => (comment === '' ? field.current?.focus() : decide('reject')) });
  return (
    <div className={styles['decide']}>
      <Excluded people={mayNotApprove} />
      <label>
        Comment
        <textarea
          ref={field}
          rows={2}
          maxLength={1000}
          value={comment}
          onChange={({ target }) => setComment(target.value)}
        />
      </label>
      <button
        type="button"
        className={styles['primary']}
        disabled={deciding.isPending || own !== undefined}
        onClick={() => decide('approve')}
      >
        Approve
      </button>
      <button type="button" disabled={deciding.isPending} onClick={() => decide('reject')}>
        Reject
      </button>
      <p role="status">
        {own && `You may not approve this call: ${OWN[own.because]}. `}
        {deciding.error?.message}
      </p>
    </div>
  );
}

/** Single keys, outside of fields. */
function useKeys(keys: Readonly<Record<string, () => unknown>>): void {
  const latest = useRef(keys);
  latest.current = keys;
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const act = Object.hasOwn(latest.current, event.key) ? latest.current[event.key] : undefined;
      if (act === undefined || isTyping(event) || event.repeat) return;
      event.preventDefault();
      act();
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, []);
}

function Known({ approval }: Readonly<{ approval: Approval }>): ReactElement {
  const history = useQuery({ queryKey: ['approval-history', approval.id], queryFn: () => fetchHistory(approval) });
  if (history.data === undefined) return <p aria-busy={history.isPending}>{history.error?.message}</p>;
  const before = history.data.filter(({ requestedAt }) => requestedAt < approval.requestedAt);
  const last = before.find(({ identityId }) => identityId === approval.identityId);
  return (
    <>
      <h3>Since last time</h3>
      <ul>
        {differencesFrom(last, approval).map((one) => (
          <li key={one}>{one}</li>
        ))}
      </ul>
      <ToolHistory before={before} approval={approval} />
    </>
  );
}
