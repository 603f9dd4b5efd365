import { Inject, Injectable } from '@nestjs/common';
import { isDeepStrictEqual } from 'node:util';
import { newId } from '../../platform/crypto/ids.js';
import { Vault } from '../../platform/crypto/vault.js';
import type { Outbound } from '../../platform/outbound/outbound.js';
import type { Tx } from '../../platform/postgres/database.js';
import type { Principal } from '../../platform/rest/allowed.js';
import { toListPage, type ListQuery } from '../../platform/rest/list-query.js';
import type { Page } from '../../platform/rest/page.js';
import { OUTBOUND } from '../../platform/runtime/parts.js';
import { notFound, Problem } from '../../platform/runtime/problems.js';
import { CreateOnce } from '../event-store/create-once.js';
import { EventStore } from '../event-store/event-store.js';
import { requireVersion } from '../event-store/require-version.js';
import { checkFormat, checkPlaces, readChangedConfig, readConfig, shownConfig } from './config/stream-config.js';
import { insertCursor } from './delivery/cursors.store.js';
import { newestMapping, type Format, type FormatName } from './formats/format.js';
import { formats } from './formats/formats.js';
import type { KindName } from './kind.js';
import { kinds, type AnyKind } from './kinds/kinds.js';
import {
  decideLogStreamChange,
  decideLogStreamCreation,
  decideLogStreamDeletion,
  decideLogStreamPause,
  decideLogStreamResumption,
  decideSecretRotation,
  existing,
  type LogStream,
} from './log-streams.js';
import type { CreateLogStream, LogStreamView, LogStreamWithSecret, UpdateLogStream } from './log-streams.dto.js';
import { countLogStreams, findLogStream, listLogStreams, logStreamStream } from './log-streams.store.js';
import type { StoredLogStream } from './log-streams.store.js';
import { readFilter, readStart, wrong } from './requests.js';
import {
  loadStreamSecrets,
  newSigningSecret,
  rotated,
  saveStreamSecrets,
  withChangedConfig,
  type StreamSecrets,
} from './stream-secrets.js';

const view = ({ id, version, status, stream }: StoredLogStream): LogStreamView => {
  const { name, kind, format, mappingVersion, config, filter, stopReason: statusReason, createdAt } = stream;
  return { id, version, name, kind, format, mappingVersion, config, filter, status, statusReason, createdAt };
};

/** @throws Problem unsupported for a kind that this release does not send to */
const kindOf = (name: string): AnyKind => {
  const kind = kinds[name as KindName];
  if (!kind) throw new Problem('unsupported', `This release has no log streams of the kind ${name}.`);
  return kind;
};

/** @throws Problem invalid_body for a format that the kind does not take */
const formatOf = (kind: AnyKind, name: string = kind.formats[0]): Format => {
  const format = kind.formats.includes(name as FormatName) ? formats[name as FormatName] : undefined;
  if (!format) throw wrong('/format', `${kind.name} takes ${kind.formats.filter((one) => formats[one]).join(', ')}`);
  return format;
};

const mappingOf = (format: Format, version: string | undefined): string => {
  if (version === undefined) return newestMapping(format);
  if (!format.mappingVersions.includes(version))
    throw wrong('/mappingVersion', `${format.name} has ${format.mappingVersions.join(', ')}`);
  return version;
};

/**
 * Has a stream and its backfills try again at once, and ends its alarms. A cursor that was beyond the head goes on from
 * the head.
 */
const retryNow = async (tx: Tx, organizationId: string, streamId: string): Promise<void> => {
  await tx.query(
    `update log_stream_cursors c set retry_at = null, failures = 0, failing_since = null, restarts = restarts + 1,
        status = case when status in ('degraded', 'auth_error') then 'active' else status end,
        next_seq = least(c.next_seq, coalesce((select h.next_seq from audit_heads h where h.organization_id = $1), 1)),
        next_at = case when c.next_seq > coalesce((select h.next_seq from audit_heads h
          where h.organization_id = $1), 1) then (select h.recorded_at from audit_heads h where h.organization_id = $1)
          else next_at end
      where organization_id = $1 and stream_id = $2`,
    [organizationId, streamId],
  );
  await tx.query(
    `update log_stream_alarms set ended_at = now() where organization_id = $1 and stream_id = $2
      and ended_at is null`,
    [organizationId, streamId],
  );
};

/** How long the secrets before are good: they go with no other members than they came with. */
const graceSeconds = (patch: UpdateLogStream, before: object, after: object): number =>
  isDeepStrictEqual(before, after) ? (patch.graceSeconds ?? 0) : 0;

