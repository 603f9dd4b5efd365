import type { NewServer } from './requests.js';

export type TransportType = 'streamable-http' | 'sse' | 'stdio';

/** What the form of a new server holds, as it is typed. */
export type ServerDraft = Readonly<{
  name: string;
  type: TransportType;
  url: string;
  command: string;
  args: string;
  env: string;
  authorization: string;
}>;

export const EMPTY_DRAFT: ServerDraft = {
  name: '',
  type: 'streamable-http',
  url: '',
  command: '',
  args: '',
  env: '',
  authorization: '',
};

const linesOf = (text: string): string[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');

const envOf = (text: string): Record<string, string> =>
  Object.fromEntries(
    linesOf(text).map((line) => {
      const at = line.indexOf('=');
      return at < 0 ? [line, ''] : [line.slice(0, at), line.slice(at + 1)];
    }),
  );

/** The request that registers what was typed. */
export const requestOf = (draft: ServerDraft): NewServer => ({
  name: draft.name.trim(),
  transport:
    draft.type === 'stdio'
      ? { type: 'stdio', command: draft.command.trim(), args: linesOf(draft.args), env: envOf(draft.env) }
      : { type: draft.type, url: draft.url.trim() },
  ...(draft.type !== 'stdio' &&
    draft.authorization.trim() !== '' && {
      auth: { type: 'headers', headers: { Authorization: draft.authorization.trim() } },
    }),
});

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

/** What the catalog says of a server, as a draft; values that are secrets are for the person to type. */
export const draftOfPreset = (name: string, preset: Readonly<Record<string, unknown>>): ServerDraft => {
  const transport = (preset['transport'] ?? preset) as Readonly<Record<string, unknown>>;
  const type = (['streamable-http', 'sse', 'stdio'] as const).find((one) => one === transport['type']);
  const args = Array.isArray(transport['args']) ? transport['args'].map(String) : [];
  const env = transport['env'];
  return {
    ...EMPTY_DRAFT,
    name,
    type: type ?? 'streamable-http',
    url: textOf(transport['url']),
    command: textOf(transport['command']),
    args: args.join('\n'),
    env:
      typeof env === 'object' && env !== null
        ? Object.keys(env)
            .map((key) => `${key}=`)
            .join('\n')
        : '',
  };
};
