import { useQuery } from '@tanstack/react-query';
import { lazy, Suspense, useDeferredValue, useMemo, useState, type ReactElement } from 'react';
import { Conflict } from './conflict.js';
import { EntryTable, type Editing } from './entry-table.js';
import type { Mark } from './json-editor.js';
import { Problems } from './problems.js';
import { fetchTools, validate, type Policy, type PolicyFault, type Tool, type Validation } from './requests.js';
import { SaveBar } from './save-bar.js';
import { Defaults, DocumentSettings, OtherEntries } from './settings.js';
import { SidePanel } from './side-panel.js';
import { rangeOf, type Range } from './text/positions.js';
import type { ReadPolicy } from './text/policy-model.js';
import type { Draft } from './use-draft.js';
import { words } from './words.js';
import plain from '../ui/plain.module.css';
import styles from './builder.module.css';

const JsonEditor = lazy(async () => ({ default: (await import('./json-editor.js')).JsonEditor }));

type Props = Readonly<{
  draft: Draft;
  serverId: string;
  /** The policy's newest version, when somebody else may have saved one since the draft began. */
  newest: Policy | undefined;
  mayEdit: boolean;
  onSaved: (policy: Policy) => void;
}>;

const NO_TOOLS: readonly Tool[] = [];
const NO_FAULTS: readonly PolicyFault[] = [];

/** The errors and warnings of a text as marks in it. */
function marksOf(read: ReadPolicy, errors: readonly PolicyFault[], warnings: readonly PolicyFault[]): readonly Mark[] {
  if (!read.ok) {
    const { offset, length, message } = read.fault;
    return [{ range: { from: offset, to: offset + length }, severity: 'error', message }];
  }
  const mark = (severity: Mark['severity']) => (fault: PolicyFault) => ({
    range: rangeOf(read.model.root, fault.pointer),
    severity,
    message: fault.message,
  });
  return [...errors.map(mark('error')), ...warnings.map(mark('warning'))];
}

/** The version that somebody else saved since a draft began. */
const laterThan = ({ base }: Draft, newest: Policy | undefined): Policy | undefined =>
  newest !== undefined && base !== undefined && newest.version > base.version ? newest : undefined;

const rangeIn = (read: ReadPolicy, lit: string | undefined): Range | undefined =>
  lit !== undefined && read.ok ? rangeOf(read.model.root, lit) : undefined;

/** The policy builder: one document, as a table and as JSON, both editable, always the same. */
export function Builder({ draft, serverId, newest, mayEdit, onSaved }: Props): ReactElement {
  const [lit, setLit] = useState<string>();
  const [isResolving, setResolving] = useState(false);
  const tools = useQuery({ queryKey: ['tools', serverId], queryFn: () => fetchTools(serverId) });
  const checked = useDeferredValue(draft.text);
  const check = useQuery({
    queryKey: ['policy-check', serverId, checked],
    queryFn: () => validate(serverId, checked),
    placeholderData: (before: Validation | undefined) => before,
    enabled: mayEdit,
    gcTime: 0,
  });
  const { errors, warnings } = check.data ?? { errors: NO_FAULTS, warnings: NO_FAULTS };
  const marks = useMemo(() => marksOf(draft.read, errors, warnings), [draft.read, errors, warnings]);
  const change = (text: string): void => {
    setLit(undefined);
    draft.setText(text);
  };
  const range = useMemo(() => rangeIn(draft.read, lit), [draft.read, lit]);
  const later = laterThan(draft, newest);
  const editing = { text: draft.text, onChange: change, lit, faults: errors.map(({ pointer }) => pointer) };
  return (
    <div className={`${styles['page']} ${plain['plain']}`}>
      <SaveBar
        {...{ draft, serverId, mayEdit, onSaved }}
        isBehind={later !== undefined}
        onConflict={() => setResolving(true)}
      />
      {later && (isResolving || draft.isChanged) && (
        <Conflict draft={draft} theirs={later} onDone={() => setResolving(false)} />
      )}
      <div className={styles['builder']}>
        <Visual draft={draft} tools={tools.data ?? NO_TOOLS} editing={{ ...editing, disabled: !mayEdit }} />
        <div className={styles['beside']}>
          <Suspense fallback={<pre className={styles['editor']}>{draft.text}</pre>}>
            <JsonEditor text={draft.text} onChange={change} marks={marks} lit={range} disabled={!mayEdit} />
          </Suspense>
          <Problems errors={draft.read.ok ? errors : NO_FAULTS} warnings={warnings} />
          <SidePanel draft={draft} serverId={serverId} tools={tools.data ?? NO_TOOLS} onLit={setLit} />
        </div>
      </div>
    </div>
  );
}

type VisualProps = Readonly<{ draft: Draft; tools: readonly Tool[]; editing: Omit<Editing, 'model'> }>;

function Visual({ draft, tools, editing }: VisualProps): ReactElement {
  const byName = useMemo(() => new Map(tools.map((tool) => [tool.name, tool])), [tools]);
  const known = useMemo(() => new Set(byName.keys()), [byName]);
  if (!draft.read.ok)
    return (
      <p role="alert" className={styles['fault']}>
        {words.fault} {draft.read.fault.message}
      </p>
    );
  const all = { ...editing, model: draft.read.model };
  return (
    <div className={styles['visual']}>
      <Defaults editing={all} />
      <EntryTable caption="Tools" section="tools" names={[...known]} tools={byName} editing={all} />
      <OtherEntries editing={all} known={known} />
      <DocumentSettings editing={all} />
    </div>
  );
}
