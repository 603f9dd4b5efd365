import type { Authority } from '../../platform/postgres/authority.js';
import type { Database, Lane, Look, Tx } from '../../platform/postgres/database.js';
import { withinBytes } from '../../platform/postgres/within-bytes.js';
import { newId } from '../../platform/crypto/ids.js';
import { Problem } from '../../platform/runtime/problems.js';
import { changedMembers, withoutTimes } from './changed-members.js';
import type { Actor, ControlBody, ControlEvent } from '../event-log/events/index.js';

type ActorOf<T extends Actor['type']> = Actor & Readonly<{ type: T }>;

/** A part of Toolgate that makes a change: the gateway for a grant whose call it has judged, or a worker. */
export type OwnActor = ActorOf<'grant' | 'system'>;

/** Who makes a change, and in which organization. A caller from outside brings the authority to make it. */
export type Caller = Readonly<{
  organizationId: string;
  /** The network address, if it is known. */ sourceIp?: string;
}> &
  (
    | Readonly<{ actor: ActorOf<'member' | 'apiKey' | 'anonymous'>; authority: Authority }>
    | Readonly<{ actor: OwnActor; authority?: undefined }>
  );

/**
 * One kind of thing whose history is in the event store. `evolve` is pure; `load` and `save` read and write its row,
 * which holds the state and the number of its events (`version`). The state before the first event is `undefined`.
 * `shown` is what events say of the state in `before` and `after`: all of it where nothing is given.
 */
export type Stream<S, B extends ControlBody> = {
  readonly noun: string;
  readonly evolve: (state: S | undefined, event: ControlEvent & B) => S;
  readonly shown?: (id: string, state: S) => Readonly<Record<string, unknown>>;
  readonly load: (tx: Tx, organizationId: string, id: string) => Promise<Versioned<S> | undefined>;
  readonly save: (
    tx: Tx,
    row: Readonly<{ organizationId: string; id: string; version: number; state: S }>,
  ) => Promise<void>;
};

export type Versioned<S> = Readonly<{ state: S; version: number }>;

/** What an event has changed of a thing that was there. */
const changeOf = <S, B extends ControlBody>(
  { shown = (_id, state) => withoutTimes(state as object) }: Stream<S, B>,
  id: string,
  { from, to }: Readonly<{ from: S | undefined; to: S }>,
): ReturnType<typeof changedMembers> =>
  from === undefined || from === to ? {} : changedMembers(shown(id, from), shown(id, to));

const INSERT = `insert into events(organization_id, position, stream_id, version, id, type, time, event)
  select $1, p, $3, v, i, t, at::timestamptz, e::json
    from unnest($2::bigint[], $4::int[], $5::text[], $6::text[], $7::text[], $8::text[]) u(p, v, i, t, at, e)`;

/** The longest control event, in bytes of JSON. Our topics take 16 MiB, and a discovery of 10 MiB must fit. */
export const MAX_EVENT_BYTES = 12 * 2 ** 20;

/** An event's JSON. @throws Problem too_large for one that the log might refuse for ever */
const eventText = (event: ControlEvent): string => {
  const text = JSON.stringify(event);
  if (Buffer.byteLength(text) <= MAX_EVENT_BYTES) return text;
  throw new Problem(
    'too_large',
    `What this would put on record (${event.type}) takes more than ${MAX_EVENT_BYTES / 2 ** 20} MiB.`,
  );
};

/**
 * One change of the control plane, in the caller's transaction. The organization's head row is locked first, so that
 * changes of an organization follow one another and no two deadlock. Then the caller's authority is read, so that no
 * request outlives the end of its rights. Then events are appended and applied to their state rows.
 */
export class Change {
  readonly tx: Tx;
  readonly caller: Caller;
  readonly now: Date;
  #position: number;

  constructor(tx: Tx, caller: Caller, position: number) {
    this.tx = tx;
    this.caller = caller;
    this.now = new Date();
    this.#position = position;
  }

  /**
   * Loads a stream, calls `decide` for the events that a command leads to, appends them and saves the new state.
   * `decide` gets undefined for a stream that does not exist, and throws a Problem to refuse. Resolves to the new
   * state.
   * @throws Problem too_large for an event over `MAX_EVENT_BYTES`
   */
  async apply<S, B extends ControlBody>(
    stream: Stream<S, B>,
    id: string,
    decide: (state: S | undefined) => readonly B[],
  ): Promise<S> {
    const before = await stream.load(this.tx, this.caller.organizationId, id);
    const bodies = decide(before?.state);
    const events: ControlEvent[] = [];
    let state = before?.state;
    for (const body of bodies) {
      const event = this.#toEvent(body) as ControlEvent & B;
      const next = stream.evolve(state, event);
      events.push({ ...event, ...changeOf(stream, id, { from: state, to: next }) });
      state = next;
    }
    if (state === undefined) throw new Error(`a new ${stream.noun} needs a first event`);
    if (events.length === 0) return state;
    const version = (before?.version ?? 0) + events.length;
    await this.#append(id, before?.version ?? 0, events);
    await stream.save(this.tx, { organizationId: this.caller.organizationId, id, version, state });
    return state;
  }

