import { useMutation, useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import type { ReactElement } from 'react';
import { messageOf } from '../api/problem.js';
import { queryClient } from '../api/query-client.js';
import { useMay } from '../api/session.js';
import { streamText } from '../text/log-streams.js';
import { Button } from '../ui/button.js';
import { CodeBlock } from '../ui/copy.js';
import { ConfirmButton } from '../ui/dialog.js';
import { Facts, Page, Section } from '../ui/page.js';
import { Loaded } from '../ui/states.js';
import { DataTable, type Column } from '../ui/table.js';
import { Time } from '../ui/time.js';
import { tell } from '../ui/toast.js';
import { deadLettersQuery, deleteStream, redrive, setPaused, streamQuery, type DeadLetter } from './requests.js';
import { StreamHealth } from './stream-health.js';
import { StreamStatus } from './stream-status.js';
import { StreamTest } from './stream-test.js';

const text = streamText.detail;
const reread = () => queryClient.invalidateQueries({ queryKey: ['log-streams'] });

/** One log stream: whether it keeps up, what was refused, and a test event. */
export function StreamPage({ id }: Readonly<{ id: string }>): ReactElement {
  const stream = useQuery(streamQuery(id));
  const isAdmin = useMay();
  const isPaused = stream.data?.status === 'paused' || stream.data?.status === 'suspended';
  return (
    <Page
      title={stream.data?.name ?? streamText.title}
      back={{ to: '/log-streams', label: streamText.title }}
      actions={isAdmin && stream.data && <Actions id={id} isPaused={isPaused} />}
    >
      <Loaded query={stream}>
        {({ kind, format, status, statusReason, createdAt, config }) => (
          <>
            <Facts
              facts={[
                [streamText.columns.status, <StreamStatus key="status" status={status} />],
                ['', statusReason ?? undefined],
                [streamText.columns.kind, streamText.kinds[kind]],
                [streamText.columns.format, format],
                [streamText.columns.created, <Time key="created" value={createdAt} never="" />],
              ]}
            />
            <CodeBlock name={text.config} text={JSON.stringify(config, undefined, 2)} />
          </>
        )}
      </Loaded>
      {isAdmin && <StreamTest id={id} />}
      <StreamHealth id={id} />
      <DeadLetters id={id} isAdmin={isAdmin} />
    </Page>
  );
}

function Actions({ id, isPaused }: Readonly<{ id: string; isPaused: boolean }>): ReactElement {
  const navigate = useNavigate();
  const toggle = useMutation({
    mutationFn: () => setPaused(id, !isPaused),
    onError: (error) => tell(messageOf(error)),
    onSettled: reread,
  });
  return (
    <>
      <Button isPending={toggle.isPending} onPress={() => toggle.mutate()}>
        {isPaused ? text.resume : text.pause}
      </Button>
      <ConfirmButton
        label={text.remove}
        title={text.removeTitle}
        text={text.removeText}
        confirm={text.remove}
        onConfirm={async () => {
          await deleteStream(id);
          await navigate({ to: '/log-streams' });
          await reread();
        }}
      />
    </>
  );
}

const DEAD: readonly Column<DeadLetter>[] = [
  { id: 'seq', header: text.seq, isRowHeader: true, cell: ({ seq }) => seq, value: ({ seq }) => seq },
  { id: 'at', header: text.at, cell: ({ at }) => <Time value={at} never="" />, value: ({ at }) => at },
  {
    id: 'answer',
    header: text.answer,
    cell: ({ httpStatus, answer }) => <code>{[httpStatus ?? '', answer].join(' ').trim()}</code>,
  },
];

function DeadLetters({ id, isAdmin }: Readonly<{ id: string; isAdmin: boolean }>): ReactElement {
  const letters = useQuery(deadLettersQuery(id));
  const again = useMutation({
    mutationFn: () => redrive(id),
    onError: (error) => tell(messageOf(error)),
    onSettled: reread,
  });
  const hasSome = (letters.data?.length ?? 0) > 0;
  const action = isAdmin && hasSome && (
    <Button isPending={again.isPending} onPress={() => again.mutate()}>
      {text.redrive}
    </Button>
  );
  return (
    <Section title={text.dead} lead={text.deadLead} actions={action}>
      <Loaded query={letters}>
        {(items) =>
          items.length === 0 ? (
            <p>{text.noDead}</p>
          ) : (
            <DataTable caption={text.dead} items={items} columns={DEAD} keyOf={({ eventId }) => eventId} />
          )
        }
      </Loaded>
    </Section>
  );
}
