import { useNavigate } from '@tanstack/react-router';
import type { ReactElement } from 'react';
import { useMay } from '../api/session.js';
import { serverText as text } from '../text/servers.js';
import { Page } from '../ui/page.js';
import { NoPermission } from '../ui/states.js';
import { ServerForm } from './server-form.js';

/** A new server; then its tools. */
export function NewServerPage(): ReactElement {
  const navigate = useNavigate();
  const mayAdd = useMay();
  return (
    <Page title={text.add} lead={text.form.lead} back={{ to: '/servers', label: text.title }}>
      {mayAdd ? (
        <ServerForm
          onAdded={({ id }) => {
            navigate({ to: '/servers/$id', params: { id } }).catch(() => undefined);
          }}
        />
      ) : (
        <NoPermission roles={['admin']} />
      )}
    </Page>
  );
}
