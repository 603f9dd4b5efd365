import { useMutation, useQuery } from '@tanstack/react-query';
import { useState, type ReactElement } from 'react';
import { queryClient } from '../api/query-client.js';
import { useMay } from '../api/session.js';
import { grantText } from '../text/grants.js';
import { Button } from '../ui/button.js';
import { Form, FormActions } from '../ui/field.js';
import { Section } from '../ui/page.js';
import { Select } from '../ui/select.js';
import { tell } from '../ui/toast.js';
import { policiesOfQuery, setPolicy, type Grant } from './requests.js';

const text = grantText.detail;

/** Which policy decides the calls of a grant, for those who may choose another. */
export function GrantPolicy({ grant }: Readonly<{ grant: Grant }>): ReactElement | null {
  const policies = useQuery(policiesOfQuery(grant.serverId));
  const [chosen, setChosen] = useState(grant.policyId ?? undefined);
  const mayChange = useMay('policy_manager');
  const save = useMutation({
    mutationFn: () => setPolicy(grant, chosen ?? ''),
    onSuccess: async () => {
      tell(text.saved);
      await queryClient.invalidateQueries({ queryKey: ['grants'] });
    },
  });
  if (!mayChange || (policies.data?.length ?? 0) < 2) return null;
  return (
    <Section title={text.changePolicy}>
      <Form error={save.error} fields={['/policyId']} onSubmit={() => save.mutate()} label={text.changePolicy}>
        <Select
          label={text.changePolicy}
          name="/policyId"
          value={chosen}
          onChange={setChosen}
          choices={(policies.data ?? []).map(({ id, name }) => ({ id, label: name }))}
        />
        <FormActions>
          <Button type="submit" isDisabled={chosen === grant.policyId} isPending={save.isPending}>
            {text.save}
          </Button>
        </FormActions>
      </Form>
    </Section>
  );
}
