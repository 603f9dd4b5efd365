import type { Category, Risk } from '../../policy-engine/classify/classify.js';
import type { PolicyDocument } from '../../policy-engine/document.js';

/** A server of the catalog, as lists show it. `verifiedOn` is null when nobody has asked it for its tools. */
export type ServerCard = Readonly<{
  slug: string;
  name: string;
  summary: string;
  transports: readonly string[];
  toolCount: number;
  byCategory: Readonly<Record<Category, number>>;
  tokens: number;
  verifiedOn: string | null;
}>;

/** A tool of a server, as the page of the server lists it. */
export type ToolRow = Readonly<{ name: string; category: Category; risk: Risk; tokens: number }>;

/** A tool with all that is known of it. None of it is text of the server, but names. */
export type ToolFacts = ToolRow &
  Readonly<{
    confidence: number;
    evidence: readonly string[];
    signals: readonly string[];
    inputs: readonly string[];
    recommendedPolicy: PolicyDocument;
  }>;

/** A server with its tools, and the policy that is recommended for all of them. */
export type ServerFacts = ServerCard &
  Readonly<{
    tools: readonly ToolRow[];
    recommendedPolicy: PolicyDocument;
    /** Of the `known` servers, how many take fewer tokens. */
    rank: Readonly<{ known: number; fewer: number }>;
  }>;

export type ServerSearch = Readonly<{
  q?: string;
  category?: Category;
  risk?: Risk;
  transport?: string;
  /** The largest first. */
  sort?: 'tokens' | 'toolCount';
  after?: string;
  limit: number;
}>;

export type ServerPage = Readonly<{ items: readonly ServerCard[]; nextCursor: string | null }>;

/** How much the catalog holds. `version` changes with it. */
export type CatalogTotals = Readonly<{
  version: string;
  servers: number;
  tools: number;
  byCategory: Readonly<Record<Category, number>>;
}>;

/** What the public pages read of the catalog. Every method costs a bounded query. */
export type CatalogPort = Readonly<{
  totals: () => Promise<CatalogTotals>;
  search: (search: ServerSearch) => Promise<ServerPage>;
  server: (slug: string) => Promise<ServerFacts | undefined>;
  /** The tool with its server, and others of its category there. */
  tool: (
    slug: string,
    name: string,
  ) => Promise<Readonly<{ server: ServerCard; tool: ToolFacts; related: readonly ToolRow[] }> | undefined>;
  /**
   * A part of the addresses of all servers and tools, from 0 and in order: about `size` of them, and at most the tools
   * of one server more.
   */
  addresses: (part: number, size: number) => Promise<readonly Readonly<{ slug: string; tool: string | null }>[]>;
}>;
