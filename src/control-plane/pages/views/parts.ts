import { CATEGORIES, RISKS, type Category, type Risk } from '../../../policy-engine/classify/classify.js';
import type { Attack } from '../content/attack.js';
import type { RiskWords } from '../content/risks.js';
import type { ServerCard, ToolRow } from '../catalog-reader.js';
import type { Block, Card, Span, Text } from '../document/blocks.js';

const thousands = new Intl.NumberFormat('en');

/** A whole number as people read it. */
export const count = (value: number): string => thousands.format(value);

/** A number with its noun. */
export const counted = (value: number, noun: string): string => `${count(value)} ${noun}${value === 1 ? '' : 's'}`;

/** A share in per cent, to one decimal where it is small. */
export const share = (part: number, whole: number): string => {
  const percent = (100 * part) / whole;
  if (percent < 0.05 && part > 0) return 'under 0.1 %';
  return `${percent >= 10 ? Math.round(percent) : Math.round(percent * 10) / 10} %`;
};

/** A category with its risk, as a badge. */
export const riskBadge = (category: Category, risk: Risk): Span => ({ as: 'risk', category, risk });

/** The address of a server's page. */
export const serverPath = (slug: string): string => `/catalog/${slug}`;

/**
 * The address of a tool's page; undefined for a name that no address can hold: readers of addresses take dots for
 * steps.
 */
export const toolPath = (slug: string, tool: string): string | undefined =>
  tool === '.' || tool === '..' || /\p{Cs}/u.test(tool) ? undefined : `/catalog/${slug}/${encodeURIComponent(tool)}`;

/** A tool's name, as a link where it has a page. */
export const toolLink = (slug: string, tool: string): Span => {
  const to = toolPath(slug, tool);
  return to === undefined ? tool : { as: 'link', to, text: tool };
};

/** How many tools of a server can change or destroy something. */
export const dangerous = ({ byCategory }: Pick<ServerCard, 'byCategory'>): number =>
  byCategory.Write + byCategory.Execute + byCategory.Destructive + byCategory.Financial;

/** From worst to harmless. */
export const BY_RISK: readonly Category[] = CATEGORIES.toReversed();

/** The worst of what the tools of a server can do, and how many can change something. */
const serverMark = (server: ServerCard): Text => {
  const { toolCount, byCategory, verifiedOn } = server;
  const worst = BY_RISK.find((category) => byCategory[category] > 0);
  if (verifiedOn === null || worst === undefined) return 'Tools not listed yet';
  return [
    riskBadge(worst, RISKS[worst]),
    ` ${count(dangerous(server))} of ${counted(toolCount, 'tool')} can change something`,
  ];
};

/** Servers as cards. */
export const serverCards = (servers: readonly ServerCard[]): Block => ({
  as: 'cards',
  items: servers.map((server): Card => {
    const { slug, name, summary } = server;
    return { to: serverPath(slug), title: name, text: summary, mark: serverMark(server) };
  }),
});

/** Attack patterns as cards. */
export const attackCards = (attacks: readonly Attack[]): Block => ({
  as: 'cards',
  items: attacks.map(({ slug, title, summary }) => ({ to: `/attacks/${slug}`, title, text: summary })),
});

/** Categories of tools as cards. */
export const categoryCards = (categories: readonly RiskWords[]): Block => ({
  as: 'cards',
  items: categories.map(({ category, risk, summary }) => ({
    to: `/risks/${category.toLowerCase()}`,
    title: category,
    text: summary,
    mark: riskBadge(category, risk),
  })),
});

/** Tools of one category, by name. */
export const toolIndex = (slug: string, caption: Text, tools: readonly ToolRow[]): Block => ({
  as: 'index',
  caption,
  items: tools.map(({ name, tokens }) => ({ text: toolLink(slug, name), mark: count(tokens) })),
});
