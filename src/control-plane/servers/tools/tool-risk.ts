import type { DiscoveredTool } from '../../../record/event-log/events/index.js';
import {
  amountInputOf,
  classifying,
  RISKS,
  type Category,
  type ClassifiedTool,
  type Risk,
  type ToolDefinition,
} from '../../../policy-engine/classify/classify.js';
import { recommendedPolicy, type Recommendable } from '../../../policy-engine/classify/recommend.js';
import type { PolicyDocument } from '../../../policy-engine/document.js';
import { inSlices } from '../../../policy-engine/slices.js';
import { overrulingOf, type ServerState } from '../servers.js';

/** What a member said against what was found. */
export type Overruled = Readonly<{ found: Category; reason: string }>;

/** What a tool can do: as its definition says, or as a member of the organization says against it. */
export type ToolRisk = Readonly<{
  category: Category;
  risk: Risk;
  evidence: readonly string[];
  recommendedPolicy: PolicyDocument;
  overruled: Overruled | null;
}>;

const textOrNothing = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

const definitionOf = ({ name, definition }: DiscoveredTool): ToolDefinition => ({
  name,
  title: textOrNothing(definition['title']),
  description: textOrNothing(definition['description']),
  inputSchema: definition['inputSchema'],
  annotations: definition['annotations'],
});

const recommendable = ({ name, definition }: DiscoveredTool, category: Category): Recommendable => ({
  name,
  category,
  amountInput: amountInputOf(definition['inputSchema']),
});

const riskOf = (tool: DiscoveredTool, found: ClassifiedTool, state: ServerState): ToolRisk => {
  const overruling = overrulingOf(state, tool.name);
  const category = overruling?.category ?? found.category;
  return {
    category,
    risk: RISKS[category],
    evidence: overruling ? [`A member says so: ${overruling.reason}`, ...found.evidence] : found.evidence,
    recommendedPolicy: overruling ? recommendedPolicy(recommendable(tool, category)) : found.recommendedPolicy,
    overruled: overruling ? { found: found.category, reason: overruling.reason } : null,
  };
};

/**
 * What the tools of a server can do, by name: each beside all the others, in slices between other work of the process.
 */
export const risksOf = async (organizationId: string, state: ServerState): Promise<ReadonlyMap<string, ToolRisk>> => {
  const { tools, name, serverInfo } = state;
  const server = { name, description: textOrNothing(serverInfo?.['description']) };
  const found = await inSlices(organizationId, classifying(tools.map(definitionOf), server));
  return new Map(
    tools.flatMap((tool, at) => {
      const one = found[at];
      return one === undefined ? [] : [[tool.name, riskOf(tool, one, state)] as const];
    }),
  );
};

/** The tools of a server with their categories: what a policy is recommended for. */
export const recommendablesOf = async (
  organizationId: string,
  state: ServerState,
): Promise<readonly Recommendable[]> => {
  const risks = await risksOf(organizationId, state);
  return state.tools.flatMap((tool) => {
    const risk = risks.get(tool.name);
    return risk === undefined ? [] : [recommendable(tool, risk.category)];
  });
};
