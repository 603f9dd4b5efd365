import { useMutation, useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import type { ReactElement } from 'react';
import { messageOf } from '../api/problem.js';
import { queryClient } from '../api/query-client.js';
import { useMay } from '../api/session.js';
import { serverText } from '../text/servers.js';
import { Button, ButtonLink } from '../ui/button.js';
import { CodeLine } from '../ui/copy.js';
import { ConfirmButton } from '../ui/dialog.js';
import { Facts, Page, Section } from '../ui/page.js';
import { Empty, Loaded } from '../ui/states.js';
import { Time } from '../ui/time.js';
import { tell } from '../ui/toast.js';
import { deleteServer, discover, serverQuery, toolsQuery, updateServer, type Server } from './requests.js';
import { addressOf, ServerStatus } from './server-status.js';
import { ToolsTable } from './tools-table.js';

const text = serverText.detail;

/** One server: whether it can be reached, and what its tools can do. */
export function ServerPage({ id }: Readonly<{ id: string }>): ReactElement {
  const server = useQuery(serverQuery(id));
  const back = { to: '/servers', label: serverText.title } as const;
  return (
    <Page
      title={server.data?.name ?? serverText.title}
      back={back}
      actions={server.data && <Actions server={server.data} />}
    >
      <Loaded query={server}>{(found) => <About server={found} />}</Loaded>
      <Tools id={id} />
    </Page>
  );
}

function About({ server }: Readonly<{ server: Server }>): ReactElement {
  const { status, statusDetail, mcpUrl, protocolVersion, discoveredAt, createdAt } = server;
  return (
    <Facts
      facts={[
        [serverText.columns.status, <ServerStatus key="status" status={status} />],
        [text.why, statusDetail ?? undefined],
        [text.upstream, <code key="upstream">{addressOf(server)}</code>],
        [text.connect, <CodeLine key="connect" name={text.connect} text={mcpUrl} />],
        [text.revision, protocolVersion ?? undefined],
        [text.read, <Time key="read" value={discoveredAt} never={serverText.never} />],
        [text.created, <Time key="created" value={createdAt} never="" />],
      ]}
    />
  );
}

function Tools({ id }: Readonly<{ id: string }>): ReactElement {
  const tools = useQuery(toolsQuery(id));
  return (
    <Section title={text.tools} lead={text.toolsLead}>
      <Loaded query={tools}>
        {(items) =>
          items.length === 0 ? (
            <Empty title={text.noTools}>{text.noToolsDetail}</Empty>
          ) : (
            <ToolsTable serverId={id} tools={items} />
          )
        }
      </Loaded>
    </Section>
  );
}

function Actions({ server }: Readonly<{ server: Server }>): ReactElement | null {
  const navigate = useNavigate();
  const isAdmin = useMay();
  const reread = () => queryClient.invalidateQueries({ queryKey: ['servers'] });
  const again = useMutation({
    mutationFn: () => discover(server.id),
    onSuccess: ({ toolCount }) => tell(text.discovered(toolCount)),
    onError: (error) => tell(messageOf(error)),
    onSettled: reread,
  });
  const toggle = useMutation({
    mutationFn: () => updateServer(server, { disabled: !server.disabled }),
    onSuccess: ({ disabled }) => tell(disabled ? text.disabled : text.enabled),
    onError: (error) => tell(messageOf(error)),
    onSettled: reread,
  });
  const remove = async (): Promise<void> => {
    await deleteServer(server.id);
    tell(text.removed);
    await navigate({ to: '/servers' });
    await reread();
  };
  if (!isAdmin) return null;
  return (
    <>
      <ButtonLink to="/grants/new" search={{ server: server.id }} look="primary">
        {text.newGrant}
      </ButtonLink>
      <Button isPending={again.isPending} onPress={() => again.mutate()}>
        {text.discover}
      </Button>
      <Button isPending={toggle.isPending} onPress={() => toggle.mutate()}>
        {server.disabled ? text.enable : text.disable}
      </Button>
      <ConfirmButton
        label={text.remove}
        title={text.removeTitle}
        text={text.removeText}
        confirm={text.remove}
        onConfirm={remove}
      />
    </>
  );
}
