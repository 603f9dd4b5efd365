import { findAttack } from '../content/attacks.js';
import { riskWordsOf } from '../content/risks.js';
import type { CatalogTotals } from '../catalog-reader.js';
import { code, heading, lead, link, paragraph, steps, strong, type Block, type TraceRow } from '../document/blocks.js';
import { html } from '../document/html.js';
import type { Page, Site } from '../page.js';
import { policyText } from '../policy-text.js';
import { searchForm } from './catalog.view.js';
import { attackCards, count } from './parts.js';

const DESCRIPTION =
  'Toolgate is the policy gateway for MCP: it decides every tool call of an agent by your policy, and the decision ' +
  'is on record before the call leaves.';

/** The running example: what the policy does with GitLab's tools. */
const EXAMPLE: readonly TraceRow[] = [
  { step: [code('cancel_job'), ' ten times within a minute'], effect: 'allow', answer: '' },
  {
    step: [code('cancel_job'), ' once more'],
    effect: 'deny',
    answer: 'cancel_job: 10 per minute used up; try again in 42 s',
  },
  { step: [code('list_issues')], effect: 'deny', answer: 'Not in the policy, and not even in the list of tools.' },
  { step: [code('cancel_job'), ' by another grant'], effect: 'allow', answer: 'Each grant has ten of its own.' },
];

const example = (): Block => ({
  as: 'columns',
  blocks: [
    [
      {
        as: 'code',
        language: 'json',
        title: "A policy for GitLab's MCP server",
        text: policyText(riskWordsOf('Execute').policy),
      },
    ],
    [{ as: 'trace', title: 'What the agent gets', rows: EXAMPLE }],
  ],
});

const callToAction = (site: Site): Block => {
  const [to, text] =
    site.console === undefined ? ['#begin', 'Start in five minutes'] : [`${site.console}/signup`, 'Sign up free'];
  return {
    as: 'html',
    markdown: `[${text}](${to}) · [Browse the catalog](/catalog)`,
    html: html`<p class="cta"><a class="button" href="${to}">${text}</a> <a href="/catalog">Browse the catalog</a></p>`,
  };
};

const PILLARS: Block = {
  as: 'points',
  items: [
    {
      title: 'Rules before every call',
      text:
        'Allow, limit, hold for approval, deny or hide each tool; look at its arguments; count what it spends. One ' +
        'policy for each person, agent and job.',
    },
    {
      title: 'On record before it leaves',
      text:
        'A call goes on only after the log has acknowledged its decision. Log streams take the record, in order, to ' +
        'Splunk, Elastic, Datadog, S3, syslog, Kafka or a webhook.',
    },
    {
      title: 'Nothing to install in the agent',
      text:
        'Any MCP client, any revision of the protocol: change one URL. The credential of the server stays in ' +
        'Toolgate.',
    },
    {
      title: 'Tightened without surprise',
      text: 'Play a draft on the calls of last week and see which ones would flip, before it goes live.',
    },
    {
      title: 'Tools that change are held',
      text: 'A definition that differs from the one you reviewed is blocked, with the difference to look at.',
    },
    {
      title: 'People decide the dangerous calls',
      text: 'A held call waits for a person, who reads its exact arguments. The approval is for that call alone.',
    },
  ],
};

const begin = (site: Site): readonly Block[] => [
  heading('Begin', 'begin'),
  steps(
    [strong('Start it. '), 'You need Node.js and nothing else: ', code('npm ci && npm start'), '.'],
    [
      strong('Register a server. '),
      'Toolgate lists its tools at once, and says what each can do. See ',
      link('/catalog', 'the catalog'),
      ' for those that are known.',
    ],
    [strong('Paste a policy. '), 'Copy it from the page of a tool or a server.'],
    [
      strong('Issue a grant. '),
      'Put its URL and its token into Claude, Cursor or any other MCP client, and call a tool.',
    ],
  ),
  paragraph('Every step is a request of the REST API, described at ', link('/docs', '/docs'), '. ', {
    as: 'link',
    to: '/contact',
    text: 'Ask us',
  }),
  ...(site.console === undefined ? [] : [paragraph('Or use ', link(site.console, 'the console'), '.')]),
];

const catalogBlocks = ({ servers, tools }: CatalogTotals): readonly Block[] => [
  heading('What can a tool do to you?', 'catalog'),
  paragraph(
    servers === 0
      ? 'The catalog says of each tool what it can do, why it needs a rule, and which.'
      : `The catalog says it of ${count(tools)} tools of ${count(servers)} MCP servers: what each can do, why it ` +
          'needs a rule, and which.',
  ),
  searchForm({}),
];

const AUDIENCES: Block = {
  as: 'points',
  items: [
    { title: 'Developers', text: 'Point Claude or Cursor at one URL, in under five minutes.' },
    {
      title: 'Platform engineers',
      text: 'One grant for each person, agent and job, by REST, beside your PostgreSQL and Kafka.',
    },
    { title: 'Security engineers', text: 'Who may call what, and what a tighter policy would have refused.' },
    { title: 'Auditors', text: 'Every decision and its outcome, numbered without gaps.' },
  ],
};

const ATTACKS_SHOWN = [
  'rug-pull',
  'tool-poisoning',
  'confused-deputy',
  'runaway-loop',
  'token-theft',
  'data-exfiltration',
].flatMap((slug) => findAttack(slug) ?? []);

const dataOf = (site: Site): object => ({
  '@context': 'https://schema.org',
  '@type': 'SoftwareApplication',
  name: 'Toolgate',
  description: DESCRIPTION,
  applicationCategory: 'SecurityApplication',
  url: `${site.url}/`,
  license: 'https://www.apache.org/licenses/LICENSE-2.0',
});

/** The landing page. */
export const landingView = (totals: CatalogTotals, site: Site): Page => ({
  path: '/',
  title: 'Toolgate: the policy gateway for MCP',
  description: DESCRIPTION,
  heading: 'Every tool call decided by your policy, and on record before it leaves',
  data: [dataOf(site)],
  blocks: [
    lead(
      'Toolgate stands between AI agents and MCP servers. An agent with a GitLab token can cancel, merge and delete ' +
        'as fast as it can loop; with Toolgate it does what you allow, as often as you allow it.',
    ),
    callToAction(site),
    example(),
    heading('What you get', 'what'),
    PILLARS,
    ...catalogBlocks(totals),
    heading('Attacks, each with the policy that stops it', 'attacks'),
    attackCards(ATTACKS_SHOWN),
    paragraph(link('/attacks', 'All attack patterns')),
    ...begin(site),
    heading('Who it is for', 'who'),
    AUDIENCES,
  ],
});
