import { attacksOn } from '../content/attacks.js';
import { RISK_WORDS, type RiskWords } from '../content/risks.js';
import type { ServerCard } from '../catalog-reader.js';
import { heading, lead, list, note, paragraph } from '../document/blocks.js';
import { crumbsData, type Page, type Site } from '../page.js';
import { entryOf, entryWords, policyText } from '../policy-text.js';
import { attackCards, categoryCards, riskBadge, serverCards } from './parts.js';

const CRUMBS = [{ to: '/catalog', text: 'Catalog' }];

/** The page of a category, with servers that have tools of it. */
export const riskView = (words: RiskWords, servers: readonly ServerCard[], site: Site): Page => {
  const { category, risk } = words;
  const [name = ''] = Object.keys(words.policy.tools ?? {});
  return {
    path: `/risks/${category.toLowerCase()}`,
    title: `${category} tools of MCP servers: ${risk} risk`,
    description: `${words.summary} How Toolgate finds them, and the policy that is recommended for them.`,
    heading: `${category} tools`,
    kicker: riskBadge(category, risk),
    crumbs: CRUMBS,
    data: [crumbsData(site, CRUMBS, `${category} tools`)],
    blocks: [
      lead(words.summary),
      ...words.paragraphs.map((text) => paragraph(text)),
      heading('How they are found', 'found'),
      list(...words.signs),
      note(
        'Rules decide, over the words of a definition. Doubt goes to the higher risk, and what a server says of ' +
          'itself never lowers one.',
      ),
      heading('The policy for them', 'policy'),
      list(...entryWords(entryOf(words.policy, name)), 'Every other tool is refused, and not listed.'),
      { as: 'code', language: 'json', title: `policy.json for ${name}`, text: policyText(words.policy) },
      heading('What it leaves open', 'leaves'),
      list(...words.leaves),
      heading('Attacks that use them', 'attacks'),
      attackCards(attacksOn(category)),
      ...(servers.length === 0 ? [] : [heading(`Servers with ${category} tools`, 'servers'), serverCards(servers)]),
      heading('Other categories', 'others'),
      categoryCards(RISK_WORDS.filter((other) => other !== words)),
    ],
  };
};
