import type { PolicyDocument } from '../document.js';
import { finish, type Sliced } from '../slices.js';
import { GUESSED, judge, type Finding, type Judged } from './category.js';
import { hintsOf, wordsOf, type ServerDescription, type ToolDefinition } from './definition.js';
import { amountInputOf, recommendedPolicy } from './recommend.js';
import { MEANINGS, RISKS, type Category, type Risk } from './rule.js';
import { signalsOf } from './signals.js';
import { estimateTokens } from './tokens.js';

export type { ServerDescription, ToolDefinition } from './definition.js';
export { CATEGORIES, RISK_NAMES, RISKS, type Category, type Risk } from './rule.js';
export { amountInputOf } from './recommend.js';

/**
 * What a tool can do to its user. `evidence` says in words why, `signals` what else a person should know; `confidence`
 * goes from 0 to 1; `tokens` is about what the definition takes of a context window.
 */
export type ClassifiedTool = Readonly<{
  name: string;
  category: Category;
  risk: Risk;
  confidence: number;
  evidence: readonly string[];
  signals: readonly string[];
  tokens: number;
  recommendedPolicy: PolicyDocument;
}>;

const MAX_EVIDENCE = 6;
const MAX_QUOTED_LENGTH = 60;

const sources: Readonly<Record<Finding['source'], string>> = {
  name: 'The name says',
  title: 'The title says',
  description: 'The description says',
  inputs: 'An input is called',
  action: 'An input offers',
  server: 'The name of the server says',
};

const sentenceOf = ({ source, match }: Finding): string =>
  `${sources[source]} "${match.words.slice(0, MAX_QUOTED_LENGTH)}", ` +
  (match.rule.because ?? MEANINGS[match.rule.category]);

/** The category with the server's hints, which raise it but never lower it. */
function withHints(judged: Judged, tool: ToolDefinition): Judged & Readonly<{ hint?: string }> {
  const { readOnly, destructive } = hintsOf(tool);
  if (destructive === true && judged.confidence <= GUESSED)
    return { ...judged, category: 'Destructive', findings: [], hint: 'The server calls it destructive' };
  if (judged.category === 'Read' && (readOnly === false || destructive === true))
    return { ...judged, category: 'Write', findings: [], hint: 'The server says that it does not only read' };
  return judged;
}

function evidenceOf({ category, findings, hint }: Judged & Readonly<{ hint?: string }>): readonly string[] {
  const sentences = [...new Set(findings.map(sentenceOf))].slice(0, MAX_EVIDENCE);
  if (hint !== undefined) return [hint, ...sentences];
  if (sentences.length > 0) return sentences;
  return [`Nothing in the definition says what it does, so it counts as ${category}`];
}

/**
 * The text of a definition as a client shows it to a model. Members of a schema that JSON can't hold are left out.
 */
const textOf = ({ name, description, inputSchema }: ToolDefinition): string =>
  JSON.stringify({ name, description, inputSchema });

/**
 * Classifies one tool by its definition and what is known of its server. Pure: the same input, in any letter case and
 * with its members in any order, gets the same category, evidence and signals. Doubt goes to the higher risk.
 */
export function classifyTool(tool: ToolDefinition, server: ServerDescription = {}): ClassifiedTool {
  const words = wordsOf(tool);
  const judged = withHints(judge(words, server), tool);
  return {
    name: tool.name,
    category: judged.category,
    risk: RISKS[judged.category],
    confidence: judged.confidence,
    evidence: evidenceOf(judged),
    signals: signalsOf(tool, words, judged.category),
    tokens: estimateTokens(textOf(tool)),
    recommendedPolicy: recommendedPolicy({
      name: tool.name,
      category: judged.category,
      amountInput: amountInputOf(tool.inputSchema),
    }),
  };
}

/** The tools of a server, and the tokens of all definitions together. */
export type Classification = Readonly<{ tools: readonly ClassifiedTool[]; tokens: number }>;

/** What classifying a tool takes: about 0.1 ms, and more for a long definition, up to 4 ms for names of 200 inputs. */
const STEPS_PER_TOOL = 10_000;
const STEPS_PER_TOKEN = 50;

/** Classifies the tools of a server in slices. */
export function* classifying(tools: readonly ToolDefinition[], server: ServerDescription = {}): Sliced<Classification> {
  const classified: ClassifiedTool[] = [];
  let tokens = 0;
  for (const tool of tools) {
    const one = classifyTool(tool, server);
    classified.push(one);
    tokens += one.tokens;
    yield STEPS_PER_TOOL + STEPS_PER_TOKEN * one.tokens;
  }
  return { tools: classified, tokens };
}

/** Classifies the tools of a server at once. */
export function classifyTools(tools: readonly ToolDefinition[], server: ServerDescription = {}): Classification {
  return finish(classifying(tools, server));
}
