import { useQuery } from '@tanstack/react-query';
import { useMemo, type ReactElement } from 'react';
import { Difference } from './difference.js';
import { fetchVersions, type Policy } from './requests.js';
import { mergePolicies } from './text/merge-policies.js';
import type { Base, Draft } from './use-draft.js';
import styles from './builder.module.css';

type Props = Readonly<{ draft: Draft; theirs: Policy; onDone: () => void }>;

/** What an edit begins from, of a stored policy. */
export const baseOf = ({ id, version, name, source }: Policy): Base => ({ id, version, name, source });

/**
 * Somebody else saved a version while this one was edited. Both are shown; nothing is lost whatever is chosen, since
 * their version stays in the history and the own text in the editor.
 */
export function Conflict({ draft, theirs, onDone }: Props): ReactElement {
  const before = draft.base?.source ?? '';
  const merged = useMemo(() => mergePolicies(before, draft.text, theirs.source), [before, draft.text, theirs.source]);
  const versions = useQuery({
    queryKey: ['policy-versions', theirs.id, theirs.version],
    queryFn: () => fetchVersions(theirs.id),
  });
  const by = versions.data?.find(({ version }) => version === theirs.version)?.publishedBy.name;
  const goOn = (text: string): void => {
    draft.rebase(baseOf(theirs), text);
    onDone();
  };
  return (
    <section role="alert" className={styles['conflict']} aria-label="Somebody else saved this policy">
      <h2>
        {by ?? 'Somebody else'} saved version {theirs.version} while you edited version {draft.base?.version}.
      </h2>
      <p>Nothing is lost: that version is in the history, and your text is still here.</p>
      <div className={styles['both']}>
        <div>
          <h3>What version {theirs.version} changed</h3>
          <Difference before={before} after={theirs.source} />
        </div>
        <div>
          <h3>What you changed</h3>
          <Difference before={before} after={draft.text} />
        </div>
      </div>
      {merged.clashes.length > 0 && (
        <p>
          You both changed <code>{merged.clashes.join(', ')}</code>: there, putting both together keeps theirs.
        </p>
      )}
      <p className={styles['actions']}>
        <button type="button" onClick={() => goOn(merged.text)}>
          Put both together
        </button>
        <button type="button" onClick={() => goOn(draft.text)}>
          Go on with mine
        </button>
        <button type="button" onClick={() => goOn(theirs.source)}>
          Take theirs
        </button>
      </p>
      <p>Then save: your version comes after theirs.</p>
    </section>
  );
}
