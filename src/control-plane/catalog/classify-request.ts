import {
  classifyTools,
  type ClassifiedTool,
  type ServerDescription,
  type ToolDefinition,
} from '../../policy-engine/classify/classify.js';
import { TokenCounter } from './tokens/count-tokens.js';

/** A classified tool, and what its definition takes of a context window. */
export type CountedTool = ClassifiedTool & Readonly<{ tokens: number }>;

/** The tools of a server, and the tokens of all definitions together. */
export type Classification = Readonly<{ tools: readonly CountedTool[]; tokens: number }>;

/** The definitions of a request: what is known of the server, and its tools. */
export type Definitions = Readonly<{ tools: readonly ToolDefinition[]; server: ServerDescription }>;

/** The text of a definition as a client shows it to a model. */
const textOf = ({ name, description, inputSchema }: ToolDefinition): string =>
  JSON.stringify({ name, description, inputSchema });

/** Classifies the tools of a server and counts what their definitions take of a context window. */
export const classifyDefinitions = ({ tools, server }: Definitions): Classification => {
  const counter = new TokenCounter();
  const counted = classifyTools(tools, server).map((found, at) => ({
    ...found,
    tokens: counter.count(textOf(tools[at] ?? { name: '' })),
  }));
  return { tools: counted, tokens: counted.reduce((sum, { tokens }) => sum + tokens, 0) };
};
