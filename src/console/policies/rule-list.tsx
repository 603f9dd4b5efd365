import { useState, type ReactElement } from 'react';
import { RuleForm } from './rule-form.js';
import { SentenceText } from './sentence.js';
import { removeRule } from './text/policy-edits.js';
import { sentencesOf } from './text/sentences.js';
import { stepsOf } from './text/positions.js';
import type { JsonObject, JsonPath } from './text/json-tree.js';
import { words } from './words.js';
import styles from './builder.module.css';

type Props = Readonly<{
  /** The entry, or the rules for all tools. */
  value: JsonObject;
  pointer: string;
  /** Where a new rule goes; undefined where none can be added. */
  target: JsonPath | undefined;
  text: string;
  onChange: (text: string) => void;
  argumentNames: readonly string[];
  /** The rule that decided a call that was tried. */
  lit: string | undefined;
  disabled: boolean;
}>;

const pathOf = (pointer: string): JsonPath =>
  stepsOf(pointer).map((step, at, all) => (at === all.length - 1 && /^\d+$/.test(step) ? Number(step) : step));

/** The rules of an entry as sentences, each with a button that removes it, and a form for another. */
export function RuleList({ value, pointer, target, text, onChange, lit, ...rest }: Props): ReactElement {
  const [isAdding, setAdding] = useState(false);
  const sentences = sentencesOf(value, pointer);
  return (
    <div className={styles['rules']}>
      {sentences.length > 0 && (
        <ul>
          {sentences.map((sentence) => (
            <li key={sentence.pointer} data-lit={lit === sentence.pointer || undefined}>
              <span>
                <SentenceText parts={sentence.parts} />
              </span>
              {target !== undefined && (
                <button
                  type="button"
                  className={styles['quiet']}
                  disabled={rest.disabled}
                  onClick={() => onChange(removeRule(text, pathOf(sentence.pointer)))}
                >
                  {words.removeRule}
                </button>
              )}
            </li>
          ))}
        </ul>
      )}
      {target !== undefined && !isAdding && (
        <button type="button" className={styles['quiet']} disabled={rest.disabled} onClick={() => setAdding(true)}>
          {words.addRule}
        </button>
      )}
      {target !== undefined && isAdding && (
        <RuleForm
          text={text}
          target={target}
          argumentNames={rest.argumentNames}
          onChange={onChange}
          onClose={() => setAdding(false)}
        />
      )}
    </div>
  );
}
