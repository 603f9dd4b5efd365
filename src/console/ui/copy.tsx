import { useState, type ReactElement } from 'react';
import { shellText } from '../text/shell.js';
import { Button } from './button.js';
import styles from './copy.module.css';

const SHOWN_MS = 2000;

/** Copies where the browser lets a page do that: plain http has no clipboard beyond this machine. */
const copyText = async (text: string): Promise<void> => {
  if (navigator.clipboard !== undefined) return navigator.clipboard.writeText(text);
  const area = document.createElement('textarea');
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand('copy');
  area.remove();
};

/** A button that copies a text and says so. */
export function CopyButton({ text, of }: Readonly<{ text: string; of: string }>): ReactElement {
  const [isCopied, setCopied] = useState(false);
  const copy = (): void => {
    copyText(text).then(
      () => {
        setCopied(true);
        setTimeout(() => setCopied(false), SHOWN_MS);
      },
      () => undefined,
    );
  };
  return (
    <Button look="quiet" onPress={copy} aria-description={of}>
      {isCopied ? shellText.copied : shellText.copy}
    </Button>
  );
}

/** A text of several lines to copy, with its name above it. */
export function CodeBlock({ name, text }: Readonly<{ name: string; text: string }>): ReactElement {
  return (
    <div className={styles['block']}>
      <div className={styles['bar']}>
        <span>{name}</span>
        <CopyButton text={text} of={name} />
      </div>
      <pre className={styles['text']} tabIndex={0} aria-label={name}>
        {text}
      </pre>
    </div>
  );
}

/** A value of one line to copy. `name` is its accessible name. */
export function CodeLine({ name, text }: Readonly<{ name: string; text: string }>): ReactElement {
  return (
    <div className={styles['line']}>
      <code role="textbox" aria-readonly="true" tabIndex={0} aria-label={name} className={styles['value']}>
        {text}
      </code>
      <CopyButton text={text} of={name} />
    </div>
  );
}
