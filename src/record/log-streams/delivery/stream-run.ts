import type { Database } from '../../../platform/postgres/database.js';
import type { Outbound } from '../../../platform/outbound/outbound.js';
import type { Vault } from '../../../platform/crypto/vault.js';
import { secretsOf } from '../config/config-fields.js';
import { heartbeatMsOf } from '../config/stream-config.js';
import { formats } from '../formats/formats.js';
import type { FormatName } from '../formats/format.js';
import type { Destination, DestinationDeps, KindName } from '../kind.js';
import { kinds } from '../kinds/kinds.js';
import { logStreamStream } from '../log-streams.store.js';
import { withPrevious } from '../sending/with-previous.js';
import { activePrevious, activeSecrets, loadStreamSecrets } from '../stream-secrets.js';
import { secretTexts } from './clean-answer.js';
import { loadCursors } from './cursors.store.js';
import { Pump, type PumpDeps } from './pump.js';
import { filtersOf } from './read-page.js';

/** What opens a stream: its receiver, as often as it is asked, and what all its cursors share. */
export type OpenedStream = Readonly<{
  open: () => Destination;
  /** With the newest secrets alone, to see whether they work. */
  openNewest: () => Destination;
  deps: Pick<PumpDeps, 'format' | 'mappingVersion' | 'filters' | 'secrets' | 'maxWaitMs' | 'heartbeatMs'>;
}>;

type Loaded = Readonly<{
  stream: Readonly<{ kind: string; format: string; mappingVersion: string; filter: Parameters<typeof filtersOf>[0] }>;
  secrets: NonNullable<Awaited<ReturnType<typeof loadStreamSecrets>>>;
}>;

type Of = Readonly<{ organizationId: string; streamId: string; outbound: Outbound }>;

/** Opens a stream's settings; undefined for a kind or a format that this release does not have. */
export const openStream = ({ stream, secrets }: Loaded, of: Of): OpenedStream | undefined => {
  const kind = kinds[stream.kind as KindName];
  const format = formats[stream.format as FormatName];
  if (!kind || !format) return undefined;
  const signingSecrets = (): readonly string[] => activeSecrets(secrets.signing);
  const destination: DestinationDeps = { ...of, format, mappingVersion: stream.mappingVersion, signingSecrets };
  const config = secrets.config as never;
  const previous = (secrets.previous?.config ?? {}) as never;
  const configTexts = [...secretsOf(kind.fields, config), ...secretsOf(kind.fields, previous)];
  const texts = [...configTexts, ...secrets.signing.map(({ secret }) => secret)];
  const openNewest = (): Destination => kind.open(config, destination);
  return {
    open: () =>
      secrets.previous === undefined
        ? openNewest()
        : withPrevious(openNewest(), () =>
            activePrevious(secrets) === undefined ? undefined : kind.open(previous, destination),
          ),
    openNewest,
    deps: {
      format,
      mappingVersion: stream.mappingVersion,
      filters: filtersOf(stream.filter),
      secrets: secretTexts(texts, secrets.config),
      maxWaitMs: kind.maxWaitMs?.(config) ?? 0,
      heartbeatMs: heartbeatMsOf(secrets.config),
    },
  };
};

export type RunDeps = Readonly<{ db: Database; vault: Vault; outbound: Outbound }> &
  Pick<PumpDeps, 'owner' | 'onSent' | 'now'> &
  Readonly<{
    onMissing: (of: Readonly<{ organizationId: string; streamId: string }>, records: number) => void;
    onAuthError: (of: Readonly<{ organizationId: string; streamId: string }>) => void;
    giveUp: (of: Readonly<{ organizationId: string; streamId: string }>) => Promise<void>;
  }>;

/** A stream that runs on this node: one pump for it, and one for each of its backfills. */
export class StreamRun {
  readonly #pumps: readonly Pump[];

  private constructor(pumps: readonly Pump[]) {
    this.#pumps = pumps;
  }

  /** Undefined for a stream that can't be opened: its settings are gone or unreadable, or it is of a later release. */
  static async start(
    deps: RunDeps,
    of: Readonly<{ organizationId: string; streamId: string }>,
  ): Promise<StreamRun | undefined> {
    const { organizationId, streamId } = of;
    const { db, vault, outbound, owner, onSent, now } = deps;
    const { stored, secrets, cursors } = await db.asStreams(async (tx) => ({
      stored: await logStreamStream.load(tx, organizationId, streamId),
      secrets: await loadStreamSecrets({ tx, vault, organizationId, streamId }),
      cursors: await loadCursors(tx, organizationId, streamId),
    }));
    const opened = stored && secrets && openStream({ stream: stored.state, secrets }, { ...of, outbound });
    if (!opened) return undefined;
    const pumps = cursors.map((cursor) => {
      const isLive = cursor.id === streamId;
      const pumpDeps: PumpDeps = {
        ...opened.deps,
        db,
        now,
        owner,
        onSent,
        onMissing: (records) => deps.onMissing(of, records),
        onAuthError: () => deps.onAuthError(of),
        giveUp: () => (isLive ? deps.giveUp(of) : Promise.resolve()),
      };
      return new Pump(pumpDeps, cursor, opened.open());
    });
    for (const pump of pumps) pump.start();
    return new StreamRun(pumps);
  }

  /** Wakes what has not sent the record before `nextSeq` yet, and has dead letters sent again. */
  wake(nextSeq: number, redrive: boolean): void {
    for (const pump of this.#pumps) if (pump.nextSeq < nextSeq) pump.wake();
    if (redrive) this.#pumps[0]?.redrive();
  }

  async stop(): Promise<void> {
    await Promise.all(this.#pumps.map((pump) => pump.stop()));
  }
}
