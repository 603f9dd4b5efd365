import { useMutation, useQuery } from '@tanstack/react-query';
import { useState, type ReactElement } from 'react';
import { api } from '../api/client.js';
import { dataOf } from '../api/problem.js';
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
import { ROLE_CHOICES } from './member-settings.js';
import { keysQuery, type ApiKey, type Role } from './requests.js';

const text = settingsText.keys;
const reread = () => queryClient.invalidateQueries({ queryKey: ['api-keys'] });

const COLUMNS: readonly Column<ApiKey>[] = [
  { id: 'name', header: text.name, isRowHeader: true, cell: ({ name }) => name, value: ({ name }) => name },
  { id: 'role', header: text.role, cell: ({ role }) => roleNames[role], value: ({ role }) => role },
  { id: 'by', header: text.by, cell: ({ issuedBy }) => issuedBy.name ?? issuedBy.id },
  { id: 'used', header: text.used, cell: ({ lastUsedAt }) => <Time value={lastUsedAt} never={settingsText.never} /> },
  {
    id: 'actions',
    header: '',
    isAtEnd: true,
    cell: ({ id, name }) => (
      <ConfirmButton
        label={text.remove}
        title={text.removeTitle(name)}
        text={text.removeText}
        confirm={text.remove}
        onConfirm={async () => {
          dataOf(await api.DELETE('/v1/api-keys/{id}', { params: { path: { id } } }));
          await reread();
        }}
      />
    ),
  },
];

/** Keys for programs. */
export function KeySettings(): ReactElement {
  const keys = useQuery(keysQuery);
  const [name, setName] = useState('');
  const [role, setRole] = useState<Role>('viewer');
  const add = useMutation({
    mutationFn: async () => dataOf(await api.POST('/v1/api-keys', { body: { name, role } })),
    onSuccess: async () => {
      setName('');
      await reread();
    },
  });
  return (
    <Section title={text.title} lead={text.lead}>
      <Loaded query={keys}>
        {(items) =>
          items.length === 0 ? (
            <p>{text.none}</p>
          ) : (
            <DataTable caption={text.title} items={items} columns={COLUMNS} keyOf={({ id }) => id} />
          )
        }
      </Loaded>
      {add.data && (
        <div role="status">
          <p>{text.secretLead}</p>
          <CodeLine name={text.secret} text={add.data.secret} />
        </div>
      )}
      <Form error={add.error} fields={['/name', '/role']} onSubmit={() => add.mutate()} label={text.add}>
        <TextField label={text.name} name="/name" value={name} onChange={setName} isRequired />
        <Select label={text.role} name="/role" value={role} onChange={setRole} choices={ROLE_CHOICES} />
        <FormActions>
          <Button type="submit" isPending={add.isPending}>
            {text.add}
          </Button>
        </FormActions>
      </Form>
    </Section>
  );
}