/** Log streams of an organization. Every change is an event; all refusals are Problems. */
@Injectable()
export class LogStreamsService {
  readonly #store: EventStore;
  readonly #once: CreateOnce;
  readonly #vault: Vault;
  readonly #outbound: Outbound;

  constructor(store: EventStore, once: CreateOnce, vault: Vault, @Inject(OUTBOUND) outbound: Outbound) {
    this.#store = store;
    this.#once = once;
    this.#vault = vault;
    this.#outbound = outbound;
  }

  /** @throws Problem invalid_body, url_not_allowed, unsupported (kind), conflict (20 streams) */
  async create(principal: Principal, body: CreateLogStream): Promise<LogStreamWithSecret> {
    const kind = kindOf(body.kind);
    const format = formatOf(kind, body.format);
    const config = readConfig(kind, body.config);
    checkFormat(kind, config, format.name);
    const filter = readFilter(body.filter);
    const { organizationId } = principal;
    return this.#once.run(principal, {
      prepare: async () => {
        await checkPlaces(this.#outbound, config);
        return newId('lst');
      },
      create: async (change, streamId) => {
        const { tx } = change;
        const place = await readStart(tx, organizationId, body.startAt);
        const secret = kind.makesSecret ? newSigningSecret() : undefined;
        const others = await countLogStreams(tx, organizationId);
        const settings = { name: body.name, format: format.name, mappingVersion: newestMapping(format), filter };
        const created = { ...settings, kind: kind.name, config: shownConfig(kind, config), fromSeq: place.seq, others };
        await change.apply(logStreamStream, streamId, () => decideLogStreamCreation(streamId, undefined, created));
        await insertCursor(tx, { organizationId, streamId, id: streamId, place });
        const signing = secret === undefined ? [] : [{ secret, until: null }];
        await this.#keep(tx, { organizationId, streamId }, { config, signing });
        const shown = await this.#shown(tx, organizationId, streamId);
        return secret === undefined ? shown : { ...shown, secret };
      },
    });
  }

  async list({ organizationId }: Principal, query: ListQuery): Promise<Page<LogStreamView>> {
    const rows = await this.#store.read(organizationId, (tx) => listLogStreams(tx, organizationId, query));
    return toListPage(rows, query, { idOf: ({ id }) => id, view });
  }

  /** @throws Problem not_found */
  get({ organizationId }: Principal, id: string): Promise<LogStreamView> {
    return this.#store.read(organizationId, (tx) => this.#shown(tx, organizationId, id));
  }

  /** @throws Problem not_found, invalid_body, url_not_allowed, precondition_failed */
  async update(
    principal: Principal,
    id: string,
    ifMatch: string | undefined,
    patch: UpdateLogStream,
  ): Promise<LogStreamView> {
    const { organizationId } = principal;
    const filter = patch.filter === undefined ? undefined : readFilter(patch.filter);
    if (patch.config !== undefined) await this.#checkPlacesOf(organizationId, id, patch.config);
    return this.#store.change(principal, async (change) => {
      await requireVersion(change, logStreamStream, { id, ifMatch });
      const before = await this.#existing(change.tx, organizationId, id);
      const kind = kindOf(before.kind);
      const format = formatOf(kind, patch.format ?? before.format);
      const mappingVersion =
        patch.mappingVersion === undefined && format.name === before.format
          ? before.mappingVersion
          : mappingOf(format, patch.mappingVersion);
      const kept = await this.#secrets(change.tx, organizationId, id);
      const config = patch.config === undefined ? kept.config : readChangedConfig(kind, kept.config, patch.config);
      if (patch.config !== undefined || patch.format !== undefined) checkFormat(kind, config, format.name);
      const settings = { name: patch.name ?? before.name, format: format.name, mappingVersion };
      const shownAs = patch.config === undefined ? before.config : shownConfig(kind, config);
      const shown = { ...settings, config: shownAs, filter: filter ?? before.filter };
      const secretsChanged = !isDeepStrictEqual(config, kept.config);
      await change.apply(logStreamStream, id, (state) =>
        decideLogStreamChange(id, state, { ...shown, secretsChanged }),
      );
      if (secretsChanged) {
        const grace = graceSeconds(patch, before.config, shownAs);
        const secrets = withChangedConfig(kept, config, { graceSeconds: grace, now: change.now });
        await this.#keepAndRetry(change.tx, { organizationId, streamId: id }, secrets);
      }
      return this.#shown(change.tx, organizationId, id);
    });
  }

  /** Deletes a stream with its cursor, its secrets and its dead letters. @throws Problem not_found */
  async delete(principal: Principal, id: string, ifMatch?: string): Promise<void> {
    const { organizationId } = principal;
    await this.#store.change(principal, async (change) => {
      await requireVersion(change, logStreamStream, { id, ifMatch });
      await change.apply(logStreamStream, id, (state) => decideLogStreamDeletion(id, state));
      for (const table of ['cursors', 'secrets', 'hours', 'dead_letters', 'alarms'])
        await change.tx.query(`delete from log_stream_${table} where organization_id = $1 and stream_id = $2`, [
          organizationId,
          id,
        ]);
    });
  }

  /** Stops sending; the stream goes on from where it is once it is resumed. @throws Problem not_found */
  pause(principal: Principal, id: string): Promise<LogStreamView> {
    return this.#store.change(principal, async (change) => {
      await change.apply(logStreamStream, id, (state) => decideLogStreamPause(id, state));
      return this.#shown(change.tx, principal.organizationId, id);
    });
  }

  /**
   * Sends again, at once also after an `auth_error` or a wait. One that was ahead of the log goes on from its head.
   * @throws Problem not_found
   */
  resume(principal: Principal, id: string): Promise<LogStreamView> {
    const { organizationId } = principal;
    return this.#store.change(principal, async (change) => {
      await change.apply(logStreamStream, id, (state) => decideLogStreamResumption(id, state));
      await retryNow(change.tx, organizationId, id);
      return this.#shown(change.tx, organizationId, id);
    });
  }

  /**
   * A new signing secret; the one before signs too for the grace. @throws Problem not_found, unsupported (kind),
   * conflict (settings that can't be opened)
   */
  rotateSecret(principal: Principal, id: string, graceSeconds: number): Promise<LogStreamWithSecret> {
    const { organizationId } = principal;
    return this.#store.change(principal, async (change) => {
      const { kind } = await this.#existing(change.tx, organizationId, id);
      if (!kindOf(kind).makesSecret)
        throw new Problem('unsupported', `Streams of the kind ${kind} have no secret that is made here: see PATCH.`);
      const kept = await loadStreamSecrets({ ...this.#at(change.tx, organizationId), streamId: id });
      if (!kept) throw new Problem('conflict', "The stream's settings can't be opened: give its config again first.");
      const secret = newSigningSecret();
      await change.apply(logStreamStream, id, (state) => decideSecretRotation(id, state, graceSeconds));
      const signing = rotated(kept.signing, { secret, graceSeconds, now: change.now });
      await this.#keep(change.tx, { organizationId, streamId: id }, { ...kept, signing });
      return { ...(await this.#shown(change.tx, organizationId, id)), secret };
    });
  }

  async #shown(tx: Tx, organizationId: string, id: string): Promise<LogStreamView> {
    const found = await findLogStream(tx, organizationId, id);
    if (!found) throw notFound('log stream');
    return view(found);
  }

  async #existing(tx: Tx, organizationId: string, id: string): Promise<LogStream> {
    return existing((await logStreamStream.load(tx, organizationId, id))?.state);
  }

  /** What a stream keeps sealed; nothing when that can't be opened any more, so that it can be given again. */
  async #secrets(tx: Tx, organizationId: string, streamId: string): Promise<StreamSecrets> {
    return (await loadStreamSecrets({ ...this.#at(tx, organizationId), streamId })) ?? { config: {}, signing: [] };
  }

  #keep(
    tx: Tx,
    { organizationId, streamId }: Readonly<{ organizationId: string; streamId: string }>,
    secrets: StreamSecrets,
  ): Promise<void> {
    return saveStreamSecrets({ ...this.#at(tx, organizationId), streamId }, secrets);
  }

  async #keepAndRetry(
    tx: Tx,
    of: Readonly<{ organizationId: string; streamId: string }>,
    secrets: StreamSecrets,
  ): Promise<void> {
    await this.#keep(tx, of, secrets);
    await retryNow(tx, of.organizationId, of.streamId);
  }

  #at(tx: Tx, organizationId: string): Readonly<{ tx: Tx; vault: Vault; organizationId: string }> {
    return { tx, vault: this.#vault, organizationId };
  }

  /** Looks at a changed config before the transaction: looking names up takes time. */
  async #checkPlacesOf(organizationId: string, id: string, given: unknown): Promise<void> {
    const config = await this.#store.read(organizationId, async (tx) => {
      const { kind } = await this.#existing(tx, organizationId, id);
      return readChangedConfig(kindOf(kind), (await this.#secrets(tx, organizationId, id)).config, given);
    });
    await checkPlaces(this.#outbound, config);
  }
}
