import { useMutation } from '@tanstack/react-query';
import { useState, type ReactElement } from 'react';
import { queryClient } from '../api/query-client.js';
import { useMay } from '../api/session.js';
import { streamText } from '../text/log-streams.js';
import { Button } from '../ui/button.js';
import { Form, FormActions, TextField } from '../ui/field.js';
import { Page } from '../ui/page.js';
import { Select } from '../ui/select.js';
import { NoPermission } from '../ui/states.js';
import { CodeLine } from '../ui/copy.js';
import { configOf, KIND_FIELDS, type FieldName, type StreamKind } from './kinds.js';
import { createStream } from './requests.js';
import { StreamTest } from './stream-test.js';

const text = streamText.form;
const KINDS = (Object.keys(streamText.kinds) as StreamKind[]).map((id) => ({ id, label: streamText.kinds[id] }));
const STARTS = [
  { id: 'now', label: text.now },
  { id: 'beginning', label: text.beginning },
] as const;

/** A new log stream: its kind says what is asked for. Then a test event shows whether it arrives. */
export function NewStreamPage(): ReactElement {
  return (
    <Page title={streamText.add} lead={streamText.lead} back={{ to: '/log-streams', label: streamText.title }}>
      {useMay() ? <StreamForm /> : <NoPermission roles={['admin']} />}
    </Page>
  );
}

function StreamForm(): ReactElement {
  const [name, setName] = useState('');
  const [kind, setKind] = useState<StreamKind>('webhook');
  const [startAt, setStartAt] = useState<'now' | 'beginning'>('now');
  const [typed, setTyped] = useState<Partial<Record<FieldName, string>>>({});
  const fields = KIND_FIELDS[kind];
  const add = useMutation({
    mutationFn: () => createStream({ name, kind, startAt, config: configOf(kind, typed) }),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ['log-streams'] }),
  });
  if (add.data)
    return (
      <>
        {add.data.secret !== undefined && (
          <div role="status">
            <p>{text.secretLead}</p>
            <CodeLine name={text.secret} text={add.data.secret} />
          </div>
        )}
        <StreamTest id={add.data.id} />
      </>
    );
  return (
    <Form
      error={add.error}
      fields={['/name', '/kind', ...fields.map((field) => `/config/${field.name}`)]}
      onSubmit={() => add.mutate()}
    >
      <TextField label={text.name} name="/name" value={name} onChange={setName} isRequired autoFocus />
      <Select label={text.kind} name="/kind" value={kind} onChange={setKind} choices={KINDS} />
      {fields.map((field) => (
        <TextField
          key={`${kind} ${field.name}`}
          label={streamText.fields[field.name]}
          name={`/config/${field.name}`}
          type={field.isSecret ? 'password' : 'text'}
          value={typed[field.name] ?? ''}
          onChange={(value) => setTyped((before) => ({ ...before, [field.name]: value }))}
          isRequired={field.isRequired ?? false}
          {...(field.example !== undefined && { placeholder: field.example })}
        />
      ))}
      <Select label={text.startAt} name="/startAt" value={startAt} onChange={setStartAt} choices={STARTS} />
      <FormActions>
        <Button look="primary" type="submit" isPending={add.isPending}>
          {text.action}
        </Button>
      </FormActions>
    </Form>
  );
}
