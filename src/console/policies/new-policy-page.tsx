import { useMutation, useQuery } from '@tanstack/react-query';
import { useState, type ReactElement } from 'react';
import { Builder } from './builder.js';
import { fetchServers, recommend, type Policy, type Posture, type Server } from './requests.js';
import { EMPTY_POLICY } from './text/policy-edits.js';
import { useDraft, type Draft } from './use-draft.js';
import { ButtonLink } from '../ui/button.js';
import { Page } from '../ui/page.js';
import { Empty, Loaded } from '../ui/states.js';
import { words } from './words.js';
import plain from '../ui/plain.module.css';
import styles from './builder.module.css';

type Props = Readonly<{ serverId?: string | undefined; mayEdit: boolean; onSaved: (policy: Policy) => void }>;

/** A new policy: for which server, from what it starts, and the builder. */
export function NewPolicyPage({ serverId, mayEdit, onSaved }: Props): ReactElement {
  const servers = useQuery({ queryKey: ['servers'], queryFn: fetchServers });
  const [chosen, setChosen] = useState(serverId);
  const server = servers.data?.find(({ id }) => id === chosen) ?? servers.data?.[0];
  return (
    <Page title={words.newPolicy} back={{ to: '/policies', label: words.policies }}>
      {servers.data === undefined && <Loaded query={servers}>{() => null}</Loaded>}
      {servers.data?.length === 0 && (
        <Empty title="No servers yet" action={<ButtonLink to="/servers">Go to the servers</ButtonLink>}>
          A policy belongs to a server. Add a server first.
        </Empty>
      )}
      {servers.data && servers.data.length > 1 && server && (
        <label className={`${styles['field']} ${plain['plain']}`}>
          {words.server}
          <select value={server.id} onChange={({ target }) => setChosen(target.value)}>
            {servers.data.map(({ id, name }) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </select>
        </label>
      )}
      {server && <Begun key={server.id} server={server} mayEdit={mayEdit} onSaved={onSaved} />}
    </Page>
  );
}

type BegunProps = Readonly<{ server: Server; mayEdit: boolean; onSaved: (policy: Policy) => void }>;

function Begun({ server, mayEdit, onSaved }: BegunProps): ReactElement {
  const draft = useDraft(undefined, { name: `${server.name} policy`.slice(0, 200), text: EMPTY_POLICY });
  return (
    <>
      <Start draft={draft} serverId={server.id} />
      <Builder draft={draft} serverId={server.id} newest={undefined} mayEdit={mayEdit} onSaved={onSaved} />
    </>
  );
}

const STARTS = Object.entries(words.starts);

function Start({ draft, serverId }: Readonly<{ draft: Draft; serverId: string }>): ReactElement {
  const [start, setStart] = useState('empty');
  const ask = useMutation({
    mutationFn: (posture: Posture) => recommend(serverId, posture),
    onSuccess: ({ document }) => draft.setText(`${JSON.stringify(document, null, 2)}\n`),
  });
  const begin = (value: string): void => {
    setStart(value);
    if (value === 'empty') {
      ask.reset();
      draft.setText(EMPTY_POLICY);
    } else ask.mutate(value as Posture);
  };
  return (
    <div className={`${styles['start']} ${plain['plain']}`}>
      <label className={styles['field']}>
        {words.start}
        <select value={start} onChange={({ target }) => begin(target.value)}>
          {STARTS.map(([value, label]) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </select>
      </label>
      <p role="status">{ask.error?.message ?? ask.data?.explanation}</p>
    </div>
  );
}
