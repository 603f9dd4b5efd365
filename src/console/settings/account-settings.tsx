import { useMutation, useQuery } from '@tanstack/react-query';
import { useState, type ReactElement } from 'react';
import { api } from '../api/client.js';
import { dataOf, messageOf } from '../api/problem.js';
import { queryClient } from '../api/query-client.js';
import { accountText } from '../text/accounts.js';
import { settingsText } from '../text/settings.js';
import { Button } from '../ui/button.js';
import { Form, FormActions, TextField } from '../ui/field.js';
import { Section } from '../ui/page.js';
import { Loaded } from '../ui/states.js';
import { DataTable, type Column } from '../ui/table.js';
import { Time } from '../ui/time.js';
import { tell } from '../ui/toast.js';
import { sessionsQuery, type Session } from './requests.js';
import { SecondFactor } from './second-factor.js';

const text = settingsText.account;

const SESSIONS: readonly Column<Session>[] = [
  { id: 'organization', header: text.organization, isRowHeader: true, cell: (session) => session.organizationName },
  { id: 'begun', header: text.begun, cell: ({ createdAt }) => <Time value={createdAt} never="" /> },
  { id: 'used', header: text.used, cell: ({ lastUsedAt }) => <Time value={lastUsedAt} never={settingsText.never} /> },
  { id: 'expires', header: text.expires, cell: ({ expiresAt }) => <Time value={expiresAt} never="" /> },
  {
    id: 'actions',
    header: '',
    isAtEnd: true,
    cell: ({ id, current }) => (current ? text.current_ : <EndSession id={id} />),
  },
];

/** One's own password, second factor and sessions. */
export function AccountSettings(): ReactElement {
  const sessions = useQuery(sessionsQuery);
  return (
    <>
      <Password />
      <SecondFactor />
      <Section title={text.sessions} lead={text.sessionsLead}>
        <Loaded query={sessions}>
          {(items) => <DataTable caption={text.sessions} items={items} columns={SESSIONS} keyOf={({ id }) => id} />}
        </Loaded>
      </Section>
    </>
  );
}

function EndSession({ id }: Readonly<{ id: string }>): ReactElement {
  const end = useMutation({
    mutationFn: async () => dataOf(await api.DELETE('/v1/sessions/{id}', { params: { path: { id } } })),
    onError: (error) => tell(messageOf(error)),
    onSettled: () => queryClient.invalidateQueries({ queryKey: ['sessions'] }),
  });
  return (
    <Button look="quiet" isPending={end.isPending} onPress={() => end.mutate()}>
      {text.end}
    </Button>
  );
}

function Password(): ReactElement {
  const [current, setCurrent] = useState('');
  const [password, setPassword] = useState('');
  const change = useMutation({
    mutationFn: async () => dataOf(await api.POST('/v1/me/password', { body: { current, password } })),
    onSuccess: () => {
      setCurrent('');
      setPassword('');
      tell(text.changed);
    },
  });
  return (
    <Section title={text.password} lead={text.passwordLead}>
      <Form
        error={change.error}
        fields={['/current', '/password']}
        onSubmit={() => change.mutate()}
        label={text.password}
      >
        <TextField
          label={text.current}
          name="/current"
          type="password"
          autoComplete="current-password"
          value={current}
          onChange={setCurrent}
          isRequired
        />
        <TextField
          label={text.next}
          name="/password"
          type="password"
          autoComplete="new-password"
          description={accountText.passwordRule}
          value={password}
          onChange={setPassword}
          isRequired
        />
        <FormActions>
          <Button type="submit" isPending={change.isPending}>
            {text.change}
          </Button>
        </FormActions>
      </Form>
    </Section>
  );
}
