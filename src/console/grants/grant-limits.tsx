import { useQuery } from '@tanstack/react-query';
import type { ReactElement } from 'react';
import type { components } from '../api/schema.js';
import { grantText } from '../text/grants.js';
import { Section } from '../ui/page.js';
import { Loaded } from '../ui/states.js';
import { DataTable, type Column } from '../ui/table.js';
import { Time } from '../ui/time.js';
import { limitsQuery } from './requests.js';

type LimitState = components['schemas']['LimitStateView'];

const text = grantText.detail;
const PER_CALL = 1;

const whatOf = ({ max, window, scope, incrementFrom }: LimitState): string => {
  const unit = incrementFrom ? `of ${incrementFrom}` : max === PER_CALL ? 'call' : 'calls';
  const span = typeof window === 'number' ? `${window} s` : window;
  return `${max} ${unit} per ${span}, by ${scope}`;
};

const COLUMNS: readonly Column<LimitState>[] = [
  { id: 'tool', header: text.limit.tool, isRowHeader: true, cell: ({ tool }) => tool ?? text.allTools },
  { id: 'what', header: text.limit.what, cell: whatOf },
  { id: 'used', header: text.limit.used, isAtEnd: true, cell: ({ used }) => used ?? text.perSession },
  { id: 'left', header: text.limit.left, isAtEnd: true, cell: ({ left }) => left ?? text.perSession },
  { id: 'resets', header: text.limit.resets, cell: ({ resetAt }) => <Time value={resetAt} never="" /> },
];

/** What a grant used and has left. */
export function GrantLimits({ id }: Readonly<{ id: string }>): ReactElement {
  const limits = useQuery(limitsQuery(id));
  return (
    <Section title={text.limits} lead={text.limitsLead}>
      <Loaded query={limits}>
        {({ items }) =>
          items.length === 0 ? (
            <p>{text.noLimits}</p>
          ) : (
            <DataTable caption={text.limits} items={items} columns={COLUMNS} keyOf={({ rule }) => rule} />
          )
        }
      </Loaded>
    </Section>
  );
}
