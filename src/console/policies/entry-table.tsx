import { memo, type ReactElement } from 'react';
import { EffectCell } from './effect-cell.js';
import { RuleList } from './rule-list.js';
import type { Tool } from './requests.js';
import { exactEntry, rowOf, type PolicyModel, type Row, type Section } from './text/policy-model.js';
import { words } from './words.js';
import styles from './builder.module.css';

/** What all rows share. */
export type Editing = Readonly<{
  model: PolicyModel;
  text: string;
  onChange: (text: string) => void;
  /** The place in the document that decided a call that was tried. */
  lit: string | undefined;
  /** The places with errors. */
  faults: readonly string[];
  disabled: boolean;
}>;

type Props = Readonly<{
  caption: string;
  section: Section;
  names: readonly string[];
  tools: ReadonlyMap<string, Tool>;
  editing: Editing;
}>;

/** A table with one row a tool (or pattern, resource, prompt): what it can do, what happens to its calls, its rules. */
export function EntryTable({ caption, section, names, tools, editing }: Props): ReactElement {
  const hasKinds = tools.size > 0;
  return (
    <div className={styles['scroll']}>
      <table className={styles['table']}>
        <caption>{caption}</caption>
        <thead>
          <tr>
            <th scope="col">{words.tool}</th>
            {hasKinds && <th scope="col">{words.kind}</th>}
            <th scope="col">{words.effect}</th>
          </tr>
        </thead>
        <tbody>
          {names.map((name) => (
            <EntryRow
              key={name}
              row={rowOf(editing.model, section, name)}
              tool={tools.get(name)}
              hasKinds={hasKinds}
              editing={editing}
            />
          ))}
        </tbody>
      </table>
    </div>
  );
}

type RowProps = Readonly<{ row: Row; tool: Tool | undefined; hasKinds: boolean; editing: Editing }>;

const EntryRow = memo(function EntryRow({ row, tool, hasKinds, editing }: RowProps): ReactElement {
  const { text, onChange, lit, disabled } = editing;
  const isFaulty = editing.faults.some((fault) => row.entry && fault.startsWith(row.entry.pointer));
  const own = exactEntry(editing.model, row.section, row.name);
  return (
    <tr data-lit={isLit(row, lit) || undefined} data-faulty={isFaulty || undefined} data-effect={row.effect}>
      <th scope="row">{row.name}</th>
      {hasKinds && <td>{tool ? <Kind tool={tool} /> : <span className={styles['aside']}>not on the server</span>}</td>}
      <td>
        <EffectCell row={row} text={text} onChange={onChange} disabled={disabled} />
        <span className={styles['aside']}>{reasonText(row)}</span>
        <RuleList
          value={row.entry?.value ?? {}}
          pointer={row.entry?.pointer ?? ''}
          target={own === undefined ? undefined : [row.section, row.name]}
          argumentNames={argumentNames(tool)}
          {...{ text, onChange, lit, disabled }}
        />
      </td>
    </tr>
  );
});

/** Whether what decided a call that was tried is what decides about a row. */
const isLit = ({ pointer, by }: Row, lit: string | undefined): boolean =>
  lit !== undefined && (lit === pointer || (by !== 'default' && lit.startsWith(`${pointer}/`)));

const reasonText = ({ by, entry }: Row): string => {
  if (by === 'pattern') return words.by.pattern(entry?.name ?? '');
  return words.by[by];
};

const argumentNames = (tool: Tool | undefined): readonly string[] =>
  Object.keys((tool?.inputSchema as { properties?: object } | null | undefined)?.properties ?? {});

function Kind({ tool }: Readonly<{ tool: Tool }>): ReactElement {
  return (
    <div className={styles['kind']}>
      <span data-risk={tool.risk}>{`${tool.category}, ${tool.risk} risk`}</span>
      {tool.evidence.length > 0 && (
        <details>
          <summary>Why</summary>
          <ul>
            {tool.evidence.map((one) => (
              <li key={one}>{one}</li>
            ))}
          </ul>
        </details>
      )}
    </div>
  );
}
