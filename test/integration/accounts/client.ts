/** An answer with its body read; `body` is undefined when there is none. */
export type Answer = Readonly<{ status: number; headers: Headers; body: ReturnType<typeof JSON.parse> }>;

type Sent = Readonly<{ token?: string; body?: unknown; headers?: Readonly<Record<string, string>> }>;

/** One request to the API, e.g. `call(url, 'POST /v1/login', { body })`. */
export const call = async (url: string, what: string, { token, body, headers }: Sent = {}): Promise<Answer> => {
  const [method = 'GET', path = '/'] = what.split(' ');
  const response = await fetch(url + path, {
    method,
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(token ? { authorization: `Bearer ${token}` } : {}),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) };
};

export const PASSWORD = 'correct horse battery';

let count = 0;
export const newEmail = (): string => `person-${(count += 1)}@example.com`;

export type Person = Readonly<{
  organization: { id: string; name: string; createdAt: string };
  user: { id: string; email: string };
  token: string;
}>;

/** A new organization with one admin. */
export const signUp = async (url: string, email = newEmail()): Promise<Person> => {
  const { status, body } = await call(url, 'POST /v1/signup', {
    body: { email, password: PASSWORD, organizationName: 'Example' },
  });
  if (status !== 201) throw new Error(`sign-up answered ${status} ${body.code}`);
  return body as Person;
};

/** Somebody invited by an admin and joined with the role. */
export const join = async (url: string, admin: Person, role: string, email = newEmail()): Promise<Person> => {
  const invitation = await call(url, 'POST /v1/invitations', { token: admin.token, body: { email, role } });
  const { status, body } = await call(url, 'POST /v1/invitations/accept', {
    body: { token: invitation.body.token, password: PASSWORD },
  });
  if (status !== 201) throw new Error(`joining answered ${status} ${body.code}`);
  return body as Person;
};
