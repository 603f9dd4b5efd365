import type { PolicyDocument } from '../document.js';
import { NameTable } from '../name-table.js';
import { MAX_PATTERN_STEPS } from '../pattern-index.js';
import type { PolicyError } from '../reader.js';

/** Patterns that could cost more than this many times what a call may are refused. */
const MAX_COST = 5 * MAX_PATTERN_STEPS;

const MAX_NAME_LENGTH = 256;
const MAX_URI_LENGTH = 2048;

/**
 * What is said about patterns by which a name could take more steps than a call may: the document is refused
 * (`too_many`) where they are many times more; else there is a warning (`costly_patterns`), as few names take as much
 * as they could.
 */
export function patternCosts({
  hide = [],
  tools = {},
  resources = {},
  prompts = {},
}: PolicyDocument): Readonly<{ errors: readonly PolicyError[]; warnings: readonly PolicyError[] }> {
  const found = [
    costOf('/hide', hide, MAX_NAME_LENGTH),
    costOf('/tools', Object.keys(tools), MAX_NAME_LENGTH),
    costOf('/resources', Object.keys(resources), MAX_URI_LENGTH),
    costOf('/prompts', Object.keys(prompts), MAX_NAME_LENGTH),
  ].filter(({ steps }) => steps > MAX_PATTERN_STEPS);
  return {
    errors: found.flatMap(({ pointer, steps }) =>
      steps > MAX_COST
        ? [
            {
              pointer,
              code: 'too_many',
              message:
                `judging a name by these patterns could take ${steps} steps, of at most ${MAX_COST}: use fewer ` +
                'patterns, or fewer stars in them',
            },
          ]
        : [],
    ),
    warnings: found.map(({ pointer, steps }) => ({
      pointer,
      code: 'costly_patterns',
      message:
        `judging a name by these patterns could take ${steps} steps; a call whose name takes more than ` +
        `${MAX_PATTERN_STEPS} ` +
        'is refused',
    })),
  };
}

function costOf(
  pointer: string,
  names: readonly string[],
  longest: number,
): Readonly<{ pointer: string; steps: number }> {
  return { pointer, steps: new NameTable(names).maxSteps(longest) };
}
