import { attacksOn } from '../content/attacks.js';
import { riskWordsOf, type RiskWords } from '../content/risks.js';
import type { ServerCard, ToolFacts, ToolRow } from '../catalog-reader.js';
import {
  code,
  heading,
  link,
  list,
  paragraph,
  plainText,
  steps,
  strong,
  type Block,
  type Span,
  type Text,
} from '../document/blocks.js';
import { crumbsData, type Page, type Site } from '../page.js';
import { entryOf, entryWords, policyText } from '../policy-text.js';
import { attackCards, count, riskBadge, serverPath, toolIndex, toolPath } from './parts.js';

const MAX_ATTACKS = 6;
const SURE = 0.7;

/** A tool with its server, as its page needs them. */
export type ToolOfServer = Readonly<{ server: ServerCard; tool: ToolFacts; related: readonly ToolRow[] }>;

type Facts = ToolOfServer & Readonly<{ words: RiskWords; enforced: readonly Text[]; site: Site }>;

const whatItDoes = ({ tool, server, words }: Facts): Text => [
  code(tool.name),
  ` is an `.replace('an', /^[AE]/.test(tool.category) ? 'an' : 'a'),
  strong(tool.category),
  ` tool of ${server.name}: it ${words.does}.`,
];

const inputsText = ({ inputs }: ToolFacts): Text =>
  inputs.length === 0
    ? 'It takes no inputs, or none are declared.'
    : ['It takes ', ...inputs.flatMap((name, at): Span[] => (at === 0 ? [code(name)] : [', ', code(name)])), '.'];

const sureness = ({ confidence }: ToolFacts): string =>
  confidence >= SURE
    ? 'The definition is clear about it.'
    : 'The definition says little, and doubt goes to the higher risk. Look at the tool before you allow it.';

const evidence = ({ tool }: Facts): readonly Block[] => [
  list(...tool.evidence.map((sentence) => `${sentence}.`)),
  paragraph(sureness(tool)),
  ...(tool.signals.length === 0
    ? []
    : [paragraph(strong('Beside its category: ')), list(...tool.signals.map((signal) => `The tool ${signal}.`))]),
];

const quoted = (value: unknown): string => JSON.stringify(value).replaceAll("'", '\\u0027');

const liveSteps = ({ server, tool, site }: Facts): Block =>
  steps(
    site.console === undefined
      ? [
          strong('Register the server. '),
          code('POST /v1/servers'),
          ` with a name and the URL of ${server.name}. Its credential stays in Toolgate.`,
        ]
      : [
          strong('Register the server. '),
          link(`${site.console}/servers`, 'Add server'),
          ` in the console, with the URL of ${server.name}. Its credential stays in Toolgate.`,
        ],
    [
      strong('Save the policy. '),
      code('POST /v1/servers/{id}/policies'),
      ' with the document above. It is checked when you save it, and each change makes a version.',
    ],
    [
      strong('Issue a grant. '),
      code('POST /v1/grants'),
      ' for one agent. Point its client at the URL of the answer, with the token: the next call of ',
      code(tool.name),
      ' follows the policy.',
    ],
  );

const rateAnswer = ({ tool }: Facts): Text => [
  'Give its entry a limit: ',
  code(`"limits": [{ "counter": "calls", "window": "minute", "max": 10, "scope": "grant" }]`),
  '. The window is a second, minute, hour, day or month, or a number of seconds. The scope says who shares the count. ',
  `For ${tool.name} the recommended policy is: `,
  ...entryWords(entryOf(tool.recommendedPolicy, tool.name)).map((text) => plainText(text)),
];

const blockAnswer = ({ tool }: Facts): Text => [
  'Write ',
  code(`${quoted(tool.name)}: { "action": "deny" }`),
  ' among the tools, or put the name under ',
  code('hide'),
  ' so that agents do not even see it. Under ',
  code('"default": "deny"'),
  ' leaving it out is enough.',
];

