import type { ServerPreset } from './catalog-entry.js';

/** The body of a registration, complete but for values: each is an empty text. */
export type Registration = Readonly<{ name: string; transport: object; auth: object }>;

const empty = (preset: ServerPreset): Readonly<Record<string, string>> =>
  Object.fromEntries(preset.settings.filter(({ required }) => required).map(({ name }) => [name, '']));

const authOf = (preset: ServerPreset): object => {
  if (preset.auth === 'headers') return { type: 'headers', headers: empty(preset) };
  return { type: preset.auth };
};

/**
 * How a known server is registered: what `POST /v1/servers` takes, with its name, its transport and the sign-in that it
 * needs. Null where nobody knows how it is reached.
 */
export const registrationOf = ({
  name,
  preset,
}: Readonly<{ name: string; preset: ServerPreset }>): Registration | null => {
  const { transport } = preset;
  if (transport === undefined) return null;
  if (transport.type !== 'stdio')
    return { name, transport: { type: transport.type, url: transport.url }, auth: authOf(preset) };
  const { command, args = [] } = transport;
  return { name, transport: { type: 'stdio', command, args, env: empty(preset) }, auth: { type: 'none' } };
};
