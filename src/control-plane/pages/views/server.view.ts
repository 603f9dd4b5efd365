import type { Category } from '../../../policy-engine/classify/classify.js';
import type { ServerFacts, ToolRow } from '../catalog-reader.js';
import { riskWordsOf } from '../content/risks.js';
import { heading, lead, link, list, note, paragraph, strong, type Block, type Text } from '../document/blocks.js';
import { crumbsData, type Page, type Site } from '../page.js';
import { policyText } from '../policy-text.js';
import { BY_RISK, count, counted, dangerous, riskBadge, serverPath, share, toolIndex } from './parts.js';

const CRUMBS = [{ to: '/catalog', text: 'Catalog' }];
/** How many tools one page lists, and how many a policy on a page has at most. */
export const TOOLS_PER_PAGE = 250;
const MAX_POLICY_TOOLS = 400;
const SMALL_CONTEXT = 200_000;
const LARGE_CONTEXT = 1_000_000;

const byRisk = (tools: readonly ToolRow[]): readonly ToolRow[] =>
  tools.toSorted(
    (left, right) =>
      BY_RISK.indexOf(left.category) - BY_RISK.indexOf(right.category) || (left.name < right.name ? -1 : 1),
  );

const policyBlocks = ({ name, tools, recommendedPolicy }: ServerFacts): readonly Block[] => {
  if (tools.length === 0) return [];
  if (tools.length > MAX_POLICY_TOOLS)
    return [
      heading('The policy for the whole server', 'policy'),
      paragraph(
        `${name} has too many tools for a policy on this page. Register it, and ask for the recommended policy: `,
        { as: 'code', text: 'POST /v1/servers/{id}/policies/recommended' },
        '.',
      ),
    ];
  return [
    heading('The policy for the whole server', 'policy'),
    list(
      'Read tools are allowed.',
      'Each Write tool has 30 calls an hour, each Execute tool 10 a minute, for each grant.',
      'Destructive tools are refused, with a reason that the agent reads.',
      'Financial tools are held until a person approves the call.',
      'Tools that the server adds later are refused, and not listed.',
    ),
    { as: 'code', language: 'json', title: `policy.json for ${name}`, text: policyText(recommendedPolicy) },
  ];
};

const categoryText = (category: Category): Text => {
  const { risk, summary } = riskWordsOf(category);
  return [riskBadge(category, risk), ` ${summary}`];
};

const toolBlocks = (server: ServerFacts, page: number): readonly Block[] => {
  const shown = byRisk(server.tools).slice((page - 1) * TOOLS_PER_PAGE, page * TOOLS_PER_PAGE);
  const tables = BY_RISK.flatMap((category): readonly Block[] => {
    const tools = shown.filter((tool) => tool.category === category);
    return tools.length === 0 ? [] : [toolIndex(server.slug, categoryText(category), tools)];
  });
  const pages = Math.ceil(server.tools.length / TOOLS_PER_PAGE);
  const others = Array.from({ length: pages }, (_, at) => at + 1).filter((one) => one !== page);
  return [
    ...tables,
    ...(others.length === 0
      ? []
      : [
          paragraph(
            'More tools: ',
            ...others.map((one) =>
              link(`${serverPath(server.slug)}${one === 1 ? '' : `?page=${one}`}`, `page ${one} `),
            ),
          ),
        ]),
  ];
};

const rankText = ({ known, fewer }: ServerFacts['rank']): string =>
  known < 2 ? '' : `${count(fewer)} of ${counted(known, 'known server')} take fewer. `;

const tokenText = ({ tokens, rank }: ServerFacts): Text => [
  'The definitions take about ',
  strong(`${count(tokens)} tokens`),
  ` of a context window before the first call: ${share(tokens, SMALL_CONTEXT)} of 200,000, or ` +
    `${share(tokens, LARGE_CONTEXT)} of a million. `,
  rankText(rank),
  'Toolgate leaves tools that the policy does not name out of the list, so that a grant for five tools takes the ' +
    'tokens of five. ',
  link('/token-cost', 'Compare servers'),
  '.',
];

