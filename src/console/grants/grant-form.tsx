import { useMutation, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState, type ReactElement } from 'react';
import { queryClient } from '../api/query-client.js';
import { grantText } from '../text/grants.js';
import type { Server } from '../servers/requests.js';
import { Button } from '../ui/button.js';
import { Form, FormActions, TextField } from '../ui/field.js';
import { Select } from '../ui/select.js';
import { createIdentity, issueGrant, policiesOfQuery, type Identity, type IssuedGrant } from './requests.js';

const text = grantText.form;
const NEW = 'new';
const FIELDS = ['/identityId', '/name', '/kind', '/serverId', '/policyId', '/label', '/expiresAt'];
const KINDS = (['agent', 'human', 'service'] as const).map((id) => ({ id, label: grantText.kinds[id] }));

type Draft = Readonly<{
  identityId: string | undefined;
  name: string;
  kind: Identity['kind'];
  serverId: string;
  policyId: string | undefined;
  label: string;
  expires: string;
}>;

const issue = async (draft: Draft, policyId: string | undefined): Promise<IssuedGrant> => {
  const identityId =
    draft.identityId === NEW ? (await createIdentity(draft.name.trim(), draft.kind)).id : draft.identityId;
  return issueGrant({
    identityId: identityId ?? '',
    serverId: draft.serverId,
    ...(policyId !== undefined && { policyId }),
    ...(draft.label.trim() !== '' && { label: draft.label.trim() }),
    ...(draft.expires !== '' && { expiresAt: new Date(draft.expires).toISOString() }),
  });
};

type Props = Readonly<{
  servers: readonly Server[];
  identities: readonly Identity[];
  serverId?: string | undefined;
  policyId?: string | undefined;
  onIssued: (grant: IssuedGrant) => void;
}>;

/** Gives an identity, an existing or a new one, access to a server by a policy. */
export function GrantForm({ servers, identities, onIssued, ...wanted }: Props): ReactElement {
  const [draft, setDraft] = useState<Draft>({
    identityId: identities.length === 0 ? NEW : undefined,
    name: '',
    kind: 'agent',
    serverId: wanted.serverId ?? servers[0]?.id ?? '',
    policyId: wanted.policyId,
    label: '',
    expires: '',
  });
  const change = (part: Partial<Draft>): void => setDraft((before) => ({ ...before, ...part }));
  const policies = useQuery(policiesOfQuery(draft.serverId));
  const found = policies.data ?? [];
  const policyId = draft.policyId ?? (found.length === 1 ? found[0]?.id : undefined);
  const send = useMutation({
    mutationFn: () => issue(draft, policyId),
    onSuccess: async (grant) => {
      onIssued(grant);
      await queryClient.invalidateQueries({ queryKey: ['grants'] });
      await queryClient.invalidateQueries({ queryKey: ['identities'] });
    },
  });
  return (
    <Form error={send.error} fields={FIELDS} onSubmit={() => send.mutate()}>
      <IdentityFields draft={draft} change={change} identities={identities} />
      {servers.length > 1 && (
        <Select
          label={text.server}
          name="/serverId"
          value={draft.serverId}
          onChange={(serverId) => change({ serverId, policyId: undefined })}
          choices={servers.map(({ id, name }) => ({ id, label: name }))}
        />
      )}
      <Select
        label={text.policy}
        name="/policyId"
        value={policyId}
        onChange={(chosen) => change({ policyId: chosen })}
        choices={found.map(({ id, name }) => ({ id, label: name }))}
        isRequired={found.length > 0}
        description={policies.data?.length === 0 ? <NoPolicies /> : undefined}
      />
      <TextField
        label={text.label}
        name="/label"
        description={text.labelRule}
        value={draft.label}
        onChange={(label) => change({ label })}
      />
      <TextField
        label={text.expires}
        name="/expiresAt"
        type="datetime-local"
        description={text.expiresRule}
        value={draft.expires}
        onChange={(expires) => change({ expires })}
      />
      <FormActions>
        <Button look="primary" type="submit" isPending={send.isPending}>
          {text.action}
        </Button>
      </FormActions>
    </Form>
  );
}

function NoPolicies(): ReactElement {
  return (
    <>
      {text.noPolicies} <Link to={'/policies/new' as string}>{text.makePolicy}</Link>
    </>
  );
}

type IdentityProps = Readonly<{
  draft: Draft;
  change: (part: Partial<Draft>) => void;
  identities: readonly Identity[];
}>;

function IdentityFields({ draft, change, identities }: IdentityProps): ReactElement {
  return (
    <>
      <Select
        label={text.identity}
        name="/identityId"
        value={draft.identityId}
        onChange={(identityId) => change({ identityId })}
        choices={[...identities.map(({ id, name }) => ({ id, label: name })), { id: NEW, label: text.newIdentity }]}
        isRequired
      />
      {draft.identityId === NEW && (
        <>
          <TextField
            label={text.identityName}
            name="/name"
            description={text.identityNameRule}
            value={draft.name}
            onChange={(name) => change({ name })}
            isRequired
          />
          <Select
            label={text.kind}
            name="/kind"
            value={draft.kind}
            onChange={(kind) => change({ kind })}
            choices={KINDS}
          />
        </>
      )}
    </>
  );
}
