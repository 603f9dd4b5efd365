import { useState, type FormEvent, type ReactElement } from 'react';
import { append, counterOf } from './text/policy-edits.js';
import type { Json, JsonObject, JsonPath } from './text/json-tree.js';
import { OPERATORS, operatorText } from './text/sentences.js';
import styles from './builder.module.css';

type Props = Readonly<{
  text: string;
  target: JsonPath;
  argumentNames: readonly string[];
  onChange: (text: string) => void;
  onClose: () => void;
}>;

type Fields = Readonly<Record<string, string>>;

const KINDS = { deny_if: 'Refuse when', require: 'Only when', limits: 'Limit calls to', spend: 'Limit the sum of' };
const SCOPES = ['grant', 'session', 'server', 'identity', 'organization'];
const WINDOWS = ['second', 'minute', 'hour', 'day', 'month'];
const LISTS = ['in', 'not_in'];
const NUMBERS = ['lt', 'lte', 'gt', 'gte', 'length_lte', 'length_gte'];
const TRUTHS: Readonly<Record<string, boolean>> = { true: true, false: false };

const scalarOf = (text: string, isQuoted: boolean): Json => {
  const trimmed = text.trim();
  if (isQuoted) return text;
  if (trimmed in TRUTHS) return TRUTHS[trimmed] ?? text;
  return trimmed !== '' && Number.isFinite(Number(trimmed)) ? Number(trimmed) : text;
};

/** The value that was typed: a number where the operator wants one, a list by commas, `true` and `false` as such. */
function valueOf(operator: string, typed: string, isText: boolean): Json {
  if (operator === 'exists') return typed !== 'false';
  if (LISTS.includes(operator)) return typed.split(',').map((one) => scalarOf(one.trim(), isText));
  if (operator === 'cidr') return typed.includes(',') ? typed.split(',').map((one) => one.trim()) : typed.trim();
  if (NUMBERS.includes(operator) || operator === 'eq' || operator === 'neq') return scalarOf(typed, isText);
  return typed;
}

const pathOf = (typed: string): string =>
  /^(args|identity|request|time|client)\./.test(typed) ? typed : `args.${typed.trim()}`;

type NewRule = Readonly<{ kind: string; rule: JsonObject }>;

function limitOf(fields: Fields, target: JsonPath): JsonObject {
  const { path = '', window = 'minute', scope = 'grant', max, kind } = fields;
  const isSum = kind === 'spend';
  return {
    counter: counterOf(`${String(target.at(-1) ?? 'calls')}${isSum ? `_${path}` : ''}`),
    window,
    max: Number(max),
    scope,
    ...(isSum && { increment_from: pathOf(path) }),
  };
}

function ruleOf(fields: Fields, target: JsonPath): NewRule {
  const { kind = 'deny_if', op = 'eq', path = '', value = '', told } = fields;
  const ending: JsonObject = told ? { on_deny: told } : {};
  if (kind === 'limits' || kind === 'spend') return { kind: 'limits', rule: { ...limitOf(fields, target), ...ending } };
  const judged = valueOf(op, value, fields['isText'] === 'on');
  return { kind, rule: { path: pathOf(path), op, value: judged, ...ending } };
}

/** A form for one more rule, read as a sentence from left to right. */
export function RuleForm({ text, target, argumentNames, onChange, onClose }: Props): ReactElement {
  const [kind, setKind] = useState<string>('deny_if');
  const [operator, setOperator] = useState('eq');
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const fields = Object.fromEntries([...new FormData(event.currentTarget)].map(([key, one]) => [key, String(one)]));
    const { kind: list, rule } = ruleOf(fields, target);
    onChange(append(text, [...target, list], rule));
    onClose();
  };
  return (
    <form className={styles['ruleForm']} onSubmit={submit} aria-label="New rule">
      <select name="kind" aria-label="Kind of rule" value={kind} onChange={({ target: { value } }) => setKind(value)}>
        {Object.entries(KINDS).map(([key, label]) => (
          <option key={key} value={key}>
            {label}
          </option>
        ))}
      </select>
      {kind !== 'limits' && <PathField names={argumentNames} />}
      {kind === 'limits' || kind === 'spend' ? (
        <LimitInputs />
      ) : (
        <ConditionInputs operator={operator} onOperator={setOperator} />
      )}
      <input name="told" aria-label="What the agent reads" placeholder="What the agent reads (optional)" />
      <span>
        <button type="submit">Add</button>
        <button type="button" onClick={onClose}>
          Cancel
        </button>
      </span>
    </form>
  );
}

function PathField({ names }: Readonly<{ names: readonly string[] }>): ReactElement {
  return (
    <>
      <input name="path" aria-label="Argument" placeholder="argument" list="policy-arguments" required />
      <datalist id="policy-arguments">
        {[...names, 'identity.name', 'identity.kind', 'request.ip', 'time.hour', 'time.weekday'].map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
    </>
  );
}

function ConditionInputs(props: Readonly<{ operator: string; onOperator: (operator: string) => void }>): ReactElement {
  const { operator, onOperator } = props;
  return (
    <>
      <select
        name="op"
        aria-label="Comparison"
        value={operator}
        onChange={({ target: { value } }) => onOperator(value)}
      >
        {OPERATORS.map((one) => (
          <option key={one} value={one}>
            {operatorText(one)}
          </option>
        ))}
      </select>
      {operator === 'exists' ? (
        <select name="value" aria-label="Value">
          <option value="true">yes</option>
          <option value="false">no</option>
        </select>
      ) : (
        <input name="value" aria-label="Value" placeholder={LISTS.includes(operator) ? 'a, b, c' : 'value'} required />
      )}
      {(operator === 'eq' || operator === 'neq' || LISTS.includes(operator)) && (
        <label>
          <input type="checkbox" name="isText" /> as text
        </label>
      )}
    </>
  );
}

function LimitInputs(): ReactElement {
  return (
    <>
      <input name="max" aria-label="Most" type="number" min={0} step="any" defaultValue={10} required />
      <select name="window" aria-label="Window" defaultValue="minute">
        {WINDOWS.map((one) => (
          <option key={one} value={one}>
            {`a ${one}`.replace('a hour', 'an hour')}
          </option>
        ))}
      </select>
      <select name="scope" aria-label="Scope" defaultValue="grant">
        {SCOPES.map((one) => (
          <option key={one} value={one}>{`for each ${one}`}</option>
        ))}
      </select>
    </>
  );
}
