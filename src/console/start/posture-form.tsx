import { queryOptions, useMutation, useQuery } from '@tanstack/react-query';
import { useState, type ReactElement } from 'react';
import { api } from '../api/client.js';
import { dataOf } from '../api/problem.js';
import { queryClient } from '../api/query-client.js';
import type { components } from '../api/schema.js';
import { startText } from '../text/start.js';
import { Button } from '../ui/button.js';
import { Choices, Form, FormActions } from '../ui/field.js';
import { Loaded } from '../ui/states.js';
import styles from './start-page.module.css';

type Posture = components['schemas']['RecommendPolicy']['posture'];
type Policy = components['schemas']['PolicyView'];

const text = startText.posture;
const CHOICES: readonly Readonly<{ id: Posture; label: string; note: string }>[] = [
  { id: 'read-only', ...text.readOnly },
  { id: 'balanced', ...text.balanced },
  { id: 'open', ...text.open },
];

const recommendedQuery = (serverId: string, posture: Posture) =>
  queryOptions({
    queryKey: ['servers', serverId, 'recommended', posture],
    queryFn: async () =>
      dataOf(
        await api.POST('/v1/servers/{id}/policies/recommended', {
          params: { path: { id: serverId } },
          body: { posture },
        }),
      ),
  });

type Props = Readonly<{ serverId: string; onSaved: (policy: Policy) => void }>;

/** Three recommended policies for a server, each with what it comes to in words. */
export function PostureForm({ serverId, onSaved }: Props): ReactElement {
  const [posture, setPosture] = useState<Posture>('balanced');
  const recommended = useQuery(recommendedQuery(serverId, posture));
  const save = useMutation({
    mutationFn: async () => {
      const { document } = await queryClient.ensureQueryData(recommendedQuery(serverId, posture));
      const body = { name: text.name(posture), source: JSON.stringify(document, undefined, 2) };
      return dataOf(await api.POST('/v1/servers/{id}/policies', { params: { path: { id: serverId } }, body }));
    },
    onSuccess: async (policy) => {
      onSaved(policy);
      await queryClient.invalidateQueries({ queryKey: ['policies'] });
    },
  });
  return (
    <Form error={save.error} onSubmit={() => save.mutate()}>
      <Choices label={text.label} value={posture} onChange={setPosture} choices={CHOICES} />
      <div aria-live="polite">
        <h3>{text.explanation}</h3>
        <Loaded query={recommended}>{({ explanation }) => <p className={styles['summary']}>{explanation}</p>}</Loaded>
      </div>
      <p className={styles['summary']}>{text.edit}</p>
      <FormActions>
        <Button look="primary" type="submit" isPending={save.isPending}>
          {text.action}
        </Button>
      </FormActions>
    </Form>
  );
}
