import { useState, type ReactElement } from 'react';
import { serverText } from '../text/servers.js';
import { Badge, RiskBadge } from '../ui/badge.js';
import { Button } from '../ui/button.js';
import { TextField } from '../ui/field.js';
import type { Tool } from './requests.js';
import { ToolDetail } from './tool-detail.js';
import styles from './tools.module.css';

const text = serverText.tool;
const MANY = 12;

type TableProps = Readonly<{ serverId: string; tools: readonly Tool[] }>;

/** The tools of a server: what each can do, how bad that can be, and why we think so. */
export function ToolsTable({ serverId, tools }: TableProps): ReactElement {
  const [words, setWords] = useState('');
  const [open, setOpen] = useState<string>();
  const shown = tools.filter(({ name }) => name.toLowerCase().includes(words.trim().toLowerCase()));
  return (
    <>
      {tools.length > MANY && (
        <div className={styles['filter']}>
          <TextField label={serverText.detail.find} type="search" value={words} onChange={setWords} />
        </div>
      )}
      <div className={styles['scroll']}>
        <table className={styles['table']}>
          <caption className={styles['caption']}>{serverText.detail.tools}</caption>
          <thead>
            <tr>
              <th scope="col">{text.name}</th>
              <th scope="col">{text.category}</th>
              <th scope="col">{text.risk}</th>
              <th scope="col">{text.evidence}</th>
              <th scope="col">{text.state}</th>
              <td />
            </tr>
          </thead>
          <tbody>
            {shown.map((tool) => (
              <ToolRows
                key={tool.name}
                serverId={serverId}
                tool={tool}
                isOpen={open === tool.name}
                onToggle={() => setOpen(open === tool.name ? undefined : tool.name)}
              />
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

type RowProps = Readonly<{ serverId: string; tool: Tool; isOpen: boolean; onToggle: () => void }>;

function ToolRows({ serverId, tool, isOpen, onToggle }: RowProps): ReactElement {
  return (
    <>
      <tr>
        <th scope="row">
          <code>{tool.name}</code>
        </th>
        <td>{tool.category}</td>
        <td>
          <RiskBadge risk={tool.risk} />
        </td>
        <td className={styles['evidence']}>{tool.evidence[0]}</td>
        <td>
          <ToolState tool={tool} />
        </td>
        <td className={styles['action']}>
          <Button look="quiet" onPress={onToggle} aria-expanded={isOpen} aria-label={`${text.show}: ${tool.name}`}>
            {isOpen ? text.hide : text.show}
          </Button>
        </td>
      </tr>
      {isOpen && (
        <tr>
          <td colSpan={6}>
            <ToolDetail serverId={serverId} tool={tool} />
          </td>
        </tr>
      )}
    </>
  );
}

function ToolState({ tool }: Readonly<{ tool: Tool }>): ReactElement | null {
  if (tool.disabled) return <Badge>{text.isDisabled}</Badge>;
  if (tool.changed) return <Badge tone="high">{text.changed}</Badge>;
  return tool.pinnedHash === null ? null : <Badge tone="good">{text.pinned}</Badge>;
}
