import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactElement } from 'react';
import { fetchPolicies } from './requests.js';
import { ButtonLink } from '../ui/button.js';
import { Page } from '../ui/page.js';
import { Empty, Loaded } from '../ui/states.js';
import { timeText, words } from './words.js';
import styles from './builder.module.css';

/** All policies of the organization. */
export function PoliciesPage({ mayEdit }: Readonly<{ mayEdit: boolean }>): ReactElement {
  const policies = useQuery({ queryKey: ['policies'], queryFn: fetchPolicies });
  return (
    <Page
      title={words.policies}
      lead="What the grants of a server may call, how often, and after whose approval."
      actions={
        mayEdit && (
          <ButtonLink to="/policies/new" look="primary">
            {words.newPolicy}
          </ButtonLink>
        )
      }
    >
      {policies.data === undefined && <Loaded query={policies}>{() => null}</Loaded>}
      {policies.data?.length === 0 && (
        <Empty title="No policies yet">Without a policy a grant may call nothing. Begin with a new policy.</Empty>
      )}
      {policies.data && policies.data.length > 0 && (
        <div className={styles['scroll']}>
          <table className={styles['table']}>
            <caption>{words.policies}</caption>
            <thead>
              <tr>
                <th scope="col">{words.name}</th>
                <th scope="col">{words.server}</th>
                <th scope="col">Version</th>
                <th scope="col">Saved</th>
                <th scope="col">Warnings</th>
              </tr>
            </thead>
            <tbody>
              {policies.data.map(({ id, name, serverName, version, updatedAt, warnings }) => (
                <tr key={id}>
                  <th scope="row">
                    <Link to="/policies/$id" params={{ id }}>
                      {name}
                    </Link>
                  </th>
                  <td>{serverName}</td>
                  <td>{version}</td>
                  <td>{timeText(updatedAt)}</td>
                  <td>{warnings.length > 0 ? warnings.length : ''}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Page>
  );
}
