import { useState, type FormEvent, type ReactElement } from 'react';
import { EntryTable, type Editing } from './entry-table.js';
import type { Tool } from './requests.js';
import { RuleList } from './rule-list.js';
import { isJsonObject, memberOf } from './text/json-tree.js';
import { append, removeRule, setEffect, setMember } from './text/policy-edits.js';
import { namesBeyond, SECTIONS, type Section } from './text/policy-model.js';
import styles from './builder.module.css';

type Props = Readonly<{ editing: Editing; known: ReadonlySet<string> }>;

const NONE: ReadonlyMap<string, Tool> = new Map();

/** What holds for what no rule is about, and whether the policy decides. */
export function Defaults({ editing }: Readonly<{ editing: Editing }>): ReactElement {
  const { model, text, onChange, disabled } = editing;
  return (
    <section className={styles['defaults']} aria-label="Defaults">
      <label>
        Tools without a rule
        <select
          value={model.fallback}
          disabled={disabled}
          onChange={({ target }) => onChange(setMember(text, 'default', target.value))}
        >
          <option value="deny">are hidden and refused</option>
          <option value="allow">are allowed</option>
        </select>
      </label>
      <label>
        Mode
        <select
          value={model.mode}
          disabled={disabled}
          onChange={({ target }) => onChange(setMember(text, 'mode', target.value, 'enforce'))}
        >
          <option value="enforce">Enforce</option>
          <option value="monitor">Monitor: forward all, record what enforcing would do</option>
        </select>
      </label>
    </section>
  );
}

/** What holds for every tool: checks, rules and hidden names. */
export function DocumentSettings({ editing }: Readonly<{ editing: Editing }>): ReactElement {
  const { model, text, onChange, lit, disabled } = editing;
  const forAll = memberOf(model.value, 'all_tools');
  return (
    <section className={styles['settings']} aria-label="The whole policy">
      <h2>Rules for every tool</h2>
      <Choice
        editing={editing}
        member="check_arguments"
        usual={false}
        label="Check arguments against each tool's schema"
      />
      <Choice editing={editing} member="pin_tools" usual={true} label="Hold a tool whose definition changed" />
      <RuleList
        value={isJsonObject(forAll) ? forAll : {}}
        pointer="/all_tools"
        target={['all_tools']}
        argumentNames={[]}
        {...{ text, onChange, lit, disabled }}
      />
      <Hidden editing={editing} />
    </section>
  );
}

type ChoiceProps = Readonly<{ editing: Editing; member: string; usual: boolean; label: string }>;

function Choice({ editing: { model, text, onChange, disabled }, member, usual, label }: ChoiceProps): ReactElement {
  const value = memberOf(model.value, member);
  return (
    <label className={styles['choice']}>
      <input
        type="checkbox"
        disabled={disabled}
        checked={typeof value === 'boolean' ? value : usual}
        onChange={({ target }) => onChange(setMember(text, member, target.checked, usual))}
      />
      {label}
    </label>
  );
}

function Hidden({ editing: { model, text, onChange, disabled } }: Readonly<{ editing: Editing }>): ReactElement {
  return (
    <>
      <h2>Hidden names and patterns</h2>
      {model.hide.length > 0 && (
        <ul className={styles['chips']}>
          {model.hide.map((name, at) => (
            <li key={`${at}${name}`}>
              <code>{name}</code>
              <button
                type="button"
                className={styles['quiet']}
                disabled={disabled}
                aria-label={`Stop hiding ${name}`}
                onClick={() => onChange(removeRule(text, ['hide', at]))}
              >
                ×
              </button>
            </li>
          ))}
        </ul>
      )}
      <NameForm
        label="Hide"
        example="delete_*"
        disabled={disabled}
        onName={(name) => onChange(append(text, ['hide'], name))}
      />
    </>
  );
}

const TITLES: Readonly<Record<Section, string>> = {
  tools: 'Patterns and other tools',
  resources: 'Resources',
  prompts: 'Prompts',
};

const ADDING: Readonly<Record<Section, Readonly<{ label: string; example: string }>>> = {
  tools: { label: 'Add a pattern', example: 'list_*' },
  resources: { label: 'Add a resource', example: 'file:///srv/docs/*' },
  prompts: { label: 'Add a prompt', example: 'summarize_*' },
};

/** Entries for what the server's list of tools does not name: patterns, resources, prompts. */
export function OtherEntries({ editing, known }: Props): ReactElement {
  const { model, text, onChange, disabled } = editing;
  return (
    <>
      {SECTIONS.map((section) => {
        const names = namesBeyond(model, section, section === 'tools' ? known : new Set());
        return (
          <section key={section} className={styles['others']}>
            {names.length > 0 && (
              <EntryTable caption={TITLES[section]} section={section} names={names} tools={NONE} editing={editing} />
            )}
            <NameForm
              {...ADDING[section]}
              disabled={disabled}
              onName={(name) => onChange(addEntry(text, section, name))}
            />
          </section>
        );
      })}
    </>
  );
}

/** A new entry allows; a name that is there stays as it is. */
const addEntry = (text: string, section: Section, name: string): string => setEffect(text, { section, name }, 'Allow');

type NameProps = Readonly<{ label: string; example: string; disabled: boolean; onName: (name: string) => void }>;

function NameForm({ label, example, disabled, onName }: NameProps): ReactElement {
  const [name, setName] = useState('');
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (name !== '') onName(name);
    setName('');
  };
  return (
    <form className={styles['nameForm']} onSubmit={submit}>
      <input
        aria-label={`${label}: name or pattern`}
        placeholder={example}
        value={name}
        disabled={disabled}
        onChange={({ target }) => setName(target.value)}
      />
      <button type="submit" disabled={disabled}>
        {label}
      </button>
    </form>
  );
}
