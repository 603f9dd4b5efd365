import { applyEdits, type Edit, type Node } from 'jsonc-parser';
import { isJsonObject, nodeAt, propertyOf, readJson, type Json, type JsonPath } from './json-tree.js';
import { printJson, type Layout } from './print-json.js';

/**
 * Sets the value at a place, with the objects on the way to it. Only the text of that value changes, or what is
 * inserted for it: every other character stays. A text that is no JSON, and a place that leads through something that
 * is no object, stay as they are.
 */
export function setIn(text: string, path: JsonPath, value: Json): string {
  const read = readJson(text);
  if (!read.ok) return text;
  const edit = settingEdit(text, read.root, path, value);
  return edit === undefined ? text : applyEdits(text, [edit]);
}

/** Removes the member or item at a place, with its comma; a place that is not there leaves the text as it is. */
export function removeIn(text: string, path: JsonPath): string {
  const read = readJson(text);
  const last = path.at(-1);
  if (!read.ok || last === undefined) return text;
  const parent = nodeAt(read.root, path.slice(0, -1));
  const child = typeof last === 'string' ? propertyOf(parent, last) : parent?.children?.[last];
  if (parent === undefined || child === undefined) return text;
  return applyEdits(text, [removingEdit(text, parent, child)]);
}

function settingEdit(text: string, root: Node, path: JsonPath, value: Json): Edit | undefined {
  const present = nodeAt(root, path);
  const layout = layoutOf(text, root);
  if (present !== undefined)
    return {
      offset: present.offset,
      length: present.length,
      content: printJson(value, layout, indentAt(text, present.offset)),
    };
  // The deepest place that is there takes the rest of the path as one new member.
  for (let depth = path.length - 1; depth >= 0; depth -= 1) {
    const parent = nodeAt(root, path.slice(0, depth));
    if (parent === undefined) continue;
    const rest = path.slice(depth);
    const made = rest.slice(1).reduceRight<Json>((inner, step) => wrap(step, inner), value);
    return insertingEdit(text, { parent, step: rest[0] ?? '', layout }, made);
  }
  return undefined;
}

const wrap = (step: string | number, inner: Json): Json =>
  typeof step === 'number' ? [inner] : Object.fromEntries([[step, inner]]);

type Insertion = Readonly<{ parent: Node; step: string | number; layout: Layout }>;

function insertingEdit(text: string, { parent, step, layout }: Insertion, value: Json): Edit | undefined {
  if (parent.type !== (typeof step === 'number' ? 'array' : 'object')) return undefined;
  const label = typeof step === 'number' ? '' : `${JSON.stringify(step)}: `;
  const last = parent.children?.at(-1);
  const ownLine = lineIndent(text, parent.offset);
  if (last === undefined) {
    const wide = layout.unit !== '' && isJsonObject(value);
    const indent = ownLine + layout.unit;
    const one = label + printJson(value, layout, wide ? indent : ownLine);
    const padding = parent.type === 'object' ? ' ' : '';
    const inside = wide ? `${layout.newline}${indent}${one}${layout.newline}${ownLine}` : padding + one + padding;
    return { offset: parent.offset + 1, length: parent.length - 2, content: inside };
  }
  const end = last.offset + last.length;
  const broken = text.slice(parent.offset, last.offset).includes('\n');
  const indent = broken ? lineIndent(text, last.offset) : ownLine;
  const separator = broken ? `,${layout.newline}${indent}` : ', ';
  return { offset: end, length: 0, content: separator + label + printJson(value, layout, indent) };
}

function removingEdit(text: string, parent: Node, child: Node): Edit {
  const siblings = parent.children ?? [];
  const at = siblings.indexOf(child);
  const before = siblings[at - 1];
  const after = siblings[at + 1];
  const end = child.offset + child.length;
  if (after !== undefined) return { offset: child.offset, length: after.offset - child.offset, content: '' };
  if (before !== undefined) {
    const from = before.offset + before.length;
    return { offset: from, length: end - from, content: '' };
  }
  const blank = text.slice(parent.offset + 1, parent.offset + parent.length - 1);
  return { offset: parent.offset + 1, length: blank.length, content: '' };
}

/** The layout of a text: that of its first member on a line of its own; one line stays one line. */
function layoutOf(text: string, root: Node): Layout {
  const newline = text.includes('\r\n') ? '\r\n' : '\n';
  const first = root.children?.[0];
  if (first === undefined) return { unit: '  ', newline };
  if (!text.slice(root.offset, first.offset).includes('\n')) return { unit: '', newline };
  const outer = lineIndent(text, root.offset);
  const unit = lineIndent(text, first.offset).slice(outer.length);
  return { unit: unit === '' ? '  ' : unit, newline };
}

/** The blanks that the line of a place begins with. */
function lineIndent(text: string, offset: number): string {
  const begin = text.lastIndexOf('\n', offset - 1) + 1;
  return /^[ \t]*/.exec(text.slice(begin, offset))?.[0] ?? '';
}

const indentAt = lineIndent;
