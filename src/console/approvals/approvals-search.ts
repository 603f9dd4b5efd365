export const STATUSES = ['pending', 'approved', 'used', 'rejected', 'expired', 'void'] as const;
export type Status = (typeof STATUSES)[number];

export type ApprovalsSearch = Readonly<{ status?: Status; open?: string }>;

/** Reads the search parameters of a link to the approvals. */
export const readApprovalsSearch = (raw: Readonly<Record<string, unknown>>): ApprovalsSearch => {
  const status = STATUSES.find((one) => one === raw['status']);
  const { open } = raw;
  return { ...(status && { status }), ...(typeof open === 'string' && /^apr_\w{1,64}$/.test(open) && { open }) };
};
