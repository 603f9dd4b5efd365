import { RISK_NAMES } from '../../policy-engine/classify/classify.js';
import type { EventStore } from '../../record/event-store/event-store.js';
import { serverStream } from '../servers/servers.store.js';
import { risksOf } from '../servers/tools/tool-risk.js';
import type { RiskGroup } from './views/consent.view.js';

/** The tools of a server that may be called, by what they can do, the greatest risk first. */
export const riskGroupsOf = async (
  store: EventStore,
  { organizationId, id }: Readonly<{ organizationId: string; id: string }>,
): Promise<readonly RiskGroup[]> => {
  const loaded = await store.read(organizationId, (tx) => serverStream.load(tx, organizationId, id));
  if (!loaded) return [];
  const groups = new Map<string, RiskGroup & { tools: string[] }>();
  for (const [name, { category, risk }] of await risksOf(organizationId, loaded.state)) {
    if (loaded.state.disabledTools.includes(name)) continue;
    const group = groups.get(category) ?? { category, risk, tools: [] };
    groups.set(category, group);
    group.tools.push(name);
  }
  const rank = ({ risk }: RiskGroup): number => RISK_NAMES.indexOf(risk);
  return [...groups.values()].sort((left, right) => rank(right) - rank(left));
};
