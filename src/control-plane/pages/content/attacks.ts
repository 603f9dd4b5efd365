import type { Category } from '../../../policy-engine/classify/classify.js';
import type { Attack } from './attack.js';
import { ATTACKS_BY_VOLUME } from './attacks-by-volume.js';
import { ATTACKS_ON_ARGUMENTS } from './attacks-on-arguments.js';
import { ATTACKS_ON_IDENTITY } from './attacks-on-identity.js';
import { ATTACKS_ON_TRUST } from './attacks-on-trust.js';

/** All attack patterns, in the order in which pages list them. */
export const ATTACKS: readonly Attack[] = [
  ...ATTACKS_ON_TRUST,
  ...ATTACKS_ON_IDENTITY,
  ...ATTACKS_ON_ARGUMENTS,
  ...ATTACKS_BY_VOLUME,
];

/** The pattern of this slug; undefined when there is none. */
export const findAttack = (slug: string): Attack | undefined => ATTACKS.find((attack) => attack.slug === slug);

/** The patterns that a tool of this category is used for, those first that are most particular to it. */
export const attacksOn = (category: Category): readonly Attack[] =>
  ATTACKS.filter(({ categories }) => categories.includes(category)).toSorted(
    (left, right) => left.categories.length - right.categories.length,
  );
