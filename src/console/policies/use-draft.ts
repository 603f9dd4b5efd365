import { useMemo, useState } from 'react';
import { readPolicy, type ReadPolicy } from './text/policy-model.js';

/** A policy that is being edited. The text is the one document: the table and the editor both show it. */
export type Draft = Readonly<{
  text: string;
  name: string;
  read: ReadPolicy;
  /** The version that the edit began from; undefined for a policy that nobody saved yet. */
  base: Base | undefined;
  isChanged: boolean;
  setText: (text: string) => void;
  setName: (name: string) => void;
  /** Goes on from a version that was saved; `text` is what is shown then, the version's own unless told. */
  rebase: (base: Base, text?: string) => void;
  /** Goes on from a version that was just saved. What was typed since stays. */
  saved: (base: Base) => void;
}>;

export type Base = Readonly<{ id: string; version: number; name: string; source: string }>;

/** The draft of a policy: of a stored one, or of a new one that begins with a text. */
export function useDraft(initial: Base | undefined, begin: Readonly<{ name: string; text: string }>): Draft {
  const [base, setBase] = useState(initial);
  const [text, setText] = useState(initial?.source ?? begin.text);
  const [name, setName] = useState(initial?.name ?? begin.name);
  const read = useMemo(() => readPolicy(text), [text]);
  return {
    text,
    name,
    read,
    base,
    isChanged: base === undefined || text !== base.source || name !== base.name,
    setText,
    setName,
    rebase: (next, shown) => {
      setBase(next);
      setName(next.name);
      setText(shown ?? next.source);
    },
    saved: setBase,
  };
}
