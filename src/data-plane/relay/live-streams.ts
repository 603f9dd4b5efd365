import { listenTo, reportFailure, startInterval } from '../../platform/runtime/guard.js';
import type { ServerResponse } from 'node:http';
import type { Directory } from '../directory/directory.js';
import { reasonWhyDisabled } from '../../policy-engine/disabled.js';
import type { Authenticated } from '../directory/facts.js';
import type { Kind as NamedKind } from '../../policy-engine/facts.js';

const SWEEP_MS = 250;
/** Every 15 s. */
const SWEEPS_PER_KEEP_ALIVE = 60;

/**
 * `standing`: a stream that ends only when somebody ends it; the other kind carries the answer of one call, of `tool`
 * if it names one.
 */
type StreamKind = Readonly<{ sessionId: string | null; standing: boolean; tool: string | null }>;

/**
 * What a standing stream does when a change of its grant, policy or server's switches changes lists, when the server's
 * own tools changed, when it was long silent, and when it is to end.
 */
export interface StandingHandler {
  listsChanged(kinds: readonly NamedKind[]): void;
  toolsChanged(): void;
  keepAlive(): void;
  close(): void;
}

type Stream = StreamKind &
  Readonly<{
    response: ServerResponse;
    grantId: string;
    tokenHash: Buffer;
    standingStream: StandingHandler | undefined;
  }> & {
    seen: SeenFacts;
  };

/** The facts by which a stream's client last saw its lists. */
type SeenFacts = Pick<Authenticated, 'policy' | 'server'>;

const KINDS = ['tool', 'resource', 'prompt'] as const satisfies readonly NamedKind[];

/** The kinds of lists in which another policy shows other names. */
const kindsChanged = (before: SeenFacts, after: SeenFacts): readonly NamedKind[] => {
  const [old, now] = [before.policy?.compiled, after.policy?.compiled];
  return old === now ? [] : KINDS.filter((kind) => old?.visible[kind] !== now?.visible[kind]);
};

type Server = SeenFacts['server'];

/** Whether a server's list of tools looks otherwise to a client because somebody disabled or accepted a tool. */
const isSwitched = (
  { disabledTools: before, accepted: known }: Server,
  { disabledTools, accepted, tools }: Server,
): boolean =>
  before.size !== disabledTools.size ||
  [...disabledTools].some((name) => !before.has(name)) ||
  [...tools.keys()].some((name) => known.get(name)?.number !== accepted.get(name)?.number && known.has(name));

/** Whether a server has other tools, or other definitions of them. */
const hasOtherTools = ({ tools: before }: Server, { tools }: Server): boolean =>
  before.size !== tools.size ||
  [...tools].some(([name, { definitionHash }]) => before.get(name)?.definitionHash !== definitionHash);

/**
 * Holds every open event stream to a client. It closes a stream within `SWEEP_MS` of this process knowing that the
 * grant is no longer valid (revoked, rotated past its grace, expired, disabled, deleted) or that the session was ended.
 * It notifies standing streams as soon when a change alters what their grant may see.
 */
export class LiveStreams {
  readonly #directory: Directory;
  readonly #streams = new Set<Stream>();
  readonly #timer: NodeJS.Timeout;
  #draining = false;
  #sweeps = 0;

  constructor(directory: Directory) {
    this.#directory = directory;
    this.#timer = startInterval('live_streams', SWEEP_MS, () => this.#sweep());
    this.#timer.unref();
  }

  /** Holds a stream until it closes; one whose client has left already would never say so. */
  add(response: ServerResponse, who: Authenticated, kind: StreamKind, standingStream?: StandingHandler): void {
    if (response.destroyed) return;
    if (kind.standing && this.#draining) return this.#end(response, standingStream);
    const { sessionId, standing, tool } = kind;
    // Spelled out: an object made by a spread has a shape of its own, and there are thousands of streams.
    const stream: Stream = {
      sessionId,
      standing,
      tool,
      response,
      grantId: who.grant.id,
      tokenHash: who.tokenHash,
      standingStream,
      seen: who,
    };
    this.#streams.add(stream);
    listenTo(response, 'close', () => void this.#streams.delete(stream), { where: 'live_streams' });
  }

  get size(): number {
    return this.#streams.size;
  }

  /** Ends the standing streams, and those to come; clients reconnect elsewhere. Answers of calls go on. */
  drain(): void {
    this.#draining = true;
    for (const { response, standing, standingStream } of this.#streams)
      if (standing) this.#end(response, standingStream);
  }

  /** Ends all. */
  stop(): void {
    clearInterval(this.#timer);
    for (const { response } of this.#streams) response.end();
  }

  #end(response: ServerResponse, standingStream: StandingHandler | undefined): void {
    if (standingStream) standingStream.close();
    else response.end();
  }

  #sweep(): void {
    const now = Date.now();
    this.#sweeps += 1;
    for (const stream of this.#streams) this.#check(stream, now);
  }

  /** One stream that fails is ended, and not the sweep of the others. */
  #check(stream: Stream, now: number): void {
    try {
      const { response, grantId, tokenHash, sessionId, tool, standingStream } = stream;
      const who = this.#directory.lookUp(grantId, tokenHash, now);
      const good =
        who !== undefined &&
        reasonWhyDisabled(who, tool) === undefined &&
        (sessionId === null || !this.#directory.isEnded(sessionId));
      if (!good) response.destroy();
      else if (standingStream) this.#notifyOfChanges(stream, standingStream, who);
    } catch (error) {
      reportFailure('live_streams', error);
      stream.response.destroy();
    }
  }

  #notifyOfChanges(stream: Stream, standingStream: StandingHandler, who: SeenFacts): void {
    const { seen } = stream;
    // Replaced only when something changed: thousands of streams would each keep a new object four times a second.
    if (seen.policy !== who.policy || seen.server !== who.server) stream.seen = who;
    const kinds = kindsChanged(seen, who);
    const changed = seen.server.version !== who.server.version;
    const switched = changed && isSwitched(seen.server, who.server);
    if (kinds.length > 0 || switched)
      standingStream.listsChanged(switched && !kinds.includes('tool') ? ['tool', ...kinds] : kinds);
    else if (changed && hasOtherTools(seen.server, who.server)) standingStream.toolsChanged();
    else if (this.#sweeps % SWEEPS_PER_KEEP_ALIVE === 0) standingStream.keepAlive();
  }
}
