/** Header fields of an answer, names in lower case; a field that came several times is a list. */
export type HeaderFields = Readonly<Record<string, string | string[] | undefined>>;

/** Why there is no (whole) answer; `broken` is a connection that was lost after the request went out on it. `sent`: whether any byte of the request may have reached the other side. `cause` is for the operator, and may hold anything. */
export type Failure = Readonly<{ kind: 'unreachable' | 'timeout' | 'broken' | 'aborted'; sent: boolean; cause?: unknown }>;

/** Where an answer goes, as it arrives. `data` answers false to be paused until `resume`. Exactly one of `end` and `fail` comes last. */
export type Sink = Readonly<{
  head: (status: number, headers: HeaderFields) => void;
  data: (chunk: Buffer) => boolean;
  end: () => void;
  fail: (failure: Failure) => void;
}>;

export type Running = Readonly<{ resume: () => void; abort: () => void }>;
