import type { ReactElement, ReactNode } from 'react';
import {
  Button,
  FieldError,
  Label,
  ListBox,
  ListBoxItem,
  Popover,
  Select as AriaSelect,
  SelectValue,
  Text,
} from 'react-aria-components';
import type { Choice } from './field.js';
import styles from './field.module.css';

type SelectProps<Key extends string> = Readonly<{
  label: string;
  value: Key | undefined;
  onChange: (value: Key) => void;
  choices: readonly Choice<Key>[];
  name?: string;
  description?: ReactNode;
  placeholder?: string;
  isRequired?: boolean;
  isDisabled?: boolean;
}>;

/** One of several, from a list that opens. Typing finds an entry. */
export function Select<Key extends string>(props: SelectProps<Key>): ReactElement {
  const { label, value, onChange, choices, description, placeholder = 'Choose…', ...rest } = props;
  return (
    <AriaSelect
      {...rest}
      className={styles['field'] ?? ''}
      placeholder={placeholder}
      value={value ?? null}
      onChange={(key) => key !== null && onChange(key as Key)}
    >
      <Label className={styles['label'] ?? ''}>{label}</Label>
      <Button className={styles['select'] ?? ''}>
        <SelectValue>{({ selectedText, defaultChildren }) => selectedText || defaultChildren}</SelectValue>
        <span aria-hidden="true" className={styles['chevron']}>
          ▾
        </span>
      </Button>
      {description !== undefined && (
        <Text slot="description" className={styles['description'] ?? ''}>
          {description}
        </Text>
      )}
      <FieldError className={styles['error'] ?? ''} />
      <Popover className={styles['popover'] ?? ''}>
        <ListBox className={styles['options'] ?? ''} items={choices}>
          {({ id, label: name, note }) => (
            <ListBoxItem id={id} textValue={name} className={styles['option'] ?? ''}>
              <Text slot="label">{name}</Text>
              {note !== undefined && (
                <Text slot="description" className={styles['optionNote'] ?? ''}>
                  {note}
                </Text>
              )}
            </ListBoxItem>
          )}
        </ListBox>
      </Popover>
    </AriaSelect>
  );
}
