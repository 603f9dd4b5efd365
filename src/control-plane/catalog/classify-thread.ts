import { parentPort } from 'node:worker_threads';
import { classifyDefinitions, type Definitions } from './classify-request.js';

/** What the threads of `ClassifyThreads` run: each message holds definitions, and gets their classification. */
parentPort?.on('message', (definitions: Definitions) => parentPort?.postMessage(classifyDefinitions(definitions)));
