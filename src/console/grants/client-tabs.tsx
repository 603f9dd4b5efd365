import type { ReactElement } from 'react';
import { grantText } from '../text/grants.js';
import { CodeBlock } from '../ui/copy.js';
import { Tabs } from '../ui/tabs.js';
import { clientConfigurations } from './client-configurations.js';

const text = grantText.client;

const leadOf = (id: string, file: string | undefined): string =>
  id === 'claude-code' ? text.claudeCode : file === undefined ? text.other : text.file(file);

type Props = Readonly<{ serverName: string; mcpUrl: string; token?: string }>;

/** One tab a client, each with what goes into it. Without the token there is a place for it. */
export function ClientTabs({ serverName, mcpUrl, token = text.placeholder }: Props): ReactElement {
  const items = clientConfigurations(serverName, mcpUrl, token).map(({ id, label, blocks }) => ({
    id,
    label,
    content: (
      <>
        <p>{leadOf(id, blocks[0]?.file)}</p>
        {blocks.map((block) => (
          <CodeBlock key={block.name} name={block.name} text={block.text} />
        ))}
      </>
    ),
  }));
  return <Tabs label={text.tabs} items={items} />;
}
