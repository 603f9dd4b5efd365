import { useQuery } from '@tanstack/react-query';
import { useState, type ReactElement } from 'react';
import { Difference } from './difference.js';
import { fetchVersions } from './requests.js';
import type { Draft } from './use-draft.js';
import { timeText } from './words.js';
import styles from './builder.module.css';

/** All versions of a policy, the newest first, what each changed, and a button that puts its text into the editor. */
export function History({ draft }: Readonly<{ draft: Draft }>): ReactElement {
  const id = draft.base?.id ?? '';
  const versions = useQuery({
    queryKey: ['policy-versions', id, draft.base?.version],
    queryFn: () => fetchVersions(id),
    enabled: id !== '',
  });
  const [open, setOpen] = useState<number>();
  if (id === '') return <p className={styles['panel']}>Versions begin with the first save.</p>;
  if (versions.error) return <p role="alert">{versions.error.message}</p>;
  const list = versions.data ?? [];
  return (
    <ol className={styles['history']} aria-label="Versions" aria-busy={versions.isPending}>
      {list.toReversed().map(({ version, name, source, publishedAt, publishedBy }) => (
        <li key={version}>
          <p>
            <strong>Version {version}</strong> {name}, {timeText(publishedAt)}, by{' '}
            {publishedBy.name ?? publishedBy.type}
          </p>
          <button
            type="button"
            className={styles['quiet']}
            aria-expanded={open === version}
            onClick={() => setOpen(open === version ? undefined : version)}
          >
            What it changed
          </button>
          <button type="button" className={styles['quiet']} onClick={() => draft.setText(source)}>
            Restore
          </button>
          {open === version && (
            <Difference before={list.find((one) => one.version === version - 1)?.source ?? ''} after={source} />
          )}
        </li>
      ))}
    </ol>
  );
}
