import type { ReactElement } from 'react';
import type { Part } from './text/sentences.js';

/** A sentence whose names and values stand out. Everything in it is text. */
export function SentenceText({ parts }: Readonly<{ parts: readonly Part[] }>): ReactElement {
  return (
    <>{parts.map((part, at) => (part.code ? <code key={at}>{part.text}</code> : <span key={at}>{part.text}</span>))}</>
  );
}
