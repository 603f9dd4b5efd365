import { conditionsOf } from '../conditions/rules.js';
import type { Condition, ToolEntry } from '../document.js';
import { pointerTo } from '../../platform/json/pointer.js';
import type { PolicyError } from '../reader.js';

/** The `type` of each argument in the tool's own schema, as the schema has it; arguments without one are left out. */
export type ArgumentTypes = Readonly<Record<string, unknown>>;

const ON_TEXT: ReadonlySet<string> = new Set([
  'contains',
  'not_contains',
  'starts_with',
  'ends_with',
  'matches',
  'cidr',
]);
const NUMBERS = ['number', 'integer'];

/** The JSON types of arguments that an operator can judge against the rule's value; undefined for every type. */
const judgedBy = ({ op, value }: Pick<Condition, 'op' | 'value'>): readonly string[] | undefined => {
  if (op === 'exists') return undefined;
  if (op === 'length_lte' || op === 'length_gte') return ['string', 'array'];
  if (ON_TEXT.has(op)) return ['string'];
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  return values.flatMap((one) => (typeof one === 'number' ? NUMBERS : [typeof one]));
};

const SHAPE = /^args\.([^.[]+)(\.|\[)?/;

/** The types that the schema gives an argument, without null, which counts as missing; undefined when it gives none. */
const typesOf = (types: ArgumentTypes, name: string): readonly string[] | undefined => {
  const declared: unknown = Object.hasOwn(types, name) ? types[name] : undefined;
  const list: readonly unknown[] = Array.isArray(declared) ? declared : [declared];
  const texts = list.filter((one): one is string => typeof one === 'string' && one !== 'null');
  return texts.length === 0 || texts.length < list.filter((one) => one !== 'null').length ? undefined : texts;
};

/** The warning for a path whose argument never has a type that is wanted there. */
const mismatch = (
  types: ArgumentTypes,
  path: string,
  wanted: readonly string[] | undefined,
  pointer: string,
): readonly PolicyError[] => {
  const [, name, next] = SHAPE.exec(path) ?? [];
  const declared = name === undefined ? undefined : typesOf(types, name);
  const needed = next === '.' ? ['object'] : next === '[' ? ['array'] : wanted;
  if (declared === undefined || needed === undefined || declared.some((type) => needed.includes(type))) return [];
  const message =
    `the tool's schema says that args.${name} is ${declared.join(' or ')}, and this needs ` +
    `${[...new Set(needed)].join(' or ')}: the rule can't be judged, and refuses`;
  return [{ pointer, code: 'type_mismatch', message }];
};

/** Warnings about rules and limits that no value of their argument's type can ever meet. */
export function typeLints(entry: ToolEntry, pointer: string, types: ArgumentTypes): readonly PolicyError[] {
  const inRules = (['require', 'deny_if'] as const).flatMap((kind) =>
    (entry[kind] ?? []).flatMap((rule, index) => {
      const at = pointerTo(`${pointer}/${kind}`, index);
      return conditionsOf(rule).flatMap((condition, place) =>
        mismatch(
          types,
          condition.path,
          judgedBy(condition),
          'conditions' in rule ? pointerTo(`${at}/conditions`, place) : at,
        ),
      );
    }),
  );
  const inLimits = (entry.limits ?? []).flatMap(({ increment_from: path }, index) =>
    path === undefined ? [] : mismatch(types, path, NUMBERS, `${pointerTo(`${pointer}/limits`, index)}/increment_from`),
  );
  return [...inRules, ...inLimits];
}
