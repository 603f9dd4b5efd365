import { createHmac } from 'node:crypto';
import {
  Injectable,
  RequestMethod,
  type CanActivate,
  type ExecutionContext,
  type INestApplication,
} from '@nestjs/common';
import { METHOD_METADATA } from '@nestjs/common/constants.js';
import { MetadataScanner, ModulesContainer, Reflector } from '@nestjs/core';
import type { Request, Response } from 'express';
import {
  ALLOWED,
  mayCall,
  roleNeeded,
  type AllowedTo,
  type Principal,
  type Repeat,
  type WithPrincipal,
} from '../../platform/rest/allowed.js';
import { maxBodyBytes, readJsonBody } from '../../platform/rest/json-body.js';
import { MAX_BODY } from '../../platform/rest/max-body.js';
import { canonicalJson } from '../../platform/json/canonical-json.js';
import { Problem } from '../../platform/runtime/problems.js';
import { Vault } from '../../platform/crypto/vault.js';
import { authorityOf } from './authority.js';
import { SignInService } from './sign-in.service.js';

/**
 * The global guard: who is asking, and may they call this route. A route without a declaration is refused. Only then is
 * the body read, as large as the route's declaration lets it be: a request without a valid credential is told so and
 * its body is never parsed. Sets `request.body`, and `request.principal`, or `request.repeat` where no credential is
 * needed.
 */
@Injectable()
export class CredentialGuard implements CanActivate {
  readonly #reflector: Reflector;
  readonly #signIn: SignInService;
  readonly #hashKey: Buffer;

  constructor(reflector: Reflector, signIn: SignInService, vault: Vault) {
    this.#reflector = reflector;
    this.#signIn = signIn;
    this.#hashKey = vault.purposeKey('idempotency');
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const who = this.#reflector.get<readonly AllowedTo[] | undefined>(ALLOWED, context.getHandler());
    if (!who) throw new Problem('forbidden', 'Nobody may call this path.');
    const request = context.switchToHttp().getRequest<WithPrincipal>();
    const principal = who.includes('anyone') ? undefined : await this.#principalOf(context, who);
    const maxBytes = this.#reflector.get<number | undefined>(MAX_BODY, context.getHandler()) ?? maxBodyBytes(who);
    request.body = await readJsonBody(request, maxBytes);
    refuseEmptyChange(request);
    const response = context.switchToHttp().getResponse<Response>();
    const repeat = repeatOf(request, response, this.#hashKey);
    if (principal) request.principal = repeat ? { ...principal, repeat } : principal;
    else if (repeat) request.repeat = repeat;
    return true;
  }

  async #principalOf(context: ExecutionContext, who: readonly AllowedTo[]): Promise<Principal> {
    const request = context.switchToHttp().getRequest<Request>();
    const holder = await this.#signIn.findHolder(request, context.switchToHttp().getResponse<Response>());
    if (!holder) throw new Problem('unauthorized', 'Send a session token or an API key as Authorization: Bearer.');
    if (!mayCall(who, holder.role)) throw roleNeeded(who);
    return {
      ...holder,
      authority: authorityOf(holder, who),
      ...(request.ip !== undefined && { sourceIp: request.ip }),
    };
  }
}

/** Refuses a PUT or PATCH that names no member: it is a mistake, and must not delete anything. */
const refuseEmptyChange = ({ method, body }: Request): void => {
  if (method !== 'PUT' && method !== 'PATCH') return;
  if (Object.keys((body ?? {}) as object).length === 0)
    throw new Problem('invalid_body', 'Send at least one member to change.');
};

/** What a request asks for, with a key; bodies that are equal as JSON values count as one. */
const hashOf = ({ method, path, body }: Request, hashKey: Buffer): Buffer =>
  createHmac('sha256', hashKey)
    .update(`${method}\n${path}\n${canonicalJson(body ?? null)}`)
    .digest();

/**
 * The `Idempotency-Key` of a POST with a keyed hash of the request; the hash alone reveals nothing about a password in
 * the body.
 */
const repeatOf = (request: Request, response: Response, hashKey: Buffer): Repeat | undefined => {
  const key = request.method === 'POST' ? request.headers['idempotency-key'] : undefined;
  if (key === undefined) return undefined;
  if (typeof key !== 'string' || !/^[\x21-\x7e]{1,255}$/.test(key))
    throw new Problem('invalid_body', 'Idempotency-Key takes 1 to 255 visible ASCII characters.');
  let hash: Buffer | undefined;
  return {
    key,
    // Made when it is asked for: not every route repeats, and the body of some may be large.
    get requestHash() {
      return (hash ??= hashOf(request, hashKey));
    },
    onReplay: () => void response.setHeader('Idempotency-Replayed', 'true'),
  };
};

/**
 * Checks at the start that every route of every controller says who may call it.
 * @throws Error naming those that have no `@Allowed`.
 */
export const assertEveryRouteIsDeclared = (app: INestApplication): void => {
  const scanner = new MetadataScanner();
  const undeclared = [...app.get(ModulesContainer).values()]
    .flatMap((module) => [...module.controllers.values()])
    .flatMap(({ name, metatype }) => {
      const prototype = metatype?.prototype as Record<string, object> | undefined;
      return scanner.getAllMethodNames(prototype ?? null).flatMap((method) => {
        const handler = prototype?.[method];
        const verb = handler && (Reflect.getMetadata(METHOD_METADATA, handler) as RequestMethod | undefined);
        return handler && verb !== undefined && !Reflect.hasMetadata(ALLOWED, handler) ? [`${name}.${method}`] : [];
      });
    });
  if (undeclared.length > 0) throw new Error(`Routes without @Allowed: ${undeclared.join(', ')}`);
};
