import { Inject, Injectable } from '@nestjs/common';
import { EventStore, type Change } from '../../../record/event-store/event-store.js';
import type { TellAlarm } from '../../../platform/postgres/alarm.js';
import type { Principal } from '../../../platform/rest/allowed.js';
import { CONFIG, FORGET_ADDRESS, TELL_ALARM } from '../../../platform/runtime/parts.js';
import { notFound, Problem } from '../../../platform/runtime/problems.js';
import { zip } from '../../../platform/runtime/zip.js';
import type { Config } from '../../../platform/settings/config.js';
import { decideErasure } from '../members.js';
import { MembersService } from '../members.service.js';
import { memberStream } from '../members.store.js';
import {
  decideDeletionCancellation,
  decideDeletionSchedule,
  shownOrganization,
  type Organization,
} from '../organizations.js';
import type { OrganizationView } from '../organizations.dto.js';
import { organizationStream } from '../organizations.store.js';
import type { ScheduleDeletion } from './end.dto.js';
import { filesOf } from './export.js';
import { erasePerson, personalFiles, type ForgetAddress } from './personal-data.js';

/** The end of an organization, and of what it knows about a person. All refusals are Problems. */
@Injectable()
export class EndService {
  @Inject(FORGET_ADDRESS) private readonly forgetAddress!: ForgetAddress;
  readonly #store: EventStore;
  readonly #members: MembersService;
  readonly #delayDays: number;
  readonly #tellAlarm: TellAlarm;

  constructor(
    store: EventStore,
    members: MembersService,
    @Inject(CONFIG) config: Config,
    @Inject(TELL_ALARM) tellAlarm: TellAlarm,
  ) {
    this.#store = store;
    this.#members = members;
    this.#delayDays = config.deletionDelayDays;
    this.#tellAlarm = tellAlarm;
  }

  /** Puts the export on record, then answers the archive, of which nothing is read before it is asked for. */
  async export(principal: Principal, signal?: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    const { organizationId } = principal;
    await this.#store.change(principal, (change) => change.appendFact('audit', { type: 'organization.exported' }));
    return zip(filesOf(this.#store.search(principal, signal), organizationId), new Date());
  }

  /**
   * Lets the organization be deleted after the delay; it works on until then, and its admins can still export it.
   * @throws Problem invalid_body for another name
   */
  schedule(principal: Principal, { organizationName }: ScheduleDeletion): Promise<OrganizationView> {
    const { organizationId: id } = principal;
    return this.#store.change(principal, async (change) => {
      const request = { organizationName, now: change.now, delayDays: this.#delayDays };
      const { name, deletesAt } = await change.apply(organizationStream, id, (state) =>
        decideDeletionSchedule(state, request),
      );
      await this.#tellAlarm(change.tx, id, {
        type: 'organization.deletionScheduled',
        subjectId: id,
        title: `The organization ${name} will be deleted`,
        detail:
          `An admin asked for it. It and all it has will be deleted at ${deletesAt}. ` +
          'Until then an admin can export it and cancel the deletion.',
      });
      return this.#shown(change, id);
    });
  }

  /** @throws Problem not_found when no deletion is scheduled */
  cancel(principal: Principal): Promise<void> {
    return this.#store.change(principal, async (change) => {
      await change.apply(organizationStream, principal.organizationId, decideDeletionCancellation);
    });
  }

  /** What the organization has about a member or a former one, as an archive. @throws Problem not_found */
  async personalData(principal: Principal, userId: string, signal?: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    const { organizationId } = principal;
    const { email } = await this.#store.change(principal, async (change) => {
      const member = await memberStream.load(change.tx, organizationId, userId);
      if (!member) throw notFound('member');
      await change.appendFact('audit', { type: 'member.dataExported', userId });
      return member.state;
    });
    return zip(personalFiles(this.#store.search(principal, signal), { id: userId, email }), new Date());
  }

  /** What the caller's organization has about the caller. @throws Problem conflict for an API key */
  ownData(principal: Principal, signal?: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    if (principal.actor.type !== 'member')
      throw new Problem('conflict', 'An API key is nobody. Sign in as a person, or ask for a member by id.');
    return this.personalData(principal, principal.actor.id, signal);
  }

  /**
   * Removes a member, if they still are one, and puts a word in the place of their e-mail address.
   * @throws Problem not_found, conflict for the last admin
   */
  erase(principal: Principal, userId: string): Promise<void> {
    return this.#store.changeAsStranger(principal, async (change) => {
      const member = await memberStream.load(change.tx, principal.organizationId, userId);
      if (!member) throw notFound('member');
      if (!member.state.removed) await this.#members.remove(change, userId);
      await change.apply(memberStream, userId, (state) => decideErasure(userId, state));
      await this.forgetAddress(change, member.state.email);
      await erasePerson(change, { id: userId, email: member.state.email });
    });
  }

  async #shown(change: Change, id: string): Promise<OrganizationView> {
    const found = await organizationStream.load(change.tx, id, id);
    return { ...shownOrganization(id, found?.state as Organization), version: found?.version ?? 0 };
  }
}
