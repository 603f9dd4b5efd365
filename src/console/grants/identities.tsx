import { useMutation, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useMemo, type ReactElement } from 'react';
import { messageOf } from '../api/problem.js';
import { queryClient } from '../api/query-client.js';
import { useMay } from '../api/session.js';
import { grantText } from '../text/grants.js';
import { Badge } from '../ui/badge.js';
import { Button } from '../ui/button.js';
import { ConfirmButton } from '../ui/dialog.js';
import { Row, Section } from '../ui/page.js';
import { Loaded } from '../ui/states.js';
import { DataTable, type Column } from '../ui/table.js';
import { Time } from '../ui/time.js';
import { tell } from '../ui/toast.js';
import { deleteIdentity, identitiesQuery, setIdentityDisabled, type Identity } from './requests.js';

const text = grantText.identities;

const reread = async (): Promise<void> => {
  await queryClient.invalidateQueries({ queryKey: ['identities'] });
  await queryClient.invalidateQueries({ queryKey: ['grants'] });
};

const COLUMNS: readonly Column<Identity>[] = [
  {
    id: 'name',
    header: text.name,
    isRowHeader: true,
    cell: ({ id, name }) => (
      <Link to="/grants" search={{ identity: id }}>
        {name}
      </Link>
    ),
    value: ({ name }) => name,
  },
  { id: 'kind', header: text.kind, cell: ({ kind }) => grantText.kinds[kind], value: ({ kind }) => kind },
  {
    id: 'state',
    header: text.state,
    cell: ({ disabled }) => <Badge tone={disabled ? 'warn' : 'good'}>{disabled ? text.disabled : text.active}</Badge>,
  },
  {
    id: 'created',
    header: grantText.columns.created,
    cell: ({ createdAt }) => <Time value={createdAt} never="" />,
    value: ({ createdAt }) => createdAt,
  },
];

const ACTIONS: Column<Identity> = {
  id: 'actions',
  header: '',
  isAtEnd: true,
  cell: (identity) => <IdentityActions identity={identity} />,
};

/** Whose calls they are. */
export function Identities(): ReactElement {
  const identities = useQuery(identitiesQuery);
  const isAdmin = useMay();
  const columns = useMemo(() => (isAdmin ? [...COLUMNS, ACTIONS] : COLUMNS), [isAdmin]);
  return (
    <Section title={text.title} lead={text.lead}>
      <Loaded query={identities}>
        {(items) =>
          items.length === 0 ? (
            <p>{text.none}</p>
          ) : (
            <DataTable caption={text.title} items={items} columns={columns} keyOf={({ id }) => id} />
          )
        }
      </Loaded>
    </Section>
  );
}

function IdentityActions({ identity }: Readonly<{ identity: Identity }>): ReactElement {
  const toggle = useMutation({
    mutationFn: () => setIdentityDisabled(identity, !identity.disabled),
    onError: (error) => tell(messageOf(error)),
    onSettled: reread,
  });
  return (
    <Row>
      <Button look="quiet" isPending={toggle.isPending} onPress={() => toggle.mutate()}>
        {identity.disabled ? text.enable : text.disable}
      </Button>
      <ConfirmButton
        label={text.remove}
        title={text.removeTitle(identity.name)}
        text={text.removeText}
        confirm={text.remove}
        onConfirm={async () => {
          await deleteIdentity(identity);
          await reread();
        }}
      />
    </Row>
  );
}
