import type { Approval } from './requests.js';

const listed = (names: readonly string[]): string => names.map((name) => `"${name}"`).join(', ');

const policyText = ({ policyName, policyVersion }: Approval): string => `version ${policyVersion} of ${policyName}`;

/**
 * What is different from the last request for the same tool by the same identity, in sentences. Values of decided calls
 * are not kept, so that arguments are compared by their names and by their digest.
 */
export function differencesFrom(last: Approval | undefined, now: Approval): readonly string[] {
  if (last === undefined) return ['This identity never asked for this tool before.'];
  const added = now.argumentKeys.filter((key) => !last.argumentKeys.includes(key));
  const removed = last.argumentKeys.filter((key) => !now.argumentKeys.includes(key));
  const said = [
    added.length > 0 ? [`New arguments: ${listed(added)}.`] : [],
    removed.length > 0 ? [`No longer given: ${listed(removed)}.`] : [],
    last.definitionHash === now.definitionHash ? [] : ['The definition of the tool is another one.'],
    last.policyVersion === now.policyVersion && last.policyId === now.policyId
      ? []
      : [`The policy is ${policyText(now)}; it was ${policyText(last)}.`],
    last.grantId === now.grantId ? [] : ['The call comes by another grant.'],
    last.argumentsDigest === now.argumentsDigest
      ? ['The arguments are exactly those of last time.']
      : ['Values of arguments are others than last time.'],
  ].flat();
  return said;
}
