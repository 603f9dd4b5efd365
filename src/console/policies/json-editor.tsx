import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { json } from '@codemirror/lang-json';
import { bracketMatching, indentUnit } from '@codemirror/language';
import { lintGutter, setDiagnostics, type Diagnostic } from '@codemirror/lint';
import { EditorState, RangeSetBuilder, StateEffect, StateField } from '@codemirror/state';
import {
  Decoration,
  drawSelection,
  EditorView,
  highlightActiveLine,
  keymap,
  lineNumbers,
  type DecorationSet,
} from '@codemirror/view';
import { useEffect, useRef, type ReactElement } from 'react';
import type { Range } from './text/positions.js';
import styles from './builder.module.css';

export type Mark = Readonly<{ range: Range; severity: 'error' | 'warning'; message: string }>;

type Props = Readonly<{
  text: string;
  onChange: (text: string) => void;
  marks: readonly Mark[];
  lit: Range | undefined;
  disabled: boolean;
}>;

const setLit = StateEffect.define<Range | undefined>();

const litField = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(lit, transaction) {
    const effect = transaction.effects.find((one) => one.is(setLit));
    if (effect === undefined) return lit.map(transaction.changes);
    const builder = new RangeSetBuilder<Decoration>();
    const { from, to } = (effect.value as Range | undefined) ?? { from: 0, to: 0 };
    const end = Math.min(to, transaction.newDoc.length);
    if (from < end) builder.add(from, end, Decoration.mark({ class: 'policy-lit' }));
    return builder.finish();
  },
  provide: (field) => EditorView.decorations.from(field),
});

const nonce = (): string => document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? '';

/** A place of the text in the editor, which counts a line break as one character. */
const placeIn = (state: EditorState, { from, to }: Range): Range => {
  if (state.lineBreak === '\n') return { from: Math.min(from, state.doc.length), to: Math.min(to, state.doc.length) };
  const text = state.sliceDoc();
  const shift = (offset: number): number => offset - text.slice(0, offset).split('\r\n').length + 1;
  return { from: shift(from), to: shift(to) };
};

type TextChange = Readonly<{ from: number; to: number; insert: string }>;

/** The smallest change to another text: what stands between their common beginning and end. */
function changeTo(state: EditorState, after: string): TextChange {
  if (state.lineBreak !== '\n') return { from: 0, to: state.doc.length, insert: after };
  const before = state.sliceDoc();
  let begin = 0;
  while (begin < before.length && before[begin] === after[begin]) begin += 1;
  let end = 0;
  const most = Math.min(before.length, after.length) - begin;
  while (end < most && before.at(-1 - end) === after.at(-1 - end)) end += 1;
  return { from: begin, to: before.length - end, insert: after.slice(begin, after.length - end) };
}

/** The policy's text. Changes made elsewhere arrive as the smallest edit, so that cursor and undo stay. */
export function JsonEditor({ text, onChange, marks, lit, disabled }: Props): ReactElement {
  const place = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(undefined);
  const changed = useRef(onChange);
  changed.current = onChange;
  const separator = text.includes('\r\n') ? '\r\n' : '\n';
  useEffect(() => {
    const parent = place.current;
    if (parent === null) return undefined;
    const editor = openEditor(parent, text, { changed, disabled, separator });
    view.current = editor;
    return () => editor.destroy();
    // The editor lives as long as its place; texts reach it below.
  }, [disabled, separator]);
  useEffect(() => {
    const editor = view.current;
    if (editor === undefined || editor.state.sliceDoc() === text) return;
    editor.dispatch({ changes: changeTo(editor.state, text) });
  }, [text, disabled, separator]);
  useEffect(() => {
    const editor = view.current;
    if (editor === undefined) return;
    editor.dispatch(setDiagnostics(editor.state, diagnosticsOf(marks, editor.state)));
  }, [marks, disabled, separator]);
  useEffect(() => {
    const editor = view.current;
    if (editor === undefined) return;
    const range = lit && placeIn(editor.state, lit);
    const scroll = range === undefined ? [] : [EditorView.scrollIntoView(range.from, { y: 'nearest' })];
    editor.dispatch({ effects: [setLit.of(range), ...scroll] });
  }, [lit?.from, lit?.to, disabled, separator]);
  return <div ref={place} className={styles['editor']} />;
}

const diagnosticsOf = (marks: readonly Mark[], state: EditorState): Diagnostic[] =>
  marks.map(({ range, severity, message }) => ({ ...placeIn(state, range), severity, message }));

type Wiring = Readonly<{
  changed: { readonly current: (text: string) => void };
  disabled: boolean;
  /** What ends a line; every other character stays as it is. */
  separator: string;
}>;

const openEditor = (parent: HTMLElement, doc: string, { changed, disabled, separator }: Wiring): EditorView =>
  new EditorView({
    parent,
    state: EditorState.create({
      doc,
      extensions: [
        lineNumbers(),
        history(),
        drawSelection(),
        highlightActiveLine(),
        bracketMatching(),
        indentUnit.of('  '),
        keymap.of([...defaultKeymap, ...historyKeymap]),
        json(),
        lintGutter(),
        litField,
        EditorView.lineWrapping,
        EditorView.cspNonce.of(nonce()),
        EditorView.contentAttributes.of({ 'aria-label': 'Policy as JSON', tabindex: '0' }),
        EditorState.lineSeparator.of(separator),
        EditorState.readOnly.of(disabled),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) changed.current(update.state.sliceDoc());
        }),
      ],
    }),
  });
