import { expect } from 'vitest';

export type Json = Readonly<Record<string, unknown>>;
export type Answer = Readonly<{ status: number; headers: Headers; text: string; body: Json }>;

type Sent = Readonly<{
  token?: string | undefined;
  headers?: Readonly<Record<string, string>>;
  body?: string | undefined;
}>;

const parsed = (text: string): Json => {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return {};
  }
};

/**
 * Checks that an answer of 400 or more is a problem as RFC 9457 and the contract want it, and that nothing broke
 * inside.
 */
const checkProblem = (what: string, { status, headers, text }: Omit<Answer, 'body'>): void => {
  if (status < 400) return;
  expect(headers.get('content-type'), `${what}: ${text}`).toMatch(/^application\/problem\+json/);
  expect(JSON.parse(text), what).toEqual(
    expect.objectContaining({
      status,
      code: expect.stringMatching(/^[a-z_]+$/),
      title: expect.stringMatching(/\S/),
      detail: expect.stringMatching(/\S/),
    }),
  );
  expect(status, `${what}: ${text}`).toBeLessThan(500);
};

/** One request. Whatever it answers, a failure must be a well-formed problem and never a 5xx. */
export const send = async (
  url: string,
  method: string,
  path: string,
  { token, headers = {}, body }: Sent = {},
): Promise<Answer> => {
  const response = await fetch(url + path, {
    method,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body }),
  });
  const answer = { status: response.status, headers: response.headers, text: await response.text() };
  if (method !== 'HEAD') checkProblem(`${method} ${path}`, answer);
  return { ...answer, body: parsed(answer.text) };
};
