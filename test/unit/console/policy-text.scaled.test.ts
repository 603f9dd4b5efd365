import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { removeIn, setIn } from '../../../src/console/policies/text/edit-json.js';
import { nodeAt, readJson, type Json, type JsonPath } from '../../../src/console/policies/text/json-tree.js';
import { EMPTY_POLICY, setEffect, setLimit, type Subject } from '../../../src/console/policies/text/policy-edits.js';
import { EFFECTS, readPolicy, rowOf, type PolicyModel } from '../../../src/console/policies/text/policy-model.js';
import { compilePolicy } from '../../../src/policy-engine/compile.js';
import { decide } from '../../../src/policy-engine/decide.js';
import type { PolicyDocument } from '../../../src/policy-engine/document.js';
import { parsePolicy } from '../../../src/policy-engine/parse.js';
import { blank, textOf } from '../../builders/json-text.js';
import { scaled } from '../../support/scaled.js';
import { called, configureProperties, factsOf, policies } from '../../builders/policies.js';

configureProperties();

const DOCUMENTS = scaled(500, 60);

/** A policy as people and programs write one: in some layout, or pretty. */
const texts = fc
  .tuple(policies, fc.array(blank, { minLength: 1, maxLength: 9 }), fc.nat(3))
  .map(([document, blanks, at]) =>
    at === 0 ? JSON.stringify(document, null, 2) : at === 1 ? JSON.stringify(document) : textOf(document, blanks),
  );
const tool = called.filter((name) => name !== '');

const valueOf = (text: string): Json => {
  const read = readJson(text);
  if (!read.ok) throw new Error(`${read.fault.message} ${text}`);
  return read.value;
};

const modelOf = (text: string): PolicyModel => {
  const read = readPolicy(text);
  if (!read.ok) throw new Error(read.fault.message);
  return read.model;
};

/** Every place of a value, the root first. */
const pathsOf = (value: unknown, at: JsonPath = []): readonly JsonPath[] => [
  at,
  ...(Array.isArray(value)
    ? value.flatMap((one, index) => pathsOf(one, [...at, index]))
    : typeof value === 'object' && value !== null
      ? Object.entries(value).flatMap(([key, one]) => pathsOf(one, [...at, key]))
      : []),
];

const sliceAt = (text: string, path: JsonPath): string | undefined => {
  const read = readJson(text);
  const node = read.ok ? nodeAt(read.root, path) : undefined;
  return node && text.slice(node.offset, node.offset + node.length);
};

const isPrefix = (one: JsonPath, other: JsonPath): boolean => one.every((step, at) => other[at] === step);

/** How much of a text is not at the beginning and not at the end of another. */
const replaced = (before: string, after: string): string => {
  let [begin, end] = [0, 0];
  while (begin < before.length && before[begin] === after[begin]) begin += 1;
  while (end < before.length - begin && before.at(-1 - end) === after.at(-1 - end)) end += 1;
  return before.slice(begin, before.length - end);
};

describe('the text of a policy', () => {
  test('is read as JSON.parse reads it, for generated documents', () => {
    fc.assert(
      fc.property(texts, (text) => {
        expect(valueOf(text)).toEqual(JSON.parse(text));
        expect(Object.keys(modelOf(text).value)).toEqual(Object.keys(JSON.parse(text) as object));
      }),
      { numRuns: DOCUMENTS },
    );
  });

  test('keeps every byte outside of the place that an edit sets, and that place has the new value', () => {
    fc.assert(
      fc.property(texts, fc.nat(), fc.jsonValue({ maxDepth: 2 }), (text, pick, given) => {
        const value = JSON.parse(JSON.stringify(given)) as Json;
        const paths = pathsOf(JSON.parse(text)).slice(1);
        const path = paths[pick % paths.length] ?? [];
        const after = setIn(text, path, value);
        expect(JSON.parse(sliceAt(after, path) ?? '')).toEqual(value);
        const old = sliceAt(text, path) ?? '';
        expect(replaced(text, after).length).toBeLessThanOrEqual(old.length);
        for (const other of paths)
          if (!isPrefix(other, path) && !isPrefix(path, other))
            expect(sliceAt(after, other)).toBe(sliceAt(text, other));
      }),
      // Each compares every place of a document with every other.
      { numRuns: Math.ceil(DOCUMENTS / 5) },
    );
  });

  test('loses what is removed with its comma, and nothing else', () => {
    fc.assert(
      fc.property(texts, fc.nat(), (text, pick) => {
        const paths = pathsOf(JSON.parse(text)).slice(1);
        const path = paths[pick % paths.length] ?? [];
        const after = removeIn(text, path);
        const expected = JSON.parse(text) as Record<string, unknown>;
        const parent = path
          .slice(0, -1)
          .reduce<unknown>((one, step) => (one as Record<string, unknown>)[step], expected);
        if (Array.isArray(parent)) parent.splice(Number(path.at(-1)), 1);
        else delete (parent as Record<string, unknown>)[path.at(-1) as string];
        expect(JSON.parse(after)).toEqual(expected);
        expect(after.length).toBeLessThan(text.length);
      }),
      { numRuns: DOCUMENTS },
    );
  });
});

