import { expect, test } from 'vitest';
import { compilePolicy } from '../../../src/policy-engine/compile.js';
import { isListed } from '../../../src/policy-engine/decide.js';
import type { PolicyDocument } from '../../../src/policy-engine/document.js';

const closed: PolicyDocument = {
  version: '1',
  default: 'deny',
  hide: ['secret*'],
  tools: { a: {}, no: { action: 'deny' }, 'list_*': {}, secret_a: {} },
};
const listed = (more: Partial<PolicyDocument>, tool: string) => isListed(compilePolicy({ ...closed, ...more }), tool);

test.each([
  ['a tool with an entry is listed', {}, 'a', true],
  ['a tool that a pattern names is listed', {}, 'list_x', true],
  ['a denied tool stays listed, so that the agent can read why', {}, 'no', true],
  ['under default deny an unlisted tool is not listed', {}, 'b', false],
  ['under default allow an unlisted tool is listed', { default: 'allow' }, 'b', true],
  ['a hidden tool is not listed, its entry notwithstanding', {}, 'secret_a', false],
  ['a hidden tool is not listed under default allow', { default: 'allow' }, 'secret_b', false],
  ['monitor lists a hidden tool', { mode: 'monitor' }, 'secret_a', true],
  ['monitor lists an unlisted tool', { mode: 'monitor' }, 'b', true],
  ['a tool named __proto__ is not listed by accident', {}, '__proto__', false],
  ['a tool whose name is too long to be called is not listed', { default: 'allow' }, 'x'.repeat(257), false],
] as const)('%s', (_name, more, tool, expected) => {
  expect(listed(more, tool)).toBe(expected);
});
