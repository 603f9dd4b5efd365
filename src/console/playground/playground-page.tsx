import { useMutation, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useEffect, useMemo, useState, type FormEvent, type ReactElement } from 'react';
import { meQuery } from '../api/session.js';
import { durationText } from '../log/records.js';
import { fetchIdentities, fetchPolicies, fetchServers, fetchTools, type Tool } from '../policies/requests.js';
import { readJson } from '../policies/text/json-tree.js';
import type { CallAnswer } from './mcp-call.js';
import { Player, usualPolicy } from './play.js';
import { Page } from '../ui/page.js';
import { NoPermission } from '../ui/states.js';
import plain from '../ui/plain.module.css';
import styles from './playground.module.css';

type Field = Readonly<{ id: string; name: string }>;

/** Calls a tool through the gateway as a chosen identity; for admins. */
export function PlaygroundPage({ mayPlay }: Readonly<{ mayPlay: boolean }>): ReactElement {
  return (
    <Page
      title="Playground"
      lead={
        'Calls a tool through the gateway as an identity, by a grant of its own that ends in ten minutes. The ' +
        'policy, its limits and approvals hold, the call really runs, and the log names you.'
      }
    >
      {mayPlay ? <PlayForm /> : <NoPermission roles={['admin']} />}
    </Page>
  );
}

function usePlayer(): Player {
  const player = useMemo(() => new Player(), []);
  useEffect(() => () => void player.end().catch(() => undefined), [player]);
  return player;
}

const firstOf = (items: readonly Field[] | undefined): string => items?.[0]?.id ?? '';

/** What can be chosen, and what is: the identity's own policy unless another is wanted. */
function useChoices() {
  const servers = useQuery({ queryKey: ['servers'], queryFn: fetchServers });
  const identities = useQuery({ queryKey: ['identities'], queryFn: fetchIdentities });
  const policies = useQuery({ queryKey: ['policies'], queryFn: fetchPolicies });
  const [chosen, setChosen] = useState<Readonly<Record<string, string>>>({});
  const serverId = chosen['server'] ?? firstOf(servers.data);
  const identityId = chosen['identity'] ?? firstOf(identities.data);
  const usual = useQuery({
    queryKey: ['usual-policy', serverId, identityId],
    queryFn: async () => (await usualPolicy(serverId, identityId)) ?? '',
    enabled: serverId !== '' && identityId !== '',
  });
  const ofServer = (policies.data ?? []).filter((policy) => policy.serverId === serverId);
  const wanted = [chosen['policy'], usual.data].find((id) => ofServer.some((one) => one.id === id));
  const choose = (field: string) => (id: string) => setChosen({ ...chosen, [field]: id });
  return {
    servers: servers.data,
    identities: identities.data,
    policies: ofServer,
    serverId,
    identityId,
    policyId: wanted ?? firstOf(ofServer),
    choose,
  };
}

function PlayForm(): ReactElement {
  const player = usePlayer();
  const { servers, identities, policies, serverId, identityId, policyId, choose } = useChoices();
  const me = useQuery(meQuery);
  const [fault, setFault] = useState('');
  const call = useMutation({ mutationFn: player.play.bind(player) });
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget);
    const given = readJson(String(fields.get('arguments')).trim() || '{}');
    if (!given.ok) return setFault('Write the arguments as a JSON object.');
    setFault('');
    const memberName = me.data?.user?.email ?? '';
    const tool = String(fields.get('tool'));
    call.mutate({ serverId, identityId, policyId, tool, arguments: given.value, memberName });
  };
  const said = fault || call.error?.message || missingText(policies, identities);
  return (
    <form className={`${styles['form']} ${plain['plain']}`} onSubmit={submit} aria-label="Play">
      <Choice label="Server" value={serverId} items={servers} onChoose={choose('server')} />
      <Choice label="Identity" value={identityId} items={identities} onChoose={choose('identity')} />
      <Choice label="Policy" value={policyId} items={policies} onChoose={choose('policy')} />
      <ToolFields serverId={serverId} />
      <button type="submit" disabled={call.isPending || policyId === '' || identityId === ''}>
        {call.isPending ? 'Calling…' : 'Call'}
      </button>
      <p role="status">{said}</p>
      {call.data && <Answer answer={call.data} />}
    </form>
  );
}

const missingText = (policies: readonly Field[], identities: readonly Field[] | undefined): string =>
  identities?.length === 0
    ? 'There is no identity yet.'
    : policies.length === 0
      ? 'This server has no policy yet, so every call would be refused.'
      : '';

type ChoiceProps = Readonly<{
  label: string;
  value: string;
  items: readonly Field[] | undefined;
  onChoose: (id: string) => void;
}>;

function Choice({ label, value, items = [], onChoose }: ChoiceProps): ReactElement {
  return (
    <label>
      {label}
      <select value={value} onChange={({ target }) => onChoose(target.value)}>
        {items.map(({ id, name }) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}

/** An object with the members that a tool requires. */
const exampleOf = (tool: Tool | undefined): string => {
  const schema = (tool?.inputSchema ?? {}) as { required?: unknown; properties?: Record<string, { type?: unknown }> };
  const required = Array.isArray(schema.required) ? schema.required.map(String) : [];
  const blanks: Readonly<Record<string, unknown>> = { number: 0, integer: 0, boolean: false, array: [], object: {} };
  return JSON.stringify(
    Object.fromEntries(required.map((name) => [name, blanks[String(schema.properties?.[name]?.type)] ?? ''])),
    null,
    2,
  );
};

function ToolFields({ serverId }: Readonly<{ serverId: string }>): ReactElement {
  const tools = useQuery({
    queryKey: ['tools', serverId],
    queryFn: () => fetchTools(serverId),
    enabled: serverId !== '',
  });
  const [name, setName] = useState<string>();
  const tool = tools.data?.find((one) => one.name === name) ?? tools.data?.[0];
  return (
    <>
      <label>
        Tool
        <select name="tool" value={tool?.name ?? ''} onChange={({ target }) => setName(target.value)}>
          {tools.data?.map((one) => (
            <option key={one.name}>{one.name}</option>
          ))}
        </select>
      </label>
      <p>{tool?.description}</p>
      <label>
        Arguments
        <textarea key={tool?.name} name="arguments" rows={6} spellCheck={false} defaultValue={exampleOf(tool)} />
      </label>
    </>
  );
}

const EFFECTS: Readonly<Record<string, string>> = { deny: 'Refused', hold: 'Held for approval', allow: 'Allowed' };

function Answer({ answer: { decision, result, isError, tookMs } }: Readonly<{ answer: CallAnswer }>): ReactElement {
  const callId = decision?.['callId'];
  return (
    <section className={styles['answer']} aria-label="Answer" data-effect={String(decision?.['effect'] ?? 'allow')}>
      <h2>
        {EFFECTS[String(decision?.['effect'] ?? 'allow')]}
        {decision === undefined && isError && ', and the tool answered an error'}
      </h2>
      <p>
        {decision?.['rule'] ? (
          <>
            By <code>{String(decision['rule'])}</code>.{' '}
          </>
        ) : null}
        {durationText(tookMs)}{' '}
        <Link to="/log" search={typeof callId === 'string' ? { open: callId } : {}}>
          See it in the log
        </Link>
      </p>
      <pre tabIndex={0} aria-label="Result">
        {JSON.stringify(result, null, 2)}
      </pre>
    </section>
  );
}
