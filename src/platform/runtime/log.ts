type Fields = Readonly<Record<string, string | number | boolean | null | undefined>>;

let isQuiet = false;

/** From now on nothing is logged: for a command whose output is for a person, and complete. */
export const muteLog = (): void => void (isQuiet = true);

const write = (level: 'info' | 'warn' | 'error', message: string, fields?: Fields): void => {
  if (isQuiet) return;
  process.stderr.write(`${JSON.stringify({ time: new Date().toISOString(), level, message, ...fields })}\n`);
};

/** The text of an error without its stack; use it for `fields`, since messages may reach an operator's log store. */
export const errorText = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/**
 * One JSON line per entry on standard error. Callers never pass secrets, tokens, argument values or URLs with a query.
 */
export const log = {
  info: (message: string, fields?: Fields): void => write('info', message, fields),
  warn: (message: string, fields?: Fields): void => write('warn', message, fields),
  error: (message: string, fields?: Fields): void => write('error', message, fields),
} as const;
