/**
 * Facts that two areas must spell, as neither may import the other. The compiler refuses this file as soon as their
 * shapes differ.
 */
import type { DiscoveredTool } from '../../src/mcp/upstream/tool-definition.js';
import type { Era } from '../../src/mcp/protocol/era.js';
import type * as events from '../../src/record/event-log/events/index.js';

type Same<A, B> = [A, B] extends [B, A] ? true : false;

/** What is recorded of servers is what discovery finds. */
export const same: Readonly<{
  tool: Same<DiscoveredTool, events.DiscoveredTool>;
  era: Same<Era, events.ServerEra>;
}> = { tool: true, era: true };
