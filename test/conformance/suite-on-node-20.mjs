import { register } from 'node:module';
import { isMainThread } from 'node:worker_threads';

/**
 * Preloaded into the suite: it imports `globSync` from fs by name, which Node 20 lacks, and uses it only for a command
 * that is not run here. It gets fs with a `globSync` that throws; later Nodes load it as it is.
 */
const FS_WITH_GLOB =
  `data:text/javascript,export * from 'node:fs'; export const globSync = () => { throw new ` +
  `Error('fs.globSync needs Node 22'); };`;
const NODE_WITH_GLOB = 22;

if (isMainThread && Number(process.versions.node.split('.')[0]) < NODE_WITH_GLOB) register(import.meta.url);

export const resolve = (specifier, context, next) =>
  specifier === 'fs' && context.parentURL?.includes('/@modelcontextprotocol/conformance/')
    ? { url: FS_WITH_GLOB, format: 'module', shortCircuit: true }
    : next(specifier, context);
