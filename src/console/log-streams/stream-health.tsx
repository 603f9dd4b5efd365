import { useQuery } from '@tanstack/react-query';
import type { ReactElement } from 'react';
import type { components } from '../api/schema.js';
import { streamText } from '../text/log-streams.js';
import { Facts, Section } from '../ui/page.js';
import { Loaded } from '../ui/states.js';
import { DataTable, type Column } from '../ui/table.js';
import { Time } from '../ui/time.js';
import { healthQuery } from './requests.js';

type Hour = components['schemas']['StreamHourView'];

const text = streamText.detail;

const HOURS: readonly Column<Hour>[] = [
  {
    id: 'from',
    header: text.hour,
    isRowHeader: true,
    cell: ({ from }) => <Time value={from} never="" />,
    value: ({ from }) => from,
  },
  {
    id: 'delivered',
    header: text.delivered,
    isAtEnd: true,
    cell: ({ delivered }) => delivered,
    value: ({ delivered }) => delivered,
  },
  {
    id: 'failed',
    header: text.notDelivered,
    isAtEnd: true,
    cell: ({ failed }) => failed,
    value: ({ failed }) => failed,
  },
];

const errorText = (error: unknown): string | undefined => {
  const { code, answer } = (error ?? {}) as Partial<components['schemas']['StreamErrorView']>;
  return code === undefined ? undefined : [code, answer ?? ''].join(' ').trim();
};

/** How far behind a log stream is, and what it sent in the last week. */
export function StreamHealth({ id }: Readonly<{ id: string }>): ReactElement {
  const health = useQuery(healthQuery(id));
  return (
    <Section title={text.health}>
      <Loaded query={health}>
        {({ lagRecords, lagSeconds, cursorSeq, headSeq, lastSuccessAt, lastError, running, hours }) => (
          <>
            <Facts
              facts={[
                [text.lag, text.lagOf(lagRecords, lagSeconds)],
                [text.sent, text.sentOf(cursorSeq, headSeq)],
                [text.success, <Time key="success" value={lastSuccessAt} never={streamText.never} />],
                [text.error, errorText(lastError)],
                [text.runs, running ? text.yes : text.no],
              ]}
            />
            <h3>{text.hours}</h3>
            {hours.length === 0 ? (
              <p>{text.noHours}</p>
            ) : (
              <DataTable caption={text.hours} items={hours.toReversed()} columns={HOURS} keyOf={({ from }) => from} />
            )}
          </>
        )}
      </Loaded>
    </Section>
  );
}
