/**
 * A definition of a tool that was taken as good on its server. `number` counts these over the server, so that "later
 * than" needs no clock.
 */
export type Accepted = Readonly<{ definitionHash: string; number: number }>;

/**
 * The definitions that a server's tools had when a policy was published, by name, and how many its server had accepted
 * by then.
 */
export type Pins = Readonly<{ hashes: ReadonlyMap<string, string>; acceptances: number }>;

/**
 * The hash that a tool's definition must have under a policy: what was accepted on its server after the publication,
 * else what it was at the publication, else what was accepted before. Undefined for a tool that nobody has seen.
 */
export function pinnedHash(
  { hashes, acceptances }: Pins,
  tool: string,
  accepted: Accepted | undefined,
): string | undefined {
  if (accepted !== undefined && accepted.number > acceptances) return accepted.definitionHash;
  return hashes.get(tool) ?? accepted?.definitionHash;
}

/** What is known of a tool's definition: whether it is another than the one that was pinned. */
export type Definition = Readonly<{ isChangedFrom: (pins: Pins) => boolean }>;

/** Whether a tool with this definition is another than the one that was pinned; one that nothing pins is not. */
export function isChanged(
  pins: Pins,
  tool: Readonly<{ name: string; definitionHash: string }>,
  accepted: Accepted | undefined,
): boolean {
  const pinned = pinnedHash(pins, tool.name, accepted);
  return pinned !== undefined && pinned !== tool.definitionHash;
}