const questionsOf = (facts: Facts): readonly Readonly<{ question: string; answer: Text }>[] => {
  const { tool, server, words, enforced } = facts;
  return [
    {
      question: `What does ${tool.name} do?`,
      answer: [...([whatItDoes(facts)].flat() as Span[]), ' ', ...([inputsText(tool)].flat() as Span[])],
    },
    {
      question: `How do I enforce a policy on ${tool.name}?`,
      answer: [
        `Put Toolgate between the agent and ${server.name}, and save the policy of this page. `,
        ...enforced.map((text) => plainText(text)).flatMap((text) => [text, ' ']),
        'The decision is on record before the call leaves.',
      ],
    },
    {
      question: `What risk does ${tool.name} have?`,
      answer: [`${tool.category}, ${tool.risk} risk. `, words.why],
    },
    { question: `How do I rate-limit ${tool.name}?`, answer: rateAnswer(facts) },
    { question: `How do I block ${tool.name}?`, answer: blockAnswer(facts) },
    {
      question: `Which MCP server provides ${tool.name}?`,
      answer: [
        link(serverPath(server.slug), server.name),
        `, which has ${count(server.toolCount)} tools`,
        server.verifiedOn === null ? '.' : ` as of ${server.verifiedOn}.`,
      ],
    },
  ];
};

const dataOf = (facts: Facts, crumbs: Parameters<typeof crumbsData>[1]): readonly object[] => [
  {
    '@context': 'https://schema.org',
    '@type': 'FAQPage',
    mainEntity: questionsOf(facts).map(({ question, answer }) => ({
      '@type': 'Question',
      name: question,
      acceptedAnswer: { '@type': 'Answer', text: plainText(answer) },
    })),
  },
  crumbsData(facts.site, crumbs, facts.tool.name),
];

const policyBlocks = ({ tool, words, enforced }: Facts): readonly Block[] => [
  heading('The policy to copy', 'policy'),
  {
    as: 'columns',
    blocks: [
      [
        {
          as: 'code',
          language: 'json',
          title: `policy.json for ${tool.name}`,
          text: policyText(tool.recommendedPolicy),
        },
      ],
      [
        paragraph(strong('What it does')),
        list(...enforced, 'Every other tool of the server is refused, and not listed.'),
        paragraph(strong('What it leaves open')),
        list(...words.leaves, 'A tool whose definition changes is held until somebody has looked at the difference.'),
      ],
    ],
  },
];

const aboutBlocks = (facts: Facts): readonly Block[] => {
  const { tool, server, words } = facts;
  return [
    { as: 'paragraph', look: 'lead', text: whatItDoes(facts) },
    { as: 'paragraph', text: inputsText(tool) },
    paragraph(
      `Its definition takes about ${count(tool.tokens)} tokens of a context window.`,
      server.verifiedOn === null ? '' : ` Verified on ${server.verifiedOn}.`,
    ),
    heading('Why it needs a rule', 'why'),
    paragraph(words.why),
    ...evidence(facts),
  ];
};

const relatedBlocks = ({ server, tool, related }: Facts): readonly Block[] =>
  related.length === 0
    ? []
    : [
        heading('Related tools', 'related'),
        toolIndex(server.slug, `Other ${tool.category} tools of ${server.name}, and the tokens of each`, related),
      ];

/** The page of a tool. */
export const toolView = ({ server, tool, related }: ToolOfServer, site: Site): Page => {
  const words = riskWordsOf(tool.category);
  const enforced = entryWords(entryOf(tool.recommendedPolicy, tool.name));
  const facts: Facts = { server, tool, related, words, enforced, site };
  const crumbs = [
    { to: '/catalog', text: 'Catalog' },
    { to: serverPath(server.slug), text: server.name },
  ];
  return {
    path: toolPath(server.slug, tool.name) ?? serverPath(server.slug),
    title: `${tool.name} (${server.name}): ${tool.risk} risk, and the policy for it`,
    description:
      `What ${tool.name} of ${server.name} can do to you: ${tool.category}, ${tool.risk} risk. The evidence, a ` +
      'policy to copy, and what it leaves open.',
    heading: tool.name,
    kicker: riskBadge(tool.category, tool.risk),
    crumbs,
    data: dataOf(facts, crumbs),
    blocks: [
      ...aboutBlocks(facts),
      ...policyBlocks(facts),
      heading('Put it live in three steps', 'live'),
      liveSteps(facts),
      heading('Attacks that use tools like it', 'attacks'),
      attackCards(attacksOn(tool.category).slice(0, MAX_ATTACKS)),
      heading('Questions', 'questions'),
      { as: 'questions', items: questionsOf(facts) },
      ...relatedBlocks(facts),
    ],
  };
};
