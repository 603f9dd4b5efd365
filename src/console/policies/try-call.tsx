import { useMutation, useQuery } from '@tanstack/react-query';
import { useState, type FormEvent, type ReactElement } from 'react';
import { decide, fetchIdentities, runCases, type Decision, type Identity, type Tool } from './requests.js';
import { isJsonObject, readJson, type JsonObject } from './text/json-tree.js';
import type { Draft } from './use-draft.js';
import styles from './builder.module.css';

type Props = Readonly<{
  draft: Draft;
  serverId: string;
  tools: readonly Tool[];
  onLit: (pointer: string | undefined) => void;
  onKeep: (one: TryCase) => void;
}>;

/** A call as a test case. */
export type TryCase = Readonly<{
  name: string;
  tool: string;
  arguments: JsonObject;
  identity?: Readonly<{ name: string; kind: string; attributes: object }>;
  expect: Readonly<{ effect: string }>;
}>;

type Tried = Readonly<{ effect: string; code: string; rule: string | null; reason: string; trace: Decision['trace'] }>;

type Call = Readonly<{ tool: string; arguments: JsonObject; identity: Identity | undefined }>;

const identityOf = ({ identity }: Call): Pick<TryCase, 'identity'> =>
  identity === undefined
    ? {}
    : { identity: { name: identity.name, kind: identity.kind, attributes: identity.attributes } };

const caseOf = (call: Call, effect: string): TryCase => ({
  name: `${call.tool} ${JSON.stringify(call.arguments)}`.slice(0, 200),
  tool: call.tool,
  arguments: call.arguments,
  ...identityOf(call),
  expect: { effect },
});

/** What a call would come to: by the saved version with its trace, by a draft as a test case. */
async function tryCall(draft: Draft, serverId: string, call: Call): Promise<Tried> {
  if (!draft.isChanged && draft.base !== undefined)
    return decide(draft.base.id, {
      tool: call.tool,
      arguments: call.arguments,
      ...(call.identity && { identityId: call.identity.id }),
    });
  if (!draft.read.ok) throw new Error('Correct the JSON first.');
  const report = await runCases(serverId, { ...draft.read.model.value }, [caseOf(call, 'allow')]);
  const result = report.results[0];
  if (result === undefined) throw new Error('The API judged nothing.');
  return { ...result, trace: [] };
}

/** "Try a call": nothing is called, the policy alone judges. */
export function TryCall({ draft, serverId, tools, onLit, onKeep }: Props): ReactElement {
  const identities = useQuery({ queryKey: ['identities'], queryFn: fetchIdentities });
  const [fault, setFault] = useState('');
  const tried = useMutation({
    mutationFn: (call: Call) => tryCall(draft, serverId, call),
    onSuccess: ({ rule }) => onLit(rule ?? undefined),
  });
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget);
    const given = String(fields.get('arguments') ?? '').trim();
    const read = readJson(given === '' ? '{}' : given);
    if (!read.ok || !isJsonObject(read.value)) return setFault('Write the arguments as a JSON object.');
    setFault('');
    const identity = identities.data?.find(({ id }) => id === fields.get('identity'));
    tried.mutate({ tool: String(fields.get('tool')), arguments: read.value, identity });
  };
  return (
    <form className={styles['try']} onSubmit={submit} aria-label="Try a call">
      <label>
        Call
        <input name="tool" list="policy-tools" required />
      </label>
      <datalist id="policy-tools">
        {tools.map(({ name }) => (
          <option key={name} value={name} />
        ))}
      </datalist>
      <label>
        as
        <select name="identity">
          <option value="">anybody</option>
          {identities.data?.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <label>
        with
        <textarea name="arguments" rows={3} placeholder='{ "project_id": 1 }' spellCheck={false} />
      </label>
      <button type="submit" disabled={tried.isPending}>
        Try
      </button>
      <p role="status">{fault || tried.error?.message}</p>
      {tried.data && tried.variables && (
        <Outcome tried={tried.data} onKeep={() => onKeep(caseOf(tried.variables, tried.data.effect))} />
      )}
    </form>
  );
}

const SAID: Readonly<Record<string, string>> = { allow: 'Allowed', deny: 'Refused', hold: 'Held for approval' };

function Outcome({ tried, onKeep }: Readonly<{ tried: Tried; onKeep: () => void }>): ReactElement {
  const { effect, rule, reason, code, trace } = tried;
  return (
    <div className={styles['outcome']} data-outcome={effect}>
      <p>
        <strong>{SAID[effect] ?? effect}</strong> by <code>{rule ?? code}</code>
      </p>
      <p>{reason}</p>
      {trace.length > 0 && (
        <ol>
          {trace.map((step) => (
            <li key={step.rule}>
              <code>{step.rule}</code> {step.outcome.replaceAll('_', ' ')} {step.detail}
            </li>
          ))}
        </ol>
      )}
      <button type="button" className={styles['quiet']} onClick={onKeep}>
        Keep as a test case
      </button>
    </div>
  );
}
