import { useId, type ReactElement } from 'react';
import { memberOf, type Json } from './text/json-tree.js';
import { firstLimit, setEffect, setLimit, type Subject } from './text/policy-edits.js';
import { EFFECTS, type Row } from './text/policy-model.js';
import { limitParts, plainText, windowText } from './text/sentences.js';
import { words } from './words.js';
import styles from './builder.module.css';

type Props = Readonly<{ row: Row; text: string; onChange: (text: string) => void; disabled: boolean }>;

const WINDOWS = ['second', 'minute', 'hour', 'day', 'month'];

/** What happens to calls of one thing: a choice of five, and the numbers of its limit. */
export function EffectCell({ row, text, onChange, disabled }: Props): ReactElement {
  const group = useId();
  const subject = { section: row.section, name: row.name };
  const isFixed = disabled || row.by === 'hidePattern';
  return (
    <>
      <div role="radiogroup" aria-label={words.effect} className={styles['effects']}>
        {EFFECTS.map((effect) => (
          <label key={effect} className={styles['effect']} data-effect={effect}>
            <input
              type="radio"
              name={group}
              value={effect}
              checked={row.effect === effect}
              disabled={isFixed}
              onChange={() => onChange(setEffect(text, subject, effect))}
            />
            <span>{effect}</span>
          </label>
        ))}
      </div>
      {row.effect === 'Limit' && <LimitFields {...{ subject, row, text, onChange, disabled }} />}
    </>
  );
}

type LimitProps = Omit<Props, 'row'> & Readonly<{ subject: Subject; row: Row }>;

function LimitFields({ subject, row, text, onChange, disabled }: LimitProps): ReactElement {
  const id = useId();
  // A limit that a pattern sets is shown; changing it gives the tool an entry of its own.
  const limit = firstLimit(text, subject)?.limit ?? limitOf(row);
  const [max, window] = [memberOf(limit, 'max'), memberOf(limit, 'window')];
  const isNamed = WINDOWS.includes(windowText(window));
  return (
    <div className={styles['limit']}>
      <label htmlFor={`${id}m`}>{words.atMost}</label>
      <input
        id={`${id}m`}
        type="number"
        min={0}
        step="any"
        disabled={disabled}
        value={typeof max === 'number' ? max : ''}
        onChange={({ target }) =>
          Number.isFinite(target.valueAsNumber) && onChange(setLimit(text, subject, { max: target.valueAsNumber }))
        }
      />
      <label htmlFor={`${id}p`}>{words.per}</label>
      <select
        id={`${id}p`}
        disabled={disabled}
        value={isNamed ? windowText(window) : String(window)}
        onChange={({ target }) => onChange(setLimit(text, subject, { window: target.value }))}
      >
        {!isNamed && <option value={String(window)}>{windowText(window)}</option>}
        {WINDOWS.map((one) => (
          <option key={one}>{one}</option>
        ))}
      </select>
      <span className={styles['aside']}>{limit !== undefined && asideOf(limit)}</span>
    </div>
  );
}

const limitOf = ({ entry }: Row): Json | undefined => {
  const limits = memberOf(entry?.value, 'limits');
  return Array.isArray(limits) ? (limits[0] as Json | undefined) : memberOf(entry?.value, 'rate_limit');
};

/** What the two fields leave out of the sentence: "of `amount`", "per identity". */
const asideOf = (limit: Json): string => {
  const scope = memberOf(limit, 'scope');
  const spent = memberOf(limit, 'increment_from');
  if (typeof spent === 'string') return plainText(limitParts(limit));
  return typeof scope === 'string' ? `for each ${scope}` : 'for each grant';
};
