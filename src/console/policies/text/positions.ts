import type { Node } from 'jsonc-parser';
import { propertyOf } from './json-tree.js';

/** A piece of a text, in characters. */
export type Range = Readonly<{ from: number; to: number }>;

/** The keys of a JSON Pointer (RFC 6901). */
export const stepsOf = (pointer: string): readonly string[] =>
  pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));

/** The JSON Pointer of some keys. */
export const pointerOf = (steps: readonly (string | number)[]): string =>
  steps.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');

/**
 * Where a JSON Pointer points to in a text: a member with its key. For a place that is not there (a required key that
 * is missing, say) the key of the nearest one around it; the whole of a small root.
 */
export function rangeOf(root: Node, pointer: string): Range {
  let node = root;
  let range = rangeOfNode(root);
  for (const step of stepsOf(pointer)) {
    if (node.type === 'object') {
      const property = propertyOf(node, step);
      const value = property?.children?.[1];
      if (property === undefined || value === undefined) return range;
      range = rangeOfNode(property);
      node = value;
    } else {
      const item = node.type === 'array' && /^\d+$/.test(step) ? node.children?.[Number(step)] : undefined;
      if (item === undefined) return range;
      range = rangeOfNode(item);
      node = item;
    }
  }
  return range;
}

const rangeOfNode = ({ offset, length }: Node): Range => ({ from: offset, to: offset + length });
