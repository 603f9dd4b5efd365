import { isObject, type Json } from '../../platform/json/json-object.js';
import type { Request } from './read-message.js';

/** What a request uses, by name, with what stands for arguments: those of a prompt, the URI of a resource. */
export type NamedTarget = Readonly<{ kind: 'resource' | 'prompt'; name: string; arguments: Json }>;

const MAX_NAME_LENGTH = 256;
const MAX_URI_LENGTH = 2048;

const isText = (value: unknown, longest: number): value is string =>
  typeof value === 'string' && value.length >= 1 && value.length <= longest;

const resource = (uri: unknown): NamedTarget | undefined =>
  isText(uri, MAX_URI_LENGTH) ? { kind: 'resource', name: uri, arguments: { uri } } : undefined;

const prompt = (name: unknown, given: unknown = {}): NamedTarget | undefined =>
  isText(name, MAX_NAME_LENGTH) && isObject(given) ? { kind: 'prompt', name, arguments: given } : undefined;

/** What is completed, and for a prompt the arguments known so far. */
const completed = ({ ref, argument, context = {} }: Json): NamedTarget | undefined => {
  if (!isObject(ref) || !hasPlainKeys(ref) || !isObject(context)) return undefined;
  const known = knownArguments(argument, context['arguments']);
  if (known === undefined) return undefined;
  if (ref['type'] === 'ref/resource') return 'name' in ref ? undefined : resource(ref['uri']);
  return ref['type'] === 'ref/prompt' && !('uri' in ref) ? prompt(ref['name'], known) : undefined;
};

const knownArguments = (argument: unknown, others: unknown = {}): Json | undefined => {
  if (!isObject(argument) || !isObject(others)) return undefined;
  const { name, value } = argument;
  return typeof name === 'string' && typeof value === 'string' ? { ...others, [name]: value } : undefined;
};

/** Parsers that ignore case would read another name where a key differs only in case. */
const hasPlainKeys = (ref: Json): boolean =>
  Object.keys(ref).every((key) => !['type', 'name', 'uri'].includes(key.toLowerCase()) || key === key.toLowerCase());

const readers: ReadonlyMap<string, (params: Json) => NamedTarget | undefined> = new Map([
  ['resources/read', ({ uri }: Json) => resource(uri)],
  ['resources/subscribe', ({ uri }: Json) => resource(uri)],
  ['resources/unsubscribe', ({ uri }: Json) => resource(uri)],
  ['prompts/get', ({ name, arguments: given }: Json) => prompt(name, given)],
  ['completion/complete', completed],
]);

/** Whether a request of this method must say which resource or prompt it uses. */
export const mustNameTarget = (method: string): boolean => readers.has(method);

/** The resource or prompt that a request uses; undefined when its params don't say one in the way that MCP has it. */
export const readNamedTarget = ({ method, params = {} }: Request): NamedTarget | undefined =>
  readers.get(method)?.(params);
