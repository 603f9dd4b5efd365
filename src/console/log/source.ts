/** The log shows places in documents as the policy screens do. */
export { readJson } from '../policies/text/json-tree.js';
export { rangeOf } from '../policies/text/positions.js';
