/** The parts of oidc-provider that this room uses. The package has no types of its own. */
declare module 'oidc-provider/lib/provider.js' {
  import type { IncomingMessage, ServerResponse } from 'node:http';
  import type { Readable } from 'node:stream';

  /** A request as Koa reads it. */
  export type RequestLike = Readable & Pick<IncomingMessage, 'method' | 'url' | 'headers' | 'socket'>;
  export type Payload = Readonly<Record<string, unknown>>;

  export interface Adapter {
    upsert(id: string, payload: Payload, expiresIn?: number): Promise<void>;
    find(id: string): Promise<Payload | undefined>;
    findByUid(uid: string): Promise<Payload | undefined>;
    findByUserCode(code: string): Promise<Payload | undefined>;
    consume(id: string): Promise<void>;
    destroy(id: string): Promise<void>;
    revokeByGrantId(grantId: string): Promise<void>;
  }

  export type Client = Readonly<{
    clientId: string;
    clientName?: string;
    redirectUris?: readonly string[];
  }>;

  export type Context = {
    readonly req: RequestLike;
    readonly res: ServerResponse;
    respond: boolean;
    readonly oidc?: Readonly<{ route?: string; client?: Client }>;
  };

  export type Interaction = Readonly<{
    uid: string;
    params: Readonly<Record<string, string | undefined>>;
  }>;

  export class Provider {
    constructor(issuer: string, configuration: object);
    static readonly ctx: Context | undefined;
    proxy: boolean;
    readonly AccessToken: { prototype: { generateTokenId(): string } };
    readonly Client: { find(id: string): Promise<Client | undefined> };
    callback(): (request: RequestLike, response: ServerResponse) => Promise<void>;
    interactionDetails(request: RequestLike, response: ServerResponse): Promise<Interaction>;
    interactionFinished(
      request: RequestLike,
      response: ServerResponse,
      result: object,
      options?: Readonly<{ mergeWithLastSubmission?: boolean }>,
    ): Promise<void>;
    on(event: string, listener: (...values: unknown[]) => void): this;
  }
}

declare module 'oidc-provider/lib/helpers/errors.js' {
  export class InvalidTarget extends Error {
    constructor(description?: string);
  }
  export class InvalidGrant extends Error {
    constructor(detail?: string);
  }
}
