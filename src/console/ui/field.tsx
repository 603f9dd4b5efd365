import type { FormEvent, ReactElement, ReactNode } from 'react';
import {
  Checkbox as AriaCheckbox,
  FieldError,
  Form as AriaForm,
  Input,
  Label,
  Radio,
  RadioGroup,
  Text,
  TextArea,
  TextField as AriaTextField,
} from 'react-aria-components';
import { fieldErrors, formMessage } from '../api/problem.js';
import styles from './field.module.css';

type FormProps = Readonly<{
  children: ReactNode;
  /** What the last attempt was refused for. */
  error?: unknown;
  /** The JSON Pointers of the fields: what is wrong elsewhere is said above them. */
  fields?: readonly string[];
  onSubmit: () => void;
  label?: string;
}>;

/** A form. A field shows the API's errors at its JSON Pointer, which is its `name`. */
export function Form({ children, error, fields = [], onSubmit, label }: FormProps): ReactElement {
  const message = formMessage(error, fields);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    onSubmit();
  };
  return (
    <AriaForm
      className={styles['form'] ?? ''}
      validationErrors={fieldErrors(error)}
      onSubmit={submit}
      {...(label !== undefined && { 'aria-label': label })}
    >
      {message !== undefined && (
        <p role="alert" className={styles['message']}>
          {message}
        </p>
      )}
      {children}
    </AriaForm>
  );
}

/** Buttons at the end of a form. */
export function FormActions({ children }: Readonly<{ children: ReactNode }>): ReactElement {
  return <div className={styles['actions']}>{children}</div>;
}

type TextFieldProps = Readonly<{
  label: string;
  value: string;
  onChange: (value: string) => void;
  /** The JSON Pointer of the value in the request's body. */
  name?: string;
  type?: 'text' | 'email' | 'password' | 'url' | 'search' | 'number' | 'datetime-local';
  description?: ReactNode;
  isRequired?: boolean;
  isReadOnly?: boolean;
  autoFocus?: boolean;
  autoComplete?: string;
  placeholder?: string;
  maxLength?: number;
  /** Several lines. */
  isLong?: boolean;
  isCode?: boolean;
  inputMode?: 'numeric' | 'text';
}>;

/** A field for text, with its label, a description, and what is wrong with it. */
export function TextField(props: TextFieldProps): ReactElement {
  const { label, description, isLong, isCode, placeholder, autoComplete = 'off', ...rest } = props;
  const look = [styles['input'], isCode ? styles['code'] : ''].join(' ');
  return (
    <AriaTextField {...rest} autoComplete={autoComplete} className={styles['field'] ?? ''} validationBehavior="native">
      <Label className={styles['label'] ?? ''}>{label}</Label>
      {isLong ? (
        <TextArea className={look} spellCheck={false} placeholder={placeholder} />
      ) : (
        <Input className={look} placeholder={placeholder} />
      )}
      {description !== undefined && (
        <Text slot="description" className={styles['description'] ?? ''}>
          {description}
        </Text>
      )}
      <FieldError className={styles['error'] ?? ''} />
    </AriaTextField>
  );
}

type CheckboxProps = Readonly<{
  children: ReactNode;
  isSelected: boolean;
  onChange: (isSelected: boolean) => void;
  isDisabled?: boolean;
}>;

/** A box to tick, with its label behind it. */
export function Checkbox({ children, ...props }: CheckboxProps): ReactElement {
  return (
    <AriaCheckbox {...props} className={styles['check'] ?? ''}>
      {({ isSelected }) => (
        <>
          <span className={styles['box']} aria-hidden="true">
            {isSelected ? '✓' : ''}
          </span>
          <span>{children}</span>
        </>
      )}
    </AriaCheckbox>
  );
}

export type Choice<Key extends string> = Readonly<{ id: Key; label: string; note?: string }>;

type ChoicesProps<Key extends string> = Readonly<{
  label: string;
  value: Key;
  onChange: (value: Key) => void;
  choices: readonly Choice<Key>[];
}>;

/** A few choices, all of them seen, each with a note. */
export function Choices<Key extends string>({ label, choices, ...props }: ChoicesProps<Key>): ReactElement {
  return (
    <RadioGroup
      className={styles['field'] ?? ''}
      value={props.value}
      onChange={(value) => props.onChange(value as Key)}
    >
      <Label className={styles['label'] ?? ''}>{label}</Label>
      <div className={styles['radios']}>
        {choices.map(({ id, label: name, note }) => (
          <Radio key={id} value={id} className={styles['radio'] ?? ''}>
            <span className={styles['dot']} aria-hidden="true" />
            <span>
              {name}
              {note !== undefined && <span className={styles['optionNote']}>{note}</span>}
            </span>
          </Radio>
        ))}
      </div>
    </RadioGroup>
  );
}
