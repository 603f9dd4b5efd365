import { api } from '../api/client.js';
import type { components } from '../api/schema.js';
import { dataOf } from '../api/problem.js';
import { nodeAt, readJson } from '../policies/text/json-tree.js';
import type { Status } from './approvals-search.js';
import { indented } from './indented.js';

export type Approval = components['schemas']['ApprovalView'];
export type ExcludedApprover = components['schemas']['ExcludedApproverView'];

/** An approval with what only approvers see; `argumentsText` is exactly what the agent wrote, in lines. */
export type OpenApproval = Readonly<{
  approval: Approval;
  mayNotApprove: readonly ExcludedApprover[] | undefined;
  argumentsText: string | undefined;
  otherText: string | undefined;
}>;

/** The approvals of a status, those that end first before the others. */
export const fetchApprovals = async (status: Status): Promise<readonly Approval[]> =>
  dataOf(
    await api.GET('/v1/approvals', {
      params: { query: { status, limit: 200, sort: status === 'pending' ? 'expiresAt' : '-requestedAt' } },
    }),
  ).items;

/** One approval. Its arguments are taken from the text of the answer, so that no number is rounded. */
export async function fetchApproval(id: string): Promise<OpenApproval> {
  const text = dataOf(await api.GET('/v1/approvals/{id}', { params: { path: { id } }, parseAs: 'text' })) as string;
  const read = readJson(text);
  if (!read.ok) throw new Error('The approval can not be read.');
  const approval = read.value as unknown as Approval & Partial<Pick<OpenApproval, 'mayNotApprove'>>;
  const partText = (key: string): string | undefined => {
    const node = nodeAt(read.root, [key]);
    return node === undefined || node.type === 'null'
      ? undefined
      : indented(text.slice(node.offset, node.offset + node.length));
  };
  return {
    approval,
    mayNotApprove: approval.mayNotApprove,
    argumentsText: partText('arguments'),
    otherText: partText('otherParams'),
  };
}

/** The approvals of the same tool, the newest first. */
export const fetchHistory = async ({ tool, serverId, id }: Approval): Promise<readonly Approval[]> => {
  const page = dataOf(
    await api.GET('/v1/approvals', { params: { query: { q: tool.slice(0, 200), sort: '-requestedAt', limit: 200 } } }),
  );
  return page.items.filter((one) => one.tool === tool && one.serverId === serverId && one.id !== id);
};

/** Approves or rejects a held call, with a comment. @throws Refusal four_eyes, conflict */
export const decideApproval = async (
  id: string,
  decision: 'approve' | 'reject',
  comment: string,
): Promise<Approval> => {
  const request = { params: { path: { id } }, body: { comment: comment.trim() === '' ? null : comment } };
  return decision === 'approve'
    ? dataOf(await api.POST('/v1/approvals/{id}/approve', request))
    : dataOf(await api.POST('/v1/approvals/{id}/reject', request));
};
