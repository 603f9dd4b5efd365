/**
 * How a server is reached: over HTTP at a URL, or as a process that a command starts. `Url` is the form of the URL, and
 * `Environment` what is known of the process's environment.
 */
export type TransportOf<Url, Environment> =
  | Readonly<{ type: 'streamable-http' | 'sse'; url: Url }>
  | Readonly<{ type: 'stdio'; command: string; args: readonly string[] } & Environment>;

/** As it is recorded: of a command's environment only the names, as the values are secrets. */
export type RecordedTransport = TransportOf<string, { envNames: readonly string[] }>;

/** As it is used: every value in plain text, in memory only. */
export type OpenTransport = TransportOf<URL, { env: Readonly<Record<string, string>> }>;
