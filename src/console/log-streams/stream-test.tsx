import { useMutation } from '@tanstack/react-query';
import type { ReactElement } from 'react';
import { messageOf } from '../api/problem.js';
import { streamText } from '../text/log-streams.js';
import { Button } from '../ui/button.js';
import { CodeBlock } from '../ui/copy.js';
import { Row, Section } from '../ui/page.js';
import { testStream } from './requests.js';

const text = streamText.detail;

/** Sends one marked event and shows what the receiver answered. */
export function StreamTest({ id }: Readonly<{ id: string }>): ReactElement {
  const test = useMutation({ mutationFn: () => testStream(id) });
  const answer = test.data?.answer as Readonly<{ httpStatus: number | null; body: string }> | null | undefined;
  return (
    <Section title={text.test}>
      <Row>
        <Button isPending={test.isPending} onPress={() => test.mutate()}>
          {text.test}
        </Button>
        <span role="status">
          {test.error && messageOf(test.error)}
          {test.data && (test.data.delivered ? text.tested(test.data.durationMs) : text.failed(test.data.error ?? ''))}
        </span>
      </Row>
      {answer && (
        <CodeBlock name={text.answer} text={[answer.httpStatus ?? '', answer.body].join('\n').trim() || '–'} />
      )}
    </Section>
  );
}
