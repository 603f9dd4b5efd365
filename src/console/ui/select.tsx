import { useContext, useId, type ReactElement, type ReactNode } from 'react';
import { FormValidationContext } from 'react-aria-components';
import type { Choice } from './field.js';
import styles from './field.module.css';

type SelectProps<Key extends string> = Readonly<{
  label: string;
  value: Key | undefined;
  onChange: (value: Key) => void;
  choices: readonly Choice<Key>[];
  /** The JSON Pointer of the value in the request's body. */
  name?: string;
  description?: ReactNode;
  placeholder?: string;
  isRequired?: boolean;
  isDisabled?: boolean;
  /** Where a table's column names it already. */
  isLabelHidden?: boolean;
}>;

const errorsAt = (errors: Readonly<Record<string, string | string[]>>, name: string | undefined): string =>
  name === undefined ? '' : [errors[name] ?? []].flat().join(' ');

/** One of several: the list of the browser, which every keyboard, phone and screen reader knows. */
export function Select<Key extends string>(props: SelectProps<Key>): ReactElement {
  const { label, value, onChange, choices, name, description, placeholder = 'Choose…' } = props;
  const { isRequired = false, isDisabled = false, isLabelHidden = false } = props;
  const id = useId();
  const error = errorsAt(useContext(FormValidationContext), name);
  return (
    <div className={styles['field']}>
      {!isLabelHidden && (
        <label className={styles['label']} htmlFor={id}>
          {label}
        </label>
      )}
      <select
        id={id}
        {...(isLabelHidden && { 'aria-label': label })}
        name={name}
        className={styles['select']}
        value={value ?? ''}
        required={isRequired}
        disabled={isDisabled}
        aria-describedby={`${id}-about`}
        aria-invalid={error !== ''}
        onChange={({ target }) => onChange(target.value as Key)}
      >
        {value === undefined && (
          <option value="" disabled>
            {placeholder}
          </option>
        )}
        {choices.map((choice) => (
          <option key={choice.id} value={choice.id}>
            {choice.label}
          </option>
        ))}
      </select>
      <span id={`${id}-about`} className={error === '' ? styles['description'] : styles['error']}>
        {error === '' ? description : error}
      </span>
    </div>
  );
}
