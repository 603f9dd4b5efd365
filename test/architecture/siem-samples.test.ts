import { expect, test } from 'vitest';
import { newestMapping } from '../../src/record/log-streams/formats/format.js';
import { formats } from '../../src/record/log-streams/formats/formats.js';
import { sampleEvents } from '../builders/sample-events.js';
import { recordOf } from '../support/outgoing.js';

const records = sampleEvents.map((event, index) =>
  recordOf(event, { seq: index + 1, recordedAt: new Date('2026-11-30T22:00:00.000Z') }),
);

test.each(Object.values(formats))(
  'docs/siem/samples has one record of every type as $name writes it',
  async (format) => {
    const lines = records.map((record) => format.format(record, newestMapping(format)));
    const name = format.isJson ? `${format.name}.ndjson` : `${format.name}.txt`;
    await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot(`../../docs/siem/samples/${name}`);
  },
);
