import { useMutation, useQuery } from '@tanstack/react-query';
import { useState, type ReactElement } from 'react';
import { api } from '../api/client.js';
import { dataOf, messageOf } from '../api/problem.js';
import { queryClient } from '../api/query-client.js';
import { settingsText } from '../text/settings.js';
import { roleNames } from '../text/shell.js';
import { Button } from '../ui/button.js';
import { CodeLine } from '../ui/copy.js';
import { ConfirmButton } from '../ui/dialog.js';
import { Form, FormActions, TextField } from '../ui/field.js';
import { Section } from '../ui/page.js';
import { Select } from '../ui/select.js';
import { Loaded } from '../ui/states.js';
import { DataTable, type Column } from '../ui/table.js';
import { Time } from '../ui/time.js';
import { tell } from '../ui/toast.js';
import { ifMatch, invitationsQuery, membersQuery, type Invitation, type Member, type Role } from './requests.js';

const text = settingsText.members;

/** The roles to choose from. */
export const ROLE_CHOICES = (Object.keys(roleNames) as Role[]).map((id) => ({ id, label: roleNames[id] }));

const rereadMembers = () => queryClient.invalidateQueries({ queryKey: ['members'] });
const rereadInvitations = () => queryClient.invalidateQueries({ queryKey: ['invitations'] });

const MEMBERS: readonly Column<Member>[] = [
  { id: 'email', header: text.email, isRowHeader: true, cell: ({ email }) => email, value: ({ email }) => email },
  { id: 'role', header: text.role, cell: (member) => <RoleOf member={member} />, value: ({ role }) => role },
  {
    id: 'joined',
    header: text.joined,
    cell: ({ joinedAt }) => <Time value={joinedAt} never="" />,
    value: ({ joinedAt }) => joinedAt,
  },
  {
    id: 'actions',
    header: '',
    isAtEnd: true,
    cell: ({ id, email }) => (
      <ConfirmButton
        label={text.remove}
        title={text.removeTitle(email)}
        text={text.removeText}
        confirm={text.remove}
        onConfirm={async () => {
          dataOf(await api.DELETE('/v1/members/{id}', { params: { path: { id } } }));
          await rereadMembers();
        }}
      />
    ),
  },
];

const INVITATIONS: readonly Column<Invitation>[] = [
  { id: 'email', header: text.email, isRowHeader: true, cell: ({ email }) => email },
  { id: 'role', header: text.role, cell: ({ role }) => roleNames[role] },
  { id: 'expires', header: text.expires, cell: ({ expiresAt }) => <Time value={expiresAt} never="" /> },
  { id: 'actions', header: '', isAtEnd: true, cell: ({ id }) => <Withdraw id={id} /> },
];

/** Members with their roles, and open invitations. */
export function MemberSettings(): ReactElement {
  const members = useQuery(membersQuery);
  const invitations = useQuery(invitationsQuery);
  return (
    <>
      <Section title={text.title}>
        <Loaded query={members}>
          {(items) => <DataTable caption={text.title} items={items} columns={MEMBERS} keyOf={({ id }) => id} />}
        </Loaded>
      </Section>
      <Section title={text.invitations} lead={text.invitationsLead}>
        <Loaded query={invitations}>
          {(items) =>
            items.length === 0 ? (
              <p>{text.none}</p>
            ) : (
              <DataTable caption={text.invitations} items={items} columns={INVITATIONS} keyOf={({ id }) => id} />
            )
          }
        </Loaded>
        <Invite />
      </Section>
    </>
  );
}

function RoleOf({ member }: Readonly<{ member: Member }>): ReactElement {
  const change = useMutation({
    mutationFn: async (role: Role) =>
      dataOf(
        await api.PATCH('/v1/members/{id}', {
          params: { path: { id: member.id }, header: ifMatch(member.version) },
          body: { role },
        }),
      ),
    onSuccess: () => tell(settingsText.saved),
    onError: (error) => tell(messageOf(error)),
    onSettled: rereadMembers,
  });
  return (
    <Select
      label={text.roleOf(member.email)}
      isLabelHidden
      value={member.role}
      onChange={(role) => change.mutate(role)}
      choices={ROLE_CHOICES}
    />
  );
}

function Withdraw({ id }: Readonly<{ id: string }>): ReactElement {
  const withdraw = useMutation({
    mutationFn: async () => dataOf(await api.DELETE('/v1/invitations/{id}', { params: { path: { id } } })),
    onError: (error) => tell(messageOf(error)),
    onSettled: rereadInvitations,
  });
  return (
    <Button look="quiet" isPending={withdraw.isPending} onPress={() => withdraw.mutate()}>
      {text.withdraw}
    </Button>
  );
}

function Invite(): ReactElement {
  const [email, setEmail] = useState('');
  const [role, setRole] = useState<Role>('viewer');
  const invite = useMutation({
    mutationFn: async () => dataOf(await api.POST('/v1/invitations', { body: { email, role } })),
    onSuccess: async () => {
      setEmail('');
      await rereadInvitations();
    },
  });
  return (
    <>
      {invite.data && (
        <div role="status">
          <p>{text.linkLead}</p>
          <CodeLine name={text.link} text={`${location.origin}/app/invitation#token=${invite.data.token}`} />
        </div>
      )}
      <Form error={invite.error} fields={['/email', '/role']} onSubmit={() => invite.mutate()} label={text.invite}>
        <TextField label={text.invitedEmail} name="/email" type="email" value={email} onChange={setEmail} isRequired />
        <Select label={text.invitedRole} name="/role" value={role} onChange={setRole} choices={ROLE_CHOICES} />
        <FormActions>
          <Button type="submit" isPending={invite.isPending}>
            {text.invite}
          </Button>
        </FormActions>
      </Form>
    </>
  );
}
