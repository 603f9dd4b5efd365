import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef, type ReactElement, type ReactNode } from 'react';
import { api } from '../api/client.js';
import { FilterLink } from './filter-link.js';
import { durationText, effectText, outcomeText, verbOf, type LogRecord } from './records.js';
import { RuleInSource } from './rule-in-source.js';
import styles from './log.module.css';

type Props = Readonly<{ callId: string; onClose: () => void }>;

const fetchCall = async (callId: string): Promise<readonly LogRecord[]> => {
  const { data, error } = await api.GET('/v1/audit/events', { params: { query: { callId: [callId], order: 'asc' } } });
  if (data === undefined)
    throw new Error((error as { detail?: string } | undefined)?.detail ?? 'The call can not be read.');
  return (data as unknown as { items: readonly LogRecord[] }).items;
};

/** One decision beside the list: the call, the rule that decided it, who, by which client, how long, how it ended. */
export function DecisionPanel({ callId, onClose }: Props): ReactElement {
  const heading = useRef<HTMLHeadingElement>(null);
  const call = useQuery({
    queryKey: ['call', callId],
    queryFn: () => fetchCall(callId),
    // An outcome may follow.
    refetchInterval: ({ state }) => (state.data?.some(({ type }) => type === 'toolCall.completed') ? false : 2000),
  });
  useEffect(() => heading.current?.focus(), [callId]);
  const decided = call.data?.find(({ type }) => type === 'toolCall.decided');
  const completed = call.data?.find(({ type }) => type === 'toolCall.completed');
  return (
    <aside
      className={styles['detail']}
      aria-label="Decision"
      onKeyDown={(event) => event.key === 'Escape' && onClose()}
    >
      <header>
        <h2 ref={heading} tabIndex={-1}>
          {decided === undefined ? 'Decision' : `${decided.tool ?? '(no name)'} ${effectText(decided)}`}
        </h2>
        <button type="button" onClick={onClose}>
          Close
        </button>
      </header>
      {call.error && <p role="alert">{call.error.message}</p>}
      {call.isPending && <p aria-busy="true">Loading the decision…</p>}
      {call.data && decided === undefined && <p>The record of this call is no longer kept.</p>}
      {decided && <Facts decided={decided} completed={completed} />}
    </aside>
  );
}

type FactsProps = Readonly<{ decided: LogRecord; completed: LogRecord | undefined }>;

function Facts({ decided, completed }: FactsProps): ReactElement {
  const { argumentKeys = [], policyId, policyVersion, rule = null } = decided;
  return (
    <>
      <p>{decided.reason}</p>
      {policyId && policyVersion ? (
        <RuleInSource policyId={policyId} version={policyVersion} rule={rule} />
      ) : (
        <p>No policy was asked.</p>
      )}
      <dl>
        <Fact name="Identity">
          <FilterLink search={{}} filter="identityId" value={decided.identityId}>
            {decided.identityName}
          </FilterLink>
        </Fact>
        <Fact name="Call">
          {verbOf(decided)} <code>{decided.tool}</code> on {decided.serverName}
        </Fact>
        <Fact name="Arguments">{argumentKeys.length === 0 ? 'none' : argumentKeys.join(', ')}</Fact>
        <Fact name="Code">{decided.code}</Fact>
        <Fact name="Counted">{decided.reserved?.map(({ counter, amount }) => `${counter} +${amount}`).join(', ')}</Fact>
        <Circumstances decided={decided} />
        <Outcome decided={decided} completed={completed} />
        <Fact name="Grant">
          <FilterLink search={{}} filter="grantId" value={decided.grantId}>
            {decided.grantId}
          </FilterLink>
        </Fact>
        <Fact name="Call id">{decided.callId}</Fact>
        <Fact name="Record">{`${decided.seq}`}</Fact>
      </dl>
    </>
  );
}

function Circumstances({ decided }: Readonly<{ decided: LogRecord }>): ReactElement {
  const { client, sourceIp, protocolVersion, time, decisionMicros } = decided;
  return (
    <>
      <Fact name="Client">{client ? `${client.name} ${client.version ?? ''}` : ''}</Fact>
      <Fact name="Address">{sourceIp}</Fact>
      <Fact name="Protocol">{protocolVersion}</Fact>
      <Fact name="Time">{time}</Fact>
      <Fact name="Decided in">{decisionMicros === undefined ? '' : durationText(decisionMicros / 1000)}</Fact>
    </>
  );
}

function Outcome({ decided, completed }: FactsProps): ReactElement {
  const pending = decided.effect === 'allow' ? 'not yet known' : '';
  return (
    <>
      <Fact name="Outcome">{completed ? outcomeText(completed) : pending}</Fact>
      <Fact name="Answer">{completed?.responseBytes === undefined ? '' : `${completed.responseBytes} bytes`}</Fact>
    </>
  );
}

function Fact({ name, children }: Readonly<{ name: string; children: ReactNode }>): ReactElement | null {
  if (children === '' || children === null || children === undefined) return null;
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}
