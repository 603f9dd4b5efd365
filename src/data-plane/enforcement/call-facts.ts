import type { ToolFacts } from '../directory/tool-facts.js';
import type { CompiledSchema, Facts, Kind } from '../../policy-engine/decide.js';
import { prepareDecision } from '../../policy-engine/prepare.js';
import type { GovernedCall } from './call.js';

/** What a policy may ask about a call. A class, as a getter in an object literal is made anew for every call. */
export class CallFacts implements Facts {
  readonly kind: Kind;
  readonly tool: string;
  readonly arguments: unknown;
  readonly identity: Facts['identity'];
  readonly organizationId: string;
  readonly grantId: string;
  readonly serverId: string;
  readonly sessionId: string | undefined;
  readonly sourceIp: string | undefined;
  readonly clientName: string | undefined;
  /** Of a tool that the directory knows. */
  readonly definition: ToolFacts | undefined;
  readonly approved: boolean;
  /** Known when a policy asks for it, `schemaFor` told. */
  readonly inputSchema: CompiledSchema | undefined;
  readonly #nowMs: number;

  constructor(call: GovernedCall, nowMs: number, inputSchema: CompiledSchema | undefined, approved = false) {
    const { grant, server, identity } = call.who;
    this.kind = call.kind ?? 'tool';
    this.tool = call.tool ?? '';
    this.arguments = call.arguments;
    this.identity = identity;
    this.organizationId = grant.organizationId;
    this.grantId = grant.id;
    this.serverId = server.id;
    this.sessionId = call.sessionId ?? undefined;
    this.sourceIp = call.sourceIp ?? undefined;
    this.clientName = call.client?.name;
    this.definition = this.kind === 'tool' ? server.tools.get(this.tool) : undefined;
    this.approved = approved;
    this.inputSchema = inputSchema;
    this.#nowMs = nowMs;
  }

  get now(): Date {
    return new Date(this.#nowMs);
  }
}

/** The schema of a call's tool, when a policy of the call checks arguments; a promise only while it is compiled. */
export const schemaFor = ({
  who,
  tool,
  kind = 'tool',
}: GovernedCall): CompiledSchema | undefined | Promise<CompiledSchema | undefined> => {
  const isAsked = who.policy?.compiled.checksArguments === true || who.shadow?.compiled.checksArguments === true;
  return isAsked && kind === 'tool' && tool !== null
    ? who.server.tools.get(tool ?? '')?.inputSchemaFor(who.organization.id)
    : undefined;
};

/**
 * What the policies of a call must do before they can judge it quickly; undefined, nearly always, when they have done
 * it.
 */
export const preparationFor = (call: GovernedCall): Promise<unknown> | undefined => {
  const { tool, kind = 'tool' } = call;
  const { policy, shadow, organization } = call.who;
  if (tool === null) return undefined;
  const prepared = policy && prepareDecision(policy.compiled, kind, tool, organization.id);
  const shadowPrepared = shadow && prepareDecision(shadow.compiled, kind, tool, organization.id);
  return prepared === undefined ? shadowPrepared : Promise.all([prepared, shadowPrepared]);
};
