import { useQuery } from '@tanstack/react-query';
import { useState, type ReactElement } from 'react';
import { Builder } from './builder.js';
import { baseOf } from './conflict.js';
import { fetchPolicy, type Policy } from './requests.js';
import { useDraft } from './use-draft.js';
import { words } from './words.js';
import { Page } from '../ui/page.js';
import { Loaded } from '../ui/states.js';

const LOOK_INTERVAL_MS = 15_000;

/** One policy, opened for reading or editing. It looks every 15 s whether somebody else saved a version. */
export function PolicyPage({ id, mayEdit }: Readonly<{ id: string; mayEdit: boolean }>): ReactElement {
  const policy = useQuery({
    queryKey: ['policy', id],
    queryFn: () => fetchPolicy(id),
    refetchInterval: LOOK_INTERVAL_MS,
  });
  return <Loaded query={policy}>{(data) => <Opened key={id} policy={data} mayEdit={mayEdit} />}</Loaded>;
}

function Opened({ policy, mayEdit }: Readonly<{ policy: Policy; mayEdit: boolean }>): ReactElement {
  // The draft begins once; later versions arrive as `policy` beside it.
  const [first] = useState(() => baseOf(policy));
  const draft = useDraft(first, { name: '', text: '' });
  return (
    <Page
      title={policy.name}
      lead={`Version ${policy.version} for ${policy.serverName}. ${mayEdit ? '' : words.readOnly}`}
      back={{ to: '/policies', label: words.policies }}
    >
      <Builder draft={draft} serverId={policy.serverId} newest={policy} mayEdit={mayEdit} onSaved={() => undefined} />
    </Page>
  );
}
