import { useNavigate, useParams, useSearch } from '@tanstack/react-router';
import type { ReactElement } from 'react';
import { useMay } from '../api/session.js';
import { NewPolicyPage } from './new-policy-page.js';
import { PoliciesPage } from './policies-page.js';
import { PolicyPage } from './policy-page.js';

/** The screen of all policies. */
export function PoliciesScreen(): ReactElement {
  return <PoliciesPage mayEdit={useMay('policy_manager')} />;
}

/** The screen of a new policy; a link may name its server. */
export function NewPolicyScreen(): ReactElement {
  const navigate = useNavigate();
  const { serverId } = useSearch({ from: '/signed-in/policies/new' });
  return (
    <NewPolicyPage
      serverId={serverId}
      mayEdit={useMay('policy_manager')}
      onSaved={({ id }) => void navigate({ to: '/policies/$id', params: { id } })}
    />
  );
}

/** The screen of one policy. */
export function PolicyScreen(): ReactElement {
  const { id } = useParams({ from: '/signed-in/policies/$id' });
  return <PolicyPage id={id} mayEdit={useMay('policy_manager')} />;
}
