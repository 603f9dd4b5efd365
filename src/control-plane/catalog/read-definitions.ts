import { isObject, type Json } from '../../platform/json/json-object.js';
import { pointerTo } from '../../platform/json/pointer.js';
import { MAX_PROBLEM_ERRORS, Problem, type ProblemDetail } from '../../platform/runtime/problems.js';
import type { ServerDescription, ToolDefinition } from '../../policy-engine/classify/classify.js';

const MAX_NAME_LENGTH = 1000;

/** The texts of an object under these names; what is there and is no text is an error. */
const textsOf = <Name extends string>(
  value: Json,
  names: readonly Name[],
  at: string,
  errors: ProblemDetail[],
): Partial<Record<Name, string>> => {
  const texts: Partial<Record<Name, string>> = {};
  for (const name of names) {
    const text = value[name];
    if (typeof text === 'string') texts[name] = text;
    else if (text !== undefined && text !== null)
      errors.push({ pointer: pointerTo(at, name), code: 'invalid', message: `${name} must be a text` });
  }
  return texts;
};

const readTool = (tool: unknown, at: string, errors: ProblemDetail[]): ToolDefinition | undefined => {
  if (!isObject(tool)) {
    errors.push({ pointer: at, code: 'invalid', message: 'a tool must be an object' });
    return undefined;
  }
  const { name, ...texts } = textsOf(tool, ['name', 'title', 'description'], at, errors);
  if (name === undefined || name === '' || name.length > MAX_NAME_LENGTH) {
    errors.push({
      pointer: pointerTo(at, 'name'),
      code: 'invalid',
      message: `name must be a text of 1 to ${MAX_NAME_LENGTH} characters`,
    });
    return undefined;
  }
  return { name, ...texts, inputSchema: tool['inputSchema'], annotations: tool['annotations'] };
};

/**
 * Reads definitions of tools; what servers say beside the members that count here is left out.
 * @throws Problem invalid_body with the first errors
 */
export const readDefinitions = (
  tools: readonly unknown[],
  server: object = {},
): Readonly<{ tools: readonly ToolDefinition[]; server: ServerDescription }> => {
  const errors: ProblemDetail[] = [];
  const known = textsOf(server as Json, ['name', 'description'], '/server', errors);
  const read: ToolDefinition[] = [];
  for (const [index, tool] of tools.entries()) {
    if (errors.length >= MAX_PROBLEM_ERRORS) break;
    const definition = readTool(tool, pointerTo('/tools', index), errors);
    if (definition) read.push(definition);
  }
  if (errors.length > 0) throw new Problem('invalid_body', 'Some definitions can not be read.', { errors });
  return { tools: read, server: known };
};
