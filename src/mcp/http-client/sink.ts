/** Header fields of an answer, names in lower case; a field that came several times is a list. */
export type HeaderFields = Readonly<Record<string, string | string[] | undefined>>;

/**
 * Why there is no (whole) answer; `broken` is a connection that was lost after the request went out on it. `sent`:
 * whether any byte of the request may have reached the other side. `cause` is for the operator, and may hold anything;
 * `reason` may be shown to the client.
 */
export type Failure = Readonly<{
  kind: 'unreachable' | 'timeout' | 'broken' | 'aborted';
  sent: boolean;
  cause?: unknown;
  reason?: string;
}>;

/**
 * Where an answer goes, as it arrives. `data` answers false to be paused until `resume`. Exactly one of `end` and
 * `fail` comes last.
 *
 * An interface with methods, as sinks are objects of classes: the linter refuses a method that is passed on without its
 * object.
 */
export interface Sink {
  head(status: number, headers: HeaderFields): void;
  data(chunk: Buffer): boolean;
  end(): void;
  fail(failure: Failure): void;
}

/** A request under way. */
export interface PendingRequest {
  resume(): void;
  abort(): void;
}

/** Makes a sink that does what `changes` says and passes everything else on to `sink`. */
export const decorateSink = (sink: Sink, changes: Partial<Sink>): Sink => ({
  head: (status, headers) => (changes.head ? changes.head(status, headers) : sink.head(status, headers)),
  data: (chunk) => (changes.data ? changes.data(chunk) : sink.data(chunk)),
  end: () => (changes.end ? changes.end() : sink.end()),
  fail: (failure) => (changes.fail ? changes.fail(failure) : sink.fail(failure)),
});
