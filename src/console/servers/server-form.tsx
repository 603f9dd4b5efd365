import { useMutation, useQuery } from '@tanstack/react-query';
import { useDeferredValue, useState, type ReactElement } from 'react';
import { queryClient } from '../api/query-client.js';
import { serverText } from '../text/servers.js';
import { Button } from '../ui/button.js';
import { Choices, Form, FormActions, TextField } from '../ui/field.js';
import { catalogPreset, catalogQuery, createServer, type CatalogServer, type Server } from './requests.js';
import { draftOfPreset, EMPTY_DRAFT, requestOf, type ServerDraft, type TransportType } from './server-draft.js';
import styles from './server-form.module.css';

const text = serverText.form;
const FIELDS = ['/name', '/transport/url', '/transport/command', '/transport/args', '/transport/env'];
const TRANSPORTS = (Object.keys(text.transports) as TransportType[]).map((id) => ({ id, ...text.transports[id] }));

type Change = (part: Partial<ServerDraft>) => void;

/** Registers a server: by its URL, by a command, or by what the catalog knows of it. */
export function ServerForm({ onAdded }: Readonly<{ onAdded: (server: Server) => void }>): ReactElement {
  const [draft, setDraft] = useState(EMPTY_DRAFT);
  const change: Change = (part) => setDraft((before) => ({ ...before, ...part }));
  const add = useMutation({
    mutationFn: () => createServer(requestOf(draft)),
    onSuccess: async (server) => {
      await queryClient.invalidateQueries({ queryKey: ['servers'] });
      onAdded(server);
    },
  });
  return (
    <div className={styles['columns']}>
      <Form error={add.error} fields={FIELDS} onSubmit={() => add.mutate()}>
        <TextField
          label={text.name}
          name="/name"
          value={draft.name}
          onChange={(name) => change({ name })}
          isRequired
          autoFocus
        />
        {draft.type === 'stdio' ? (
          <CommandFields draft={draft} change={change} />
        ) : (
          <TextField
            label={text.url}
            name="/transport/url"
            type="url"
            description={text.urlRule}
            value={draft.url}
            onChange={(url) => change({ url })}
            isRequired
          />
        )}
        <More draft={draft} change={change} />
        <FormActions>
          <Button look="primary" type="submit" isPending={add.isPending}>
            {serverText.add}
          </Button>
        </FormActions>
      </Form>
      <CatalogSearch onFound={setDraft} />
    </div>
  );
}

type PartProps = Readonly<{ draft: ServerDraft; change: Change }>;

function CommandFields({ draft, change }: PartProps): ReactElement {
  return (
    <>
      <TextField
        label={text.command}
        name="/transport/command"
        description={text.commandRule}
        value={draft.command}
        onChange={(command) => change({ command })}
        isRequired
        isCode
      />
      <TextField
        label={text.args}
        name="/transport/args"
        description={text.argsRule}
        value={draft.args}
        onChange={(args) => change({ args })}
        isLong
        isCode
      />
      <TextField
        label={text.env}
        name="/transport/env"
        description={text.envRule}
        value={draft.env}
        onChange={(env) => change({ env })}
        isLong
        isCode
      />
    </>
  );
}

function More({ draft, change }: PartProps): ReactElement {
  return (
    <details className={styles['more']}>
      <summary>{text.more}</summary>
      <div>
        <Choices label={text.transport} value={draft.type} onChange={(type) => change({ type })} choices={TRANSPORTS} />
        {draft.type !== 'stdio' && (
          <TextField
            label={text.header}
            name="/auth/headers/Authorization"
            type="password"
            description={text.headerRule}
            value={draft.authorization}
            onChange={(authorization) => change({ authorization })}
          />
        )}
      </div>
    </details>
  );
}

function CatalogSearch({ onFound }: Readonly<{ onFound: (draft: ServerDraft) => void }>): ReactElement {
  const [words, setWords] = useState('');
  const found = useQuery(catalogQuery(useDeferredValue(words)));
  const use = useMutation({
    mutationFn: async ({ slug, name }: CatalogServer) => draftOfPreset(name, await catalogPreset(slug)),
    onSuccess: onFound,
  });
  return (
    <div className={styles['stack']} role="search">
      <TextField label={text.catalog} type="search" value={words} onChange={setWords} />
      {found.data?.length === 0 && <p className={styles['note']}>{text.catalogNone}</p>}
      {found.data && found.data.length > 0 && (
        <ul className={styles['found']}>
          {found.data.map((server) => (
            <li key={server.slug}>
              <span className={styles['name']}>
                {server.name} <span className={styles['note']}>{text.tools(server.toolCount)}</span>
              </span>
              <Button look="quiet" onPress={() => use.mutate(server)} aria-label={`${text.use} ${server.name}`}>
                {text.use}
              </Button>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
