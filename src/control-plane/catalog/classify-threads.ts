import { Worker } from 'node:worker_threads';
import { FairTurns } from '../../platform/fair-shares/fair-turns.js';
import { guarded, inBackground, startTimer } from '../../platform/runtime/guard.js';
import { Problem } from '../../platform/runtime/problems.js';
import type { Classification, Definitions } from './classify-request.js';

const THREADS = 2;
const IDLE_MS = 60_000;
const TIMEOUT_MS = 10_000;
const MAX_WAIT_MS = 10_000;
const MAX_HEAP_MB = 384;

/** Sources are not compiled: a thread can not run them. */
const isCompiled = import.meta.url.endsWith('.js');

type Waiting = Readonly<{ resolve: (found: Classification) => void; reject: (error: Error) => void }>;

/** One thread with at most one request, which ends when it has been idle for a minute. */
class ClassifyThread {
  readonly #worker = new Worker(new URL('./classify-thread.js', import.meta.url), {
    resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
    env: {},
  });
  #waiting: Waiting | undefined;
  #timer: NodeJS.Timeout | undefined;
  isOver = false;

  constructor() {
    this.#worker.unref();
    this.#worker.on(
      'error',
      guarded('classify', () => this.end()),
    );
    this.#worker.on(
      'exit',
      guarded('classify', () => this.end()),
    );
    this.#worker.on(
      'message',
      guarded('classify', (found: Classification) => this.#answer(found)),
    );
  }

  /** @throws Problem unavailable when the thread ends before it answers, or takes too long and is ended */
  run(definitions: Definitions): Promise<Classification> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#endAfter(TIMEOUT_MS);
      this.#worker.postMessage(definitions);
    });
  }

  end(): void {
    this.isOver = true;
    clearTimeout(this.#timer);
    this.#waiting?.reject(new Problem('unavailable', 'These definitions were not classified in time. Send fewer.'));
    this.#waiting = undefined;
    inBackground('classify', this.#worker.terminate());
  }

  #answer(found: Classification): void {
    this.#waiting?.resolve(found);
    this.#waiting = undefined;
    this.#endAfter(IDLE_MS);
  }

  #endAfter(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = startTimer('classify', ms, () => this.end());
    this.#timer.unref();
  }
}

/**
 * Classifies definitions of strangers beside the event loop: two requests at a time, each in a thread of its own, so
 * that none of them delays a call. `key` is whose turn it is; one has at most one request under way.
 */
export class ClassifyThreads {
  readonly #turns = new FairTurns({
    slots: THREADS,
    slotsPerKey: 1,
    waiting: 16,
    waitingPerKey: 2,
    waitMs: MAX_WAIT_MS,
  });
  readonly #free: ClassifyThread[] = [];

  /** @throws Problem too_many_requests or unavailable when too many wait, or when it takes too long */
  run(key: string, definitions: Definitions): Promise<Classification> {
    return this.#turns.run(key, async () => {
      if (!isCompiled) return (await import('./classify-request.js')).classifyDefinitions(definitions);
      const thread = this.#take();
      try {
        return await thread.run(definitions);
      } finally {
        if (!thread.isOver) this.#free.push(thread);
      }
    });
  }

  /** Ends all threads. */
  stop(): void {
    for (const thread of this.#free.splice(0)) thread.end();
  }

  #take(): ClassifyThread {
    for (let thread = this.#free.pop(); thread; thread = this.#free.pop()) if (!thread.isOver) return thread;
    return new ClassifyThread();
  }
}
