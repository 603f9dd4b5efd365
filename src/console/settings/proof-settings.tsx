import { useMutation, useQuery } from '@tanstack/react-query';
import { useState, type ReactElement } from 'react';
import { api } from '../api/client.js';
import { dataOf, messageOf } from '../api/problem.js';
import { settingsText } from '../text/settings.js';
import { Button } from '../ui/button.js';
import { CodeBlock } from '../ui/copy.js';
import { Form, FormActions, TextField } from '../ui/field.js';
import { Facts, Row, Section } from '../ui/page.js';
import { Loaded } from '../ui/states.js';
import { Time } from '../ui/time.js';
import { checkpointQuery } from './requests.js';

const text = settingsText.proof;

/** The newest checkpoint, a check of the log against it, and a bundle to take away. */
export function ProofSettings(): ReactElement {
  const checkpoints = useQuery(checkpointQuery);
  const check = useMutation({ mutationFn: async () => dataOf(await api.POST('/v1/audit/self-check')) });
  return (
    <>
      <Section title={text.title} lead={text.lead}>
        <Loaded query={checkpoints}>
          {([checkpoint]) =>
            checkpoint === undefined ? (
              <p>{text.none}</p>
            ) : (
              <>
                <Facts
                  facts={[
                    [text.size, checkpoint.treeSize],
                    [text.time, <Time key="time" value={checkpoint.time} never="" />],
                    [text.root, <code key="root">{checkpoint.rootHash}</code>],
                  ]}
                />
                <CodeBlock name={text.note} text={checkpoint.note} />
              </>
            )
          }
        </Loaded>
        <Row>
          <Button isPending={check.isPending} onPress={() => check.mutate()}>
            {text.check}
          </Button>
          <span role="status">
            {check.error && messageOf(check.error)}
            {check.data && (check.data.ok ? text.good(check.data.checkedTo) : text.bad(check.data.firstBadSeq ?? 0))}
          </span>
        </Row>
      </Section>
      <Bundle />
    </>
  );
}

const save = (data: Blob): void => {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(data);
  link.download = 'toolgate-bundle.json';
  link.click();
  URL.revokeObjectURL(link.href);
};

const timeOf = (typed: string): string | undefined => (typed === '' ? undefined : new Date(typed).toISOString());

function Bundle(): ReactElement {
  const [from, setFrom] = useState('');
  const [to, setTo] = useState('');
  const download = useMutation({
    mutationFn: async () => {
      const query = { from: timeOf(from), to: timeOf(to) };
      save(dataOf(await api.GET('/v1/audit/bundle', { params: { query: query as never }, parseAs: 'blob' })) as Blob);
    },
  });
  return (
    <Section title={text.bundle} lead={text.bundleLead}>
      <Form error={download.error} onSubmit={() => download.mutate()} label={text.bundle}>
        <TextField label={text.from} type="datetime-local" value={from} onChange={setFrom} isRequired />
        <TextField label={text.to} type="datetime-local" value={to} onChange={setTo} isRequired />
        <FormActions>
          <Button type="submit" isPending={download.isPending}>
            {text.download}
          </Button>
        </FormActions>
      </Form>
    </Section>
  );
}
