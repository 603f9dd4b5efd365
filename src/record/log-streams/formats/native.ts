import type { Format } from './format.js';

/** The record as it is, with `seq` and `recordedAt`. */
export const native: Format = {
  name: 'native',
  mappingVersions: ['1'],
  isJson: true,
  format: (record) => record.native,
  toObject: (record) => record.event,
};
