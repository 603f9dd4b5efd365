import { useMutation } from '@tanstack/react-query';
import type { ReactElement } from 'react';
import { messageOf } from '../api/problem.js';
import { queryClient } from '../api/query-client.js';
import { useMay } from '../api/session.js';
import { serverText } from '../text/servers.js';
import { Button } from '../ui/button.js';
import { Facts, Row } from '../ui/page.js';
import { tell } from '../ui/toast.js';
import { acceptTool, setToolDisabled, type Tool } from './requests.js';
import styles from './tools.module.css';

const text = serverText.tool;

const inputNames = ({ inputSchema }: Tool): string => {
  const properties = (inputSchema as Readonly<{ properties?: object }> | null)?.properties ?? {};
  return Object.keys(properties).join(', ') || text.noInputs;
};

/** One tool: its description, why it counts as what it does, and what changed since it was pinned. */
export function ToolDetail({ serverId, tool }: Readonly<{ serverId: string; tool: Tool }>): ReactElement {
  const mayAccept = useMay('policy_manager');
  const mayDisable = useMay();
  const reread = () => queryClient.invalidateQueries({ queryKey: ['servers', serverId] });
  const accept = useMutation({
    mutationFn: () => acceptTool(serverId, tool),
    onSuccess: () => tell(text.accepted(tool.name)),
    onSettled: reread,
  });
  const toggle = useMutation({
    mutationFn: () => setToolDisabled(serverId, tool, !tool.disabled),
    onSettled: reread,
  });
  const failure = accept.error ?? toggle.error;
  return (
    <div className={styles['opened']}>
      <Facts
        facts={[
          [text.description, tool.description ?? undefined],
          [text.evidence, tool.evidence.join(' ') || undefined],
          [text.inputs, <code key="inputs">{inputNames(tool)}</code>],
          [text.hash, <code key="hash">{tool.definitionHash}</code>],
        ]}
      />
      {tool.changes.length > 0 && <Changes tool={tool} />}
      {failure && <p role="alert">{messageOf(failure)}</p>}
      <Row>
        {tool.changed && mayAccept && (
          <Button look="primary" isPending={accept.isPending} onPress={() => accept.mutate()}>
            {text.accept}
          </Button>
        )}
        {mayDisable && (
          <Button isPending={toggle.isPending} onPress={() => toggle.mutate()}>
            {tool.disabled ? text.enable : text.disable}
          </Button>
        )}
      </Row>
    </div>
  );
}

function Changes({ tool }: Readonly<{ tool: Tool }>): ReactElement {
  return (
    <div>
      <h3>{text.changeTitle}</h3>
      <p className={styles['soft']}>{text.changeLead}</p>
      <ul className={styles['diff']}>
        {tool.changes.flatMap(({ pinnedHash, diff }) =>
          diff.map((difference) => (
            <li key={`${pinnedHash} ${difference.pointer}`}>
              <span className={styles['pointer']}>{difference.pointer || '/'}</span>
              <code>{difference.text}</code>
            </li>
          )),
        )}
      </ul>
    </div>
  );
}
