import type { components } from './schema.js';

export type ProblemError = components['schemas']['ProblemErrorView'];

/** What the API refused, as its problem says so. `errors` are at places of the body. */
export class Refusal extends Error {
  readonly status: number;
  readonly code: string;
  readonly errors: readonly ProblemError[];

  constructor(status: number, problem: Readonly<Partial<components['schemas']['ProblemView']>>) {
    super(problem.detail ?? problem.title ?? `The answer was ${status}.`);
    this.status = status;
    this.code = problem.code ?? '';
    this.errors = problem.errors ?? [];
  }
}

type Answer<Data> = Readonly<{ data?: Data; error?: unknown; response: Response }>;

/** The data of an answer; an answer without a body has none. @throws Refusal */
export function dataOf<Data>({ data, error, response }: Answer<Data>): Data {
  if (response.ok) return data as Data;
  throw new Refusal(response.status, (error ?? {}) as Partial<components['schemas']['ProblemView']>);
}

/** What to tell about an error: the API's own words, or that nothing answered. */
export function messageOf(error: unknown): string {
  if (error instanceof Refusal) return error.message;
  if (error instanceof TypeError) return 'Toolgate did not answer. Check the connection and try again.';
  return error instanceof Error ? error.message : String(error);
}

/** The errors of a form's fields, by their JSON Pointer into the body. */
export function fieldErrors(error: unknown): Record<string, string[]> {
  if (!(error instanceof Refusal)) return {};
  const found: Record<string, string[]> = {};
  for (const { pointer, message } of error.errors) (found[pointer] ??= []).push(message);
  return found;
}

/** What a form says above its fields: what no field says. */
export function formMessage(error: unknown, fields: readonly string[]): string | undefined {
  if (error === null || error === undefined) return undefined;
  if (!(error instanceof Refusal) || error.errors.length === 0) return messageOf(error);
  const others = error.errors.filter(({ pointer }) => !fields.includes(pointer));
  return others.length === 0 ? undefined : others.map(({ message }) => message).join(' ');
}
