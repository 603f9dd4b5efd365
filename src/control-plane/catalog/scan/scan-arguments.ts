/** What `catalog:scan` is asked to do. `env` are names, `headers` pairs of a name and the variable with its value. */
export type ScanRequest =
  | Readonly<{ config: string; start: boolean; gateways: readonly string[] }>
  | Readonly<{
      target: string;
      args: readonly string[];
      env: readonly string[];
      headers: readonly (readonly [string, string])[];
    }>;

export const SCAN_USAGE =
  'usage: npm run catalog:scan -- [--env NAME]… [--header NAME=VARIABLE]… <command or URL> [arguments]\n' +
  '       npm run catalog:scan -- --client-config <file> [--start] [--gateway URL]…\n' +
  'Secrets are read from the environment: --env passes a variable on, --header sends one as a header.';

type Options = Record<'env' | 'header' | 'gateway' | 'client-config', string[]>;

const headerOf = (text: string): readonly [string, string] | undefined => {
  const [, name, variable] = /^([\w-]+)=([A-Za-z_]\w*)$/.exec(text) ?? [];
  return name === undefined || variable === undefined ? undefined : [name, variable];
};

const originOf = (text: string): string | undefined => (URL.canParse(text) ? new URL(text).origin : undefined);

type Read = Readonly<{ options: Options; start: boolean; rest: readonly string[] }>;

/** Options stand before the command: what follows is the command's own. */
const readOptions = (given: readonly string[]): Read | undefined => {
  const options: Options = { env: [], header: [], gateway: [], 'client-config': [] };
  let start = false;
  let at = 0;
  for (; given[at]?.startsWith('--') === true; at += 1) {
    const name = (given[at] ?? '').slice(2);
    if (name === 'start') {
      start = true;
      continue;
    }
    const value = given[at + 1];
    if (!Object.hasOwn(options, name) || value === undefined) return undefined;
    options[name as keyof Options].push(value);
    at += 1;
  }
  return { options, start, rest: given.slice(at) };
};

const readTarget = ({ options, start, rest: [target, ...args] }: Read): ScanRequest | undefined => {
  const headers = options.header.map(headerOf).filter((one) => one !== undefined);
  if (target === undefined || start || options.gateway.length > 0 || headers.length < options.header.length)
    return undefined;
  return { target, args, env: options.env, headers };
};

/** Reads the arguments of `catalog:scan`; undefined when they are none. */
export const readScanArguments = (given: readonly string[]): ScanRequest | undefined => {
  const read = readOptions(given);
  if (read === undefined) return undefined;
  const [config, ...others] = read.options['client-config'];
  if (config === undefined) return readTarget(read);
  const gateways = read.options.gateway.map(originOf).filter((one) => one !== undefined);
  const isMixed = others.length + read.rest.length + read.options.env.length + read.options.header.length > 0;
  return isMixed || gateways.length < read.options.gateway.length ? undefined : { config, start: read.start, gateways };
};