const unknown = (server: ServerFacts): readonly Block[] => [
  note(
    `Nobody has listed the tools of ${server.name} yet: it wants an account, or it has not been started. Register ` +
      'it, and Toolgate classifies its tools at once.',
  ),
];

const known = (server: ServerFacts, page: number): readonly Block[] => [
  {
    as: 'figures',
    items: [
      { figure: count(server.toolCount), label: 'tools' },
      ...BY_RISK.map((category) => ({ figure: count(server.byCategory[category]), label: category })),
      { figure: count(server.tokens), label: 'tokens of definitions' },
    ],
  },
  heading('Tools by risk', 'tools'),
  paragraph('The number beside each tool is about how many tokens its definition takes.'),
  ...toolBlocks(server, page),
  ...(page === 1 ? policyBlocks(server) : []),
  heading('Token cost', 'tokens'),
  { as: 'paragraph', text: tokenText(server) },
];

const dataOf = (server: ServerFacts, site: Site): readonly object[] => [
  {
    '@context': 'https://schema.org',
    '@type': 'SoftwareApplication',
    name: server.name,
    description: server.summary,
    applicationCategory: 'MCP server',
    url: `${site.url}${serverPath(server.slug)}`,
  },
  crumbsData(site, CRUMBS, server.name),
];

const verified = ({ verifiedOn, transports }: ServerFacts): readonly string[] => [
  `Transports: ${transports.length === 0 ? 'unknown' : transports.join(', ')}.`,
  verifiedOn === null ? 'Tools not verified.' : `Tools verified on ${verifiedOn}.`,
];

const SIGN_INS = {
  none: 'It needs no sign-in at the server.',
  headers: 'It signs in by headers, whose values stay with Toolgate.',
  oauth: 'It signs in by OAuth: somebody of the organization signs in at the server once.',
} as const;

/** How the server is registered: the request, with an empty text for each value. */
const registrationBlocks = ({ name, preset, registration }: ServerFacts): readonly Block[] =>
  registration === null
    ? []
    : [
        heading('Register it', 'register'),
        paragraph(
          `${SIGN_INS[preset.auth]} `,
          ...(preset.transport?.type === 'stdio' ? ['Whoever runs Toolgate lists the command in ALLOW_STDIO. '] : []),
          'Fill in what is empty, and send it to ',
          { as: 'code', text: 'POST /v1/servers' },
          '.',
        ),
        {
          as: 'code',
          language: 'json',
          title: `Registration of ${name}`,
          text: JSON.stringify(registration, undefined, 2),
        },
      ];

const deprecated = (server: ServerFacts): readonly Block[] =>
  server.deprecated ? [note('Its registry calls this server deprecated.')] : [];

/** The page of a server, and one page of its tools. */
export const serverView = (server: ServerFacts, page: number, site: Site): Page => {
  const { slug, name, toolCount, verifiedOn } = server;
  const change = dangerous(server);
  const headline =
    verifiedOn === null
      ? `The tools of ${name} are not known yet.`
      : `${counted(change, 'tool')} of ${count(toolCount)} can change or destroy something.`;
  return {
    path: serverPath(slug),
    title: `${name}: tools, risk, token cost and policy`,
    description: `${headline} What each tool of the MCP server ${name} can do, and a policy to copy.`,
    heading: name,
    kicker: 'MCP server',
    crumbs: CRUMBS,
    ...(page > 1 ? { isPrivate: true } : {}),
    data: dataOf(server, site),
    blocks: [
      lead(server.summary === '' ? headline : server.summary),
      ...(server.summary === '' ? [] : [paragraph(strong(headline))]),
      paragraph(verified(server).join(' ')),
      ...deprecated(server),
      ...(verifiedOn === null ? unknown(server) : known(server, page)),
      ...(page === 1 ? registrationBlocks(server) : []),
    ],
  };
};
