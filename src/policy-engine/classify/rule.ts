/** What a tool can do to its user, from harmless to worst. Of several that fit, the worst counts. */
export const CATEGORIES = ['Read', 'Write', 'Execute', 'Financial', 'Destructive'] as const;

export type Category = (typeof CATEGORIES)[number];

export const RISK_NAMES = ['low', 'medium', 'high', 'critical'] as const;

export type Risk = (typeof RISK_NAMES)[number];

/** The risk follows from the category alone. */
export const RISKS: Readonly<Record<Category, Risk>> = {
  Read: 'low',
  Write: 'medium',
  Execute: 'high',
  Destructive: 'critical',
  Financial: 'critical',
};

/** What each category means, as evidence says it. A rule may have words of its own. */
export const MEANINGS: Readonly<Record<Category, string>> = {
  Read: 'which only looks',
  Write: 'which changes data',
  Execute: 'which sets something going or ends it',
  Destructive: 'which can not be taken back',
  Financial: 'which moves money or binds to pay',
};

/** A part of a tool's definition, as examples of rules give it. */
export type Example = Readonly<{ name: string; description?: string; arguments?: readonly string[] }>;

/**
 * One rule. A `verb` is the action of a name or of a sentence of the description; with `objects` it counts only beside
 * one of these words. A `topic` counts where a name has no action. A `phrase` counts anywhere in a description unless
 * it is denied there. An `argument` is the name of an input. `weak` verbs are nouns as well, and give way to others.
 * With `context` the objects of a name's verb are looked for in the whole definition; with `last` an object counts only
 * as the last word, and then before all others: a note on an order is a note.
 */
export type Rule = Readonly<{
  category: Category;
  kind: 'verb' | 'topic' | 'phrase' | 'argument';
  words: string;
  objects?: string;
  weak?: true;
  context?: true;
  last?: true;
  because?: string;
  example: Example;
}>;
