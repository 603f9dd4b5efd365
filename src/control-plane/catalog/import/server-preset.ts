import { isObject, type Json } from '../../../platform/json/json-object.js';
import { isStorableText } from '../../../platform/json/storable.js';
import type { ServerPreset } from '../catalog-entry.js';

const MAX_MEMBERS = 50;
const MAX_TEXT_LENGTH = 500;
const MAX_URL_LENGTH = 2048;

/** The text of a member that can be kept; undefined for anything else. */
export const textIn = (value: Json, name: string, max = MAX_TEXT_LENGTH): string | undefined => {
  const text = value[name];
  return typeof text === 'string' && text !== '' && text.length <= max && isStorableText(text) ? text : undefined;
};

/** The objects among the first members of a list. */
export const objectsIn = (value: Json, name: string): readonly Json[] => {
  const list = value[name];
  return Array.isArray(list) ? list.slice(0, MAX_MEMBERS).filter(isObject) : [];
};

/** A URL that can be registered: of the web, without a user name, and with no part that somebody has to fill in. */
const webUrlOf = (text: string | undefined): string | undefined => {
  if (text === undefined || /[{}\s]/.test(text) || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  return /^https?:$/.test(url.protocol) && url.username === '' && url.password === '' ? text : undefined;
};

const settingsOf = (inputs: readonly Json[]): ServerPreset['settings'] =>
  inputs.flatMap((input) => {
    const name = textIn(input, 'name', 200);
    return name === undefined
      ? []
      : [{ name, required: input['isRequired'] === true, secret: input['isSecret'] === true }];
  });

/** What a server takes is told where it is reached, and by what. */
const REMOTE_TYPES: readonly string[] = ['streamable-http', 'sse'];

const remotePreset = (remote: Json): ServerPreset | undefined => {
  const type = textIn(remote, 'type');
  const url = webUrlOf(textIn(remote, 'url', MAX_URL_LENGTH));
  if (type === undefined || !REMOTE_TYPES.includes(type)) return undefined;
  const settings = settingsOf(objectsIn(remote, 'headers'));
  return {
    ...(url === undefined ? {} : { transport: { type, url } }),
    auth: settings.length === 0 ? 'none' : 'headers',
    settings,
  };
};

/** How a package of each registry is started; others have to be installed by hand. */
const STARTS: Readonly<Record<string, (name: string, version: string | undefined) => readonly string[]>> = {
  npm: (name, version) => ['npx', '-y', version === undefined ? name : `${name}@${version}`],
  pypi: (name, version) => ['uvx', version === undefined ? name : `${name}@${version}`],
  nuget: (name, version) => ['dnx', version === undefined ? name : `${name}@${version}`, '--yes'],
  oci: (name) => ['docker', 'run', '-i', '--rm', name],
};

/** The arguments of a list whose values are given; one that somebody has to fill in is left to them. */
const givenArguments = (list: readonly Json[]): readonly string[] =>
  list.flatMap((argument) => {
    const value = argument['isSecret'] === true ? undefined : textIn(argument, 'value');
    const name = argument['type'] === 'named' ? textIn(argument, 'name') : undefined;
    if (value?.includes('{') === true) return [];
    return [name, value].filter((text) => text !== undefined);
  });

/** Whether a name of a package can be an argument: one that begins with a dash would be an option. */
const isPackageName = (name: string): boolean => /^[@A-Za-z0-9][\w@./:+-]*$/.test(name);

const packagePreset = (one: Json): ServerPreset | undefined => {
  const registry = textIn(one, 'registryType') ?? '';
  const name = textIn(one, 'identifier', MAX_URL_LENGTH);
  const start = Object.hasOwn(STARTS, registry) ? STARTS[registry] : undefined;
  const settings = settingsOf(objectsIn(one, 'environmentVariables'));
  const version = textIn(one, 'version');
  if (name === undefined) return undefined;
  if (start === undefined || !isPackageName(name) || (version !== undefined && !isPackageName(version)))
    return { auth: 'none', settings };
  const [command = '', ...args] = start(name, version);
  return {
    transport: { type: 'stdio', command, args: [...args, ...givenArguments(objectsIn(one, 'packageArguments'))] },
    auth: 'none',
    settings,
  };
};

/** How a server is reached, and how it is registered: over the web where it can be, else by its first package. */
export const presetOf = (server: Json): Readonly<{ transports: readonly string[]; preset: ServerPreset }> => {
  const [remotes, packages] = [objectsIn(server, 'remotes'), objectsIn(server, 'packages')];
  const local = packages.map((one) => {
    const type = isObject(one['transport']) ? textIn(one['transport'], 'type') : undefined;
    return type === undefined || !REMOTE_TYPES.includes(type) ? 'stdio' : type;
  });
  const isNew = (remote: Json): boolean => remote['type'] === 'streamable-http';
  const presets = [
    ...[...remotes.filter(isNew), ...remotes.filter((one) => !isNew(one))].map(remotePreset),
    ...packages.map(packagePreset),
  ].filter((preset) => preset !== undefined);
  const reached = remotes.map((one) => textIn(one, 'type') ?? '').filter((type) => REMOTE_TYPES.includes(type));
  return {
    transports: [...new Set([...reached, ...local])],
    preset: presets.find(({ transport }) => transport !== undefined) ?? presets[0] ?? { auth: 'none', settings: [] },
  };
};