describe('the rows of the builder', () => {
  test('show the effect that the policy engine comes to, for generated documents', () => {
    fc.assert(
      fc.property(policies, tool, (document, name) => {
        const { effect, by, pointer } = rowOf(modelOf(JSON.stringify(document)), 'tools', name);
        const enforced = { ...document, mode: 'enforce' as const, pin_tools: false };
        const bare = withoutRules(enforced);
        const { code, rule } = decide(compilePolicy(bare), factsOf(name, {}));
        const codes = { Hide: ['hidden', 'not_listed'], Deny: ['denied_by_rule'], Approve: ['approval_required'] };
        expect(effect === 'Allow' || effect === 'Limit' ? ['allowed'] : codes[effect]).toContain(code);
        if (by === 'default' || effect === 'Allow' || effect === 'Limit') expect(rule).toBe(pointer);
      }),
      { numRuns: DOCUMENTS },
    );
  });

  test('take every effect, change nothing about other tools, and leave a valid document', () => {
    fc.assert(
      fc.property(texts, tool, tool, fc.constantFrom(...EFFECTS), (text, name, other, effect) => {
        fc.pre(name !== other);
        const subject: Subject = { section: 'tools', name };
        const before = modelOf(text);
        const after = modelOf(setEffect(text, subject, effect));
        const wanted = rowOf(before, 'tools', name).by === 'hidePattern' ? 'Hide' : effect;
        expect(rowOf(after, 'tools', name).effect).toBe(wanted);
        const [then, now] = [before, after].map((model) => rowOf(model, 'tools', other));
        expect([now?.effect, now?.entry]).toEqual([then?.effect, then?.entry]);
        expect(parsePolicy(after.value)).toMatchObject({ ok: true });
      }),
      { numRuns: DOCUMENTS },
    );
  });

  test('setting the effect that a row has changes not one byte', () => {
    fc.assert(
      fc.property(texts, tool, (text, name) => {
        const row = rowOf(modelOf(text), 'tools', name);
        fc.pre(row.by === 'entry' && Object.hasOwn(row.entry?.value ?? {}, 'action') && row.effect !== 'Allow');
        fc.pre(row.effect !== 'Limit');
        expect(setEffect(text, { section: 'tools', name }, row.effect)).toBe(text);
      }),
      { numRuns: DOCUMENTS },
    );
  });

  test('a tool that a pattern allows keeps the rules of the pattern when it gets a limit of its own', () => {
    const rules = { deny_if: [{ path: 'args.all', op: 'eq', value: true }] };
    const text = JSON.stringify({ version: '1', default: 'deny', tools: { 'list_*': rules } });
    const after = valueOf(setLimit(text, { section: 'tools', name: 'list_issues' }, { max: 3 }));
    expect(after).toMatchObject({
      tools: { 'list_*': rules, list_issues: { ...rules, limits: [{ max: 3, window: 'minute' }] } },
    });
  });

  test('a policy that is built by clicks is the document of the introduction', () => {
    const subject: Subject = { section: 'tools', name: 'cancel_job' };
    let text = setEffect(EMPTY_POLICY, subject, 'Limit');
    for (const typed of [1, 10]) text = setLimit(text, subject, { max: typed });
    text = setLimit(text, subject, { window: 'minute' });
    expect(valueOf(text)).toEqual({
      version: '1',
      default: 'deny',
      tools: {
        cancel_job: { limits: [{ counter: 'cancel_job_rate', window: 'minute', max: 10, scope: 'grant' }] },
      },
    });
    expect(text).toBe(`{
  "version": "1",
  "default": "deny",
  "tools": {
    "cancel_job": { "limits": [{ "counter": "cancel_job_rate", "window": "minute", "max": 10, "scope": "grant" }] }
  }
}
`);
  });
});

/** The same document without rules that look at a call, so that the effect alone decides. */
function withoutRules(document: PolicyDocument): PolicyDocument {
  const { all_tools: _all, check_arguments: _check, tools = {}, ...rest } = document;
  const bare = Object.entries(tools).map(([name, { action, reason }]) => [
    name,
    { ...(action && { action }), ...(reason && { reason }) },
  ]);
  return { ...rest, tools: Object.fromEntries(bare) as Record<string, object> };
}
