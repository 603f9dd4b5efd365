import type { ReactElement } from 'react';
import type { PolicyFault } from './requests.js';
import styles from './builder.module.css';

type Props = Readonly<{ errors: readonly PolicyFault[]; warnings: readonly PolicyFault[] }>;

/** What is wrong with a document, each with its place. */
export function Problems({ errors, warnings }: Props): ReactElement | null {
  if (errors.length + warnings.length === 0) return null;
  return (
    <ul className={styles['problems']} aria-label="Errors and warnings">
      {[
        ...errors.map((one) => ({ ...one, kind: 'error' })),
        ...warnings.map((one) => ({ ...one, kind: 'warning' })),
      ].map(({ kind, pointer, code, message }, at) => (
        <li key={`${kind}${at}`} data-kind={kind}>
          <strong>{kind === 'error' ? 'Error' : 'Warning'}</strong> <code>{pointer === '' ? code : pointer}</code>{' '}
          {message}
        </li>
      ))}
    </ul>
  );
}