  /** Records a fact that has no state row, such as an issued API key, under the thing's own stream. */
  async appendFact(streamId: string, body: ControlBody): Promise<void> {
    const { rows } = await this.tx.query<{ version: number }>(
      'select coalesce(max(version), 0)::int as version from events where organization_id = $1 and stream_id = $2',
      [this.caller.organizationId, streamId],
    );
    await this.#append(streamId, rows[0]?.version ?? 0, [this.#toEvent(body)]);
  }

  #toEvent(body: ControlBody): ControlEvent {
    return {
      id: newId('evt'),
      version: 1,
      time: this.now.toISOString(),
      organizationId: this.caller.organizationId,
      actor: this.caller.actor,
      ...(this.caller.sourceIp !== undefined && { sourceIp: this.caller.sourceIp }),
      ...body,
    };
  }

  async #append(streamId: string, version: number, events: readonly ControlEvent[]): Promise<void> {
    const first = this.#position + 1;
    this.#position += events.length;
    await this.tx.query(INSERT, [
      this.caller.organizationId,
      events.map((_, index) => first + index),
      streamId,
      events.map((_, index) => version + index + 1),
      events.map((event) => event.id),
      events.map((event) => event.type),
      events.map((event) => event.time),
      events.map(eventText),
    ]);
    await this.tx.query(
      'update event_heads set position = $2, changed_xid = pg_current_xact_id() where organization_id = $1',
      [this.caller.organizationId, this.#position],
    );
  }
}

/** Is called after each committed change, before the caller gets its response. */
export type CommitListener = (organizationId: string) => Promise<void> | void;

/** The event store: changes of the control plane, atomic with their state tables. */
export class EventStore {
  readonly #db: Database;
  readonly #lane: Lane;
  readonly #listeners: CommitListener[];

  constructor(db: Database, lane: Lane = 'control', listeners: CommitListener[] = []) {
    this.#db = db;
    this.#lane = lane;
    this.#listeners = listeners;
  }

  /** This event store, with the same listeners, over the connections of another lane. */
  inLane(lane: Lane): EventStore {
    return new EventStore(this.#db, lane, this.#listeners);
  }

  /** Calls `listener` after each change of this process: the directory and the relay act on them at once. */
  onCommitted(listener: CommitListener): void {
    this.#listeners.push(listener);
  }

  /** Reads an organization's rows in one read-only transaction. */
  read<T>(organizationId: string, work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.#db.inOrganization(organizationId, work, this.#lane);
  }

  /**
   * Runs one change; nothing of it is visible unless all of it is. Events are published after the commit.
   * @throws Problem unauthorized or forbidden when the caller may not make it any more, before `work` is asked
   */
  change<T>(caller: Caller, work: (change: Change) => Promise<T>): Promise<T> {
    return this.#publish(
      caller.organizationId,
      this.#db.changeInOrganization(caller.organizationId, (tx) => this.#run(tx, caller, work), this.#lane),
    );
  }

  /**
   * Reads much of an organization's record, in any number of transactions: see `Database.search`. Each asks for the
   * caller's authority behind what it has read, so that nothing is answered that was read after a demotion.
   * @throws Problem unauthorized or forbidden when the caller may not read it any more
   */
  search({ organizationId, authority }: Caller, signal?: AbortSignal): Look {
    const look = this.#db.search(organizationId, signal);
    return (work) =>
      look(async (tx) => {
        const found = await work(tx);
        await authority?.(tx, 'read');
        return found;
      });
  }

  /**
   * Runs one change for a caller without a credential, over all organizations' rows: sign-up and joining write users.
   * `turn` is whose turn it is: of an organization that is only made, whoever makes it.
   */
  changeAsStranger<T>(
    caller: Caller,
    work: (change: Change) => Promise<T>,
    turn: string = caller.organizationId,
  ): Promise<T> {
    return this.#publish(
      caller.organizationId,
      this.#db.asStranger(turn, (tx) => this.#run(tx, caller, work)),
    );
  }

  async #run<T>(tx: Tx, caller: Caller, work: (change: Change) => Promise<T>): Promise<T> {
    await tx.query('insert into event_heads(organization_id) values ($1) on conflict do nothing', [
      caller.organizationId,
    ]);
    const { rows } = await tx.query<{ position: number }>(
      'select position from event_heads where organization_id = $1 for update',
      [caller.organizationId],
    );
    await caller.authority?.(tx, 'change');
    return work(new Change(tx, caller, rows[0]?.position ?? 0));
  }

  async #publish<T>(organizationId: string, changed: Promise<T>): Promise<T> {
    const result = await changed;
    for (const listener of this.#listeners) await listener(organizationId);
    return result;
  }
}

/** What is read at once: with a limit in events alone, a few hundred discoveries would fill a reader's memory. */
const READ_BYTES = 16 * 2 ** 20;

/** An organization's events after `position`, in order: at most `limit`, fewer when they are large, none at the end. */
export const readEvents = async (
  tx: Tx,
  organizationId: string,
  position: number,
  limit: number,
): Promise<readonly Readonly<{ position: number; streamId: string; version: number; event: ControlEvent }>[]> => {
  const { rows } = await tx.query<{ position: number; stream_id: string; version: number; event: ControlEvent }>(
    withinBytes(
      `select position, stream_id, version, event from events where organization_id = $1 and position > $2
        order by position limit $3`,
      'octet_length(event::text)',
      READ_BYTES,
    ),
    [organizationId, position, limit],
  );
  return rows.map((row) => ({
    position: row.position,
    streamId: row.stream_id,
    version: row.version,
    event: row.event,
  }));
};
