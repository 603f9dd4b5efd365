type Switch = Readonly<{ disabled: boolean }>;

/** What a call stands on, each of which an admin can disable. `grant` is left out where nobody makes the call. */
export type Switches = Readonly<{
  organization: Switch;
  server: Switch & Readonly<{ disabledTools: Pick<ReadonlySet<string>, 'has'> }>;
  identity: Switch;
  grant?: Switch;
}>;

/**
 * Why a call reaches no upstream whatever the policy says: an admin has disabled something that it stands on. `tool` is
 * the one that it names. Undefined when nothing is disabled.
 */
export function reasonWhyDisabled(
  { organization, server, identity, grant }: Switches,
  tool: string | null = null,
): string | undefined {
  if (organization.disabled) return 'the organization is disabled';
  if (server.disabled) return 'the server is disabled; ask your administrator';
  if (identity.disabled) return 'the identity of this grant is disabled; ask your administrator';
  if (grant?.disabled === true) return 'this grant is disabled; ask your administrator';
  return tool !== null && server.disabledTools.has(tool) ? `${tool} is disabled; ask your administrator` : undefined;
}
