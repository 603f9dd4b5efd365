import type { Attack, TrialStep } from '../content/attack.js';
import { ATTACKS } from '../content/attacks.js';
import { RISK_WORDS } from '../content/risks.js';
import { code, heading, lead, list, paragraph, type Block, type Text, type TraceRow } from '../document/blocks.js';
import { crumbsData, type Page, type Site } from '../page.js';
import { policyText } from '../policy-text.js';
import { attackCards, categoryCards } from './parts.js';

const CRUMBS = [{ to: '/attacks', text: 'Attacks' }];
const SHOWN_LENGTH = 70;

/** What the answer of the gateway says, by its code. */
const ANSWERS: Readonly<Record<string, string>> = {
  allowed: '',
  tool_changed: 'The definition is not the one that the policy was written for.',
  not_listed: 'The policy has no entry for it.',
  malformed: 'The name could be taken for another.',
  argument_rule: 'A rule on the arguments does not hold.',
  approval_required: 'It waits for a person.',
  rate_limited: 'The limit is used up.',
  denied_by_rule: 'The policy denies it.',
  hidden: 'The policy hides it.',
};

const argumentsText = (value: Readonly<Record<string, unknown>>): string => {
  const text = JSON.stringify(value);
  return text.length > SHOWN_LENGTH ? `${text.slice(0, SHOWN_LENGTH)} …` : text;
};

const callRow = (step: Extract<TrialStep, { call: string }>): TraceRow => {
  const times = step.times === undefined ? '' : ` ${step.times} times`;
  const from = step.from === undefined ? '' : ` from ${step.from}`;
  const answer = ANSWERS[step.code] ?? '';
  return {
    step: [code(step.call), ` ${argumentsText(step.arguments)}${from}${times}`],
    effect: step.effect,
    answer: answer === '' ? '' : [code(step.code), ` ${answer}`],
  };
};

const listed = (names: readonly string[]): Text =>
  names.length === 0
    ? 'The list is empty.'
    : names.flatMap((name, at) => (at === 0 ? [code(name)] : [', ', code(name)]));

const traceRow = (step: TrialStep): TraceRow => {
  if ('call' in step) return callRow(step);
  if ('list' in step)
    return { step: 'The agent asks for the list of tools', effect: 'allow', answer: listed(step.list) };
  return { step: 'redefine' in step ? step.says : step.approve, effect: 'note', answer: '' };
};

/** What a policy does in the example of an attack. */
const trace = ({ trial }: Attack): Block => ({
  as: 'trace',
  title: 'The same policy in the gateway',
  rows: trial.map(traceRow),
});

const categoriesOf = (attack: Attack): Text => [
  'Tools of these categories are used for it: ',
  ...attack.categories.flatMap((category, at) => [
    at === 0 ? '' : ', ',
    { as: 'link', to: `/risks/${category.toLowerCase()}`, text: category } as const,
  ]),
  '.',
];

const dataOf = (attack: Attack, site: Site): readonly object[] => [
  {
    '@context': 'https://schema.org',
    '@type': 'TechArticle',
    headline: `${attack.title}: the attack on MCP tools and the policy that stops it`,
    description: attack.summary,
    url: `${site.url}/attacks/${attack.slug}`,
  },
  crumbsData(site, CRUMBS, attack.title),
];

/** The page of an attack pattern. */
export const attackView = (attack: Attack, site: Site): Page => {
  const similar = ATTACKS.filter(
    ({ slug, categories }) => slug !== attack.slug && categories[0] === attack.categories[0],
  ).slice(0, 3);
  return {
    path: `/attacks/${attack.slug}`,
    title: `${attack.title}: an attack on MCP tools, and the policy that stops it`,
    description: `${attack.summary} How it works, the policy that stops it, and what the policy leaves open.`,
    heading: attack.title,
    kicker: 'Attack pattern',
    crumbs: CRUMBS,
    data: dataOf(attack, site),
    blocks: [
      lead(attack.summary),
      heading('How it works', 'how'),
      ...attack.how.map((text) => paragraph(text)),
      { as: 'paragraph', text: categoriesOf(attack) },
      heading('The policy that stops it', 'policy'),
      ...attack.stops.map((text) => paragraph(text)),
      {
        as: 'columns',
        blocks: [
          [{ as: 'code', language: 'json', title: 'policy.json', text: policyText(attack.policy) }],
          [trace(attack)],
        ],
      },
      paragraph('A test plays this example in the gateway for every release.'),
      heading('What it leaves open', 'leaves'),
      list(...attack.leaves),
      ...(similar.length === 0 ? [] : [heading('Similar attacks', 'similar'), attackCards(similar)]),
    ],
  };
};

/** The list of all attack patterns. */
export const attacksView = (site: Site): Page => ({
  path: '/attacks',
  title: 'Attacks on MCP tools, and the policy that stops each',
  description:
    `${ATTACKS.length} documented attack patterns on MCP servers and agents: rug pull, tool poisoning, confused ` +
    'deputy, runaway loop, token theft and more. Each with a tested policy.',
  heading: 'Attacks on MCP tools',
  data: [
    {
      '@context': 'https://schema.org',
      '@type': 'ItemList',
      itemListElement: ATTACKS.map(({ slug, title }, at) => ({
        '@type': 'ListItem',
        position: at + 1,
        name: title,
        url: `${site.url}/attacks/${slug}`,
      })),
    },
  ],
  blocks: [
    lead(
      'Each pattern comes with the policy that stops it, with an example that a test plays in the gateway, and with ' +
        'what the policy leaves open.',
    ),
    attackCards(ATTACKS),
    heading('By category of tool', 'categories'),
    categoryCards(RISK_WORDS),
  ],
});
