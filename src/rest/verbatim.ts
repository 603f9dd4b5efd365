import { bodyValidation } from './problem-filter.js';
import { Problem } from '../platform/problems.js';

type Body = Readonly<Record<string, unknown>>;
type Pipe = Readonly<{ transform: (body: unknown) => Promise<Body> }>;

/**
 * A pipe for `@Body(...)` that checks a body against its DTO class but hands on the named members exactly as sent. The usual pipe drops members
 * called `constructor`, `prototype` or `__proto__` at any depth, which may be the name of a tool that a policy denies. Declare the parameter as a
 * plain type, not as the class, or the usual pipe runs first.
 */
export const verbatim = (dto: new () => object, ...members: readonly string[]): Pipe => ({
  transform: async (body) => {
    if (typeof body !== 'object' || body === null || Array.isArray(body)) throw new Problem('invalid_body', 'Send a JSON object.');
    const sent = body as Body;
    const kept = members.filter((member) => Object.hasOwn(sent, member));
    const shallow = Object.fromEntries(Object.entries(sent).map(([key, value]) => [key, kept.includes(key) ? standIn(value) : value]));
    const checked = (await bodyValidation().transform(shallow, { type: 'body', metatype: dto })) as object;
    return { ...checked, ...Object.fromEntries(kept.map((member) => [member, sent[member]])) };
  },
});

/** What the DTO may check about a member that is handed on as sent: whether it is there, and its JSON type. */
const standIn = (value: unknown): unknown => (Array.isArray(value) ? [] : typeof value === 'object' && value !== null ? {} : value);
