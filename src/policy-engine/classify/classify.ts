import type { PolicyDocument } from '../document.js';
import { finish, type Sliced } from '../slices.js';
import { GUESSED, judge, type Finding, type Judged } from './category.js';
import { hintsOf, wordsOf, type ServerDescription, type ToolDefinition, type Words } from './definition.js';
import { isWorse } from './match.js';
import { amountInputOf, recommendedPolicy } from './recommend.js';
import { CATEGORIES, MEANINGS, RISKS, type Category, type Risk } from './rule.js';
import { signalsOf } from './signals.js';

export type { ServerDescription, ToolDefinition } from './definition.js';
export { CATEGORIES, RISK_NAMES, RISKS, type Category, type Risk } from './rule.js';
export { amountInputOf } from './recommend.js';

/**
 * What a tool can do to its user. `evidence` says in words why, `signals` what else a person should know; `confidence`
 * goes from 0 to 1.
 */
export type ClassifiedTool = Readonly<{
  name: string;
  category: Category;
  risk: Risk;
  confidence: number;
  evidence: readonly string[];
  signals: readonly string[];
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
  about: 'The description of the server says',
};

const sentenceOf = ({ source, match }: Finding): string =>
  `${sources[source]} "${match.words.slice(0, MAX_QUOTED_LENGTH)}", ` +
  (match.rule.because ?? MEANINGS[match.rule.category]);

type Hinted = Judged & Readonly<{ hint?: string }>;

/** The category with the server's hints, which raise it but never lower it. */
function withHints(judged: Judged, tool: ToolDefinition): Hinted {
  const { readOnly, destructive } = hintsOf(tool);
  if (destructive === true && judged.confidence <= GUESSED)
    return { ...judged, category: 'Destructive', findings: [], hint: 'The server calls it destructive' };
  if (judged.category === 'Read' && (readOnly === false || destructive === true))
    return { ...judged, category: 'Write', findings: [], hint: 'The server says that it does not only read' };
  return judged;
}

function evidenceOf({ category, findings, hint }: Hinted): readonly string[] {
  const sentences = [...new Set(findings.map(sentenceOf))].slice(0, MAX_EVIDENCE);
  if (hint !== undefined) return [hint, ...sentences];
  if (sentences.length > 0) return sentences;
  return [`Nothing in the definition says what it does, so it counts as ${category}`];
}

type Found = Readonly<{ tool: ToolDefinition; words: Words; judged: Hinted }>;

const find = (tool: ToolDefinition, server: ServerDescription): Found => {
  const words = wordsOf(tool);
  return { tool, words, judged: withHints(judge(words, server), tool) };
};

const classified = ({ tool, words, judged }: Found): ClassifiedTool => ({
  name: tool.name,
  category: judged.category,
  risk: RISKS[judged.category],
  confidence: judged.confidence,
  evidence: evidenceOf(judged),
  signals: signalsOf(tool, words, judged.category),
  recommendedPolicy: recommendedPolicy({
    name: tool.name,
    category: judged.category,
    amountInput: amountInputOf(tool.inputSchema),
  }),
});

/** What the sibling tools of one that says nothing mostly do, where that is worse than writing. */
type Siblings = Readonly<{ category: Category; count: number; of: number }>;

const MIN_SIBLINGS = 3;

function siblingsOf(found: readonly Found[]): Siblings | undefined {
  const known = found.filter(({ judged }) => judged.confidence > GUESSED);
  const counts = CATEGORIES.filter((one) => isWorse(one, 'Write')).map((category) => ({
    category,
    count: known.filter(({ judged }) => judged.category === category).length,
    of: known.length,
  }));
  const [most] = counts.toSorted((one, other) => other.count - one.count);
  return most !== undefined && known.length >= MIN_SIBLINGS && 2 * most.count >= known.length ? most : undefined;
}

/** A tool that nothing speaks for does what most of its siblings do, when that is worse than what was guessed. */
function besideSiblings(found: Found, siblings: Siblings | undefined): Found {
  const { judged } = found;
  if (siblings === undefined || judged.confidence > GUESSED || !isWorse(siblings.category, judged.category))
    return found;
  const { category, count, of } = siblings;
  const hint = `It says nothing itself, and ${count} of ${of} other tools of its server are ${category}`;
  return { ...found, judged: { ...judged, category, findings: [], hint } };
}

/**
 * Classifies one tool by its definition and what is known of its server. Pure: the same input, in any letter case and
 * with its members in any order, gets the same category, evidence and signals. Doubt goes to the higher risk.
 */
export function classifyTool(tool: ToolDefinition, server: ServerDescription = {}): ClassifiedTool {
  return classified(find(tool, server));
}

/** What classifying a tool takes: about 0.1 ms. */
const STEPS_PER_TOOL = 10_000;

/** Classifies the tools of a server in slices; each beside the others, whose order does not matter. */
export function* classifying(
  tools: readonly ToolDefinition[],
  server: ServerDescription = {},
): Sliced<readonly ClassifiedTool[]> {
  const found: Found[] = [];
  for (const tool of tools) {
    found.push(find(tool, server));
    yield STEPS_PER_TOOL;
  }
  const siblings = siblingsOf(found);
  const all: ClassifiedTool[] = [];
  for (const one of found) {
    all.push(classified(besideSiblings(one, siblings)));
    yield STEPS_PER_TOOL;
  }
  return all;
}

/** Classifies the tools of a server at once. */
export function classifyTools(
  tools: readonly ToolDefinition[],
  server: ServerDescription = {},
): readonly ClassifiedTool[] {
  return finish(classifying(tools, server));
}
