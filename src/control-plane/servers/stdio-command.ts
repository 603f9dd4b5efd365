import type { Transport } from '../../record/event-log/events/index.js';
import type { ProblemDetail } from '../../platform/runtime/problems.js';
import type { SecretValues } from './upstream-headers.js';
import { pointerTo } from '../../platform/json/pointer.js';

const MAX_ARGS = 100;
const MAX_TEXT_LENGTH = 4096;
const MAX_VARIABLES = 50;
const MAX_ENV_BYTES = 32 * 1024;

const isText = (value: unknown): value is string =>
  typeof value === 'string' && value.length <= MAX_TEXT_LENGTH && !value.includes('\0');

const readEnv = (value: unknown, refuse: (at: string, message: string) => void): SecretValues => {
  if (value === undefined) return {};
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    refuse('/env', 'env takes an object of variable names with their values');
    return {};
  }
  const entries = Object.entries(value);
  if (entries.length > MAX_VARIABLES || JSON.stringify(entries).length > MAX_ENV_BYTES)
    refuse('/env', `takes at most ${MAX_VARIABLES} variables and ${MAX_ENV_BYTES / 1024} KiB in all`);
  for (const [name, text] of entries) {
    const at = pointerTo('/env', name);
    if (!/^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(name))
      refuse(at, 'a variable name takes 1 to 128 letters, digits and _, and begins with no digit');
    else if (!isText(text)) refuse(at, `a value must be a text of at most ${MAX_TEXT_LENGTH} characters`);
  }
  return Object.fromEntries(entries) as SecretValues;
};

/**
 * Reads a stdio transport; everything that is wrong goes to `wrong`, by name and never with a value. Whether the
 * command may be run, with these variables, is asked elsewhere.
 */
export const readCommand = (
  { command, args = [], env }: Readonly<Record<string, unknown>>,
  wrong: ProblemDetail[],
): Readonly<{ transport: Transport; env: SecretValues }> | undefined => {
  const before = wrong.length;
  const refuse = (at: string, message: string): void =>
    void wrong.push({ pointer: `/transport${at}`, code: 'invalid', message });
  if (!isText(command) || command === '') refuse('/command', 'command must be the absolute path of a program');
  if (!Array.isArray(args) || args.length > MAX_ARGS || !args.every(isText))
    refuse('/args', `args takes a list of at most ${MAX_ARGS} texts`);
  const secrets = readEnv(env, refuse);
  if (wrong.length > before) return undefined;
  return {
    transport: {
      type: 'stdio',
      command: String(command),
      args: args as readonly string[],
      envNames: Object.keys(secrets),
    },
    env: secrets,
  };
};
