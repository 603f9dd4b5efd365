import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef, type ReactElement } from 'react';
import { api } from '../api/client.js';
import { rangeOf, readJson } from './source.js';
import styles from './log.module.css';

type Props = Readonly<{ policyId: string; version: number; rule: string | null }>;

/** The document that decided, as it was then, with the rule that decided lit. */
export function RuleInSource({ policyId, version, rule }: Props): ReactElement {
  const lit = useRef<HTMLElement>(null);
  const source = useQuery({
    queryKey: ['policy-version', policyId, version],
    queryFn: async () => {
      const { data } = await api.GET('/v1/policies/{id}/versions/{version}', {
        params: { path: { id: policyId, version: String(version) } },
      });
      if (data === undefined) throw new Error('This version of the policy is no longer there.');
      return data;
    },
    staleTime: Number.POSITIVE_INFINITY,
  });
  useEffect(() => {
    const mark = lit.current;
    const around = mark?.closest('pre');
    if (mark && around) around.scrollTop = mark.offsetTop - around.offsetTop - 40;
  }, [source.data, rule]);
  if (source.error) return <p>{source.error.message}</p>;
  if (source.data === undefined) return <p aria-busy="true">Loading the policy…</p>;
  const { source: text, name } = source.data;
  const read = readJson(text);
  const { from, to } = read.ok && rule !== null && rule !== '' ? rangeOf(read.root, rule) : { from: 0, to: 0 };
  return (
    <figure className={styles['source']}>
      <figcaption>
        {name}, version {version}
        {rule === null ? '' : ':'} <code>{rule}</code>
      </figcaption>
      <pre tabIndex={0} aria-label="The policy that decided">
        {text.slice(0, from)}
        <mark ref={lit}>{text.slice(from, to)}</mark>
        {text.slice(to)}
      </pre>
    </figure>
  );
}
