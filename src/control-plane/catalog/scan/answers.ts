import type { CatalogEntry } from '../catalog-entry.js';
import { classifiedToolsOf } from '../classified-tools.js';

/** What a server of a package answered when it was asked for its tools, and how it was started. */
export type Answer = Readonly<{
  registry: 'npm' | 'pypi';
  package: string;
  summary: string;
  version: string;
  /** The command of a Python package, where it is not called as the package. */
  script?: string;
  args: readonly string[];
  /** The names of the variables that it was given. */
  env: readonly string[];
  listedOn: string;
  tools?: readonly unknown[];
}>;

const argumentsOf = ({ registry, package: name, version, script, args }: Answer): readonly string[] => {
  const pinned = `${name}@${version}`;
  if (registry === 'npm') return ['-y', pinned, ...args];
  return script === undefined || script === name ? [pinned, ...args] : ['--from', pinned, script, ...args];
};

/** The entry of a server by its answer; undefined when it offered no tools. Nothing of its text but names is kept. */
export const entryOfAnswer = (answer: Answer): CatalogEntry | undefined => {
  const tools = classifiedToolsOf(answer.tools ?? [], { name: answer.package });
  if (tools.length === 0) return undefined;
  return {
    name: answer.package,
    summary: answer.summary,
    version: answer.version,
    transports: ['stdio'],
    source: 'shipped',
    preset: {
      transport: {
        type: 'stdio',
        command: answer.registry === 'npm' ? 'npx' : 'uvx',
        args: argumentsOf(answer),
      },
      auth: 'none',
      settings: answer.env.map((name) => ({
        name,
        required: true,
        secret: /TOKEN|KEY|SECRET|PASSWORD|PAT$/.test(name),
      })),
    },
    verifiedOn: answer.listedOn,
    tools,
  };
};
