import { useMutation, useQueryClient } from '@tanstack/react-query';
import type { ReactElement } from 'react';
import { baseOf } from './conflict.js';
import { Refusal } from '../api/problem.js';
import { createPolicy, replacePolicy, type Policy } from './requests.js';
import type { Draft } from './use-draft.js';
import { words } from './words.js';
import styles from './builder.module.css';

type Props = Readonly<{
  draft: Draft;
  serverId: string;
  mayEdit: boolean;
  isBehind: boolean;
  onSaved: (policy: Policy) => void;
  onConflict: () => void;
}>;

const STALE = 412;

const save = ({ base, name, text }: Draft, serverId: string): Promise<Policy> =>
  base === undefined
    ? createPolicy(serverId, name, text)
    : replacePolicy(base.id, base.version, { name, source: text });

/** The name of the policy, and the button that saves it. A save that somebody else overtook is told, not made. */
export function SaveBar({ draft, serverId, mayEdit, isBehind, onSaved, onConflict }: Props): ReactElement {
  const client = useQueryClient();
  const saving = useMutation({
    mutationFn: () => save(draft, serverId),
    onSuccess: async (policy) => {
      draft.saved(baseOf(policy));
      client.setQueryData(['policy', policy.id], policy);
      await client.invalidateQueries({ queryKey: ['policies'] });
      onSaved(policy);
    },
    onError: async (error) => {
      if (!(error instanceof Refusal) || error.status !== STALE) return;
      await client.invalidateQueries({ queryKey: ['policy', draft.base?.id] });
      onConflict();
    },
  });
  const isStale = saving.error instanceof Refusal && saving.error.status === STALE;
  return (
    <div className={styles['saveBar']}>
      <label>
        {words.name}
        <input
          value={draft.name}
          maxLength={200}
          disabled={!mayEdit}
          onChange={({ target }) => draft.setName(target.value)}
        />
      </label>
      <button
        type="button"
        className={styles['primary']}
        disabled={!mayEdit || saving.isPending || !draft.isChanged || isBehind || draft.name === ''}
        onClick={() => saving.mutate()}
      >
        {words.savePolicy}
      </button>
      <p role="status">{statusText(draft, saving, isStale)}</p>
    </div>
  );
}

type Saving = Readonly<{ isPending: boolean; error: Error | null; data: Policy | undefined }>;

const statusText = (draft: Draft, { isPending, error, data }: Saving, isStale: boolean): string => {
  if (isPending) return words.saving;
  if (isStale) return 'Somebody else saved this policy first. Nothing of yours was saved yet, and nothing is lost.';
  if (error) return error.message;
  if (data && !draft.isChanged) return words.saved(data.version);
  return draft.isChanged ? words.unsaved : words.noChanges;
};
