import { useQuery } from '@tanstack/react-query';
import type { ReactElement } from 'react';
import { useMay } from '../api/session.js';
import { grantText } from '../text/grants.js';
import { Section } from '../ui/page.js';
import { Loaded } from '../ui/states.js';
import { adviceQuery } from './requests.js';

const text = grantText.detail;
const MAX_NAMED = 30;

/** What a grant could do without, for those who write policies. */
export function GrantAdvice({ id }: Readonly<{ id: string }>): ReactElement | null {
  const mayRead = useMay('policy_manager');
  const advice = useQuery({ ...adviceQuery(id), enabled: mayRead });
  if (!mayRead) return null;
  return (
    <Section title={text.advice} lead={text.adviceLead}>
      <Loaded query={advice}>
        {({ neverUsed }) =>
          neverUsed.length === 0 ? (
            <p>{text.noAdvice}</p>
          ) : (
            <p>
              {text.neverUsed(neverUsed.length)}{' '}
              <code>
                {neverUsed
                  .slice(0, MAX_NAMED)
                  .map(({ tool }) => tool)
                  .join(', ')}
                {neverUsed.length > MAX_NAMED && ', …'}
              </code>
            </p>
          )
        }
      </Loaded>
    </Section>
  );
}
