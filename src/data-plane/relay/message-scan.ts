import { LITERAL } from '../../mcp/wire/literals.js';
import { StringEnd } from '../../mcp/wire/string-end.js';
import { foldCase } from '../../mcp/protocol/read-message.js';
import { beginsWithOwnPrefix, FROM_SERVER, isOwnMember, ownKeyFor } from '../../mcp/protocol/own-marks.js';
import { endOfOrdinaryKey, ENVELOPE_MEMBERS, isShownText, ValueKind, kindOf, LIST_MEMBERS } from './value-kinds.js';
import { endOfToken, Expected, isSpace, keyOf, MAX_TOKEN_BYTES, QUOTE, MAX_ESCAPE_BYTES } from './message-tokens.js';

const COMMA = 0x2c;
/** Each open object or array takes a byte. */
const MAX_DEPTH = 2 ** 20;
/** The bits of a level's byte. `HAS_MEMBERS`: a member of an object whose members may be cut has passed. */
const [KIND, IS_OBJECT, HAS_MEMBERS] = [7, 8, 16];

const NOTHING = Buffer.alloc(0);
const LETTER_N = 0x6e;
const NULLABLE: ReadonlySet<string> = new Set(['result', 'error']);

/**
 * Reads the bytes of one JSON-RPC message of an upstream as they arrive, without building it, and returns those that
 * may pass: the same bytes without members of `_meta` that only Toolgate writes, and with a note before texts that
 * begin as only Toolgate's do. At most `MAX_TOKEN_BYTES` wait for the next chunk. It decodes every spelling of a key
 * and sees each of several equal keys, so that it knows what any parser would find. `isBroken` does not check values: a
 * message that `JSON.parse` refuses may pass here.
 */
export class MessageScan {
  /**
   * The message is no single JSON object, or two parsers may read its envelope in two ways. Nothing more passes.
   */
  isBroken = false;
  /**
   * Whether a result or an error has a member that lists tools, prompts, resources or templates. With `stopsAtList`
   * nothing passes from there on.
   */
  hasList = false;
  /** Whether such a member stands anywhere in the message. */
  hasDeepList = false;
  /** How many objects and arrays were open at once. */
  deepest = 0;
  readonly #stopsAtList: boolean;
  /** For each open object or array its kind and the two flags below. */
  #levels = new Uint8Array(64);
  readonly #envelope = new Set<string>();
  readonly #nullMembers = new Set<string>();
  #depth = 0;
  #expected: Expected = Expected.value;
  #inString = false;
  readonly #string = new StringEnd();
  #isKey = false;
  #endsInLiteral = false;
  #literalGoesOn = false;
  #name = '';
  #cutDepth = 0;
  #carry: Buffer = NOTHING;
  #bytes: Buffer = NOTHING;
  #from = 0;
  #out: Buffer[] = [];

  constructor({ stopsAtList }: Readonly<{ stopsAtList: boolean }>) {
    this.#stopsAtList = stopsAtList;
  }

  /** Whether the message has this member so far, in MCP's spelling. A result or an error that is null is absent. */
  has(member: 'id' | 'method' | 'result' | 'error'): boolean {
    return this.#envelope.has(member) && !this.#nullMembers.has(member);
  }

  /** Whether nothing of it may pass. */
  get isStopped(): boolean {
    return this.isBroken || (this.hasList && this.#stopsAtList);
  }

  /** What of the message may pass after this chunk. */
  feed(chunk: Buffer): Buffer {
    return this.#scan(chunk, false);
  }

  /** The rest at the end of the message, which is broken if it is not whole. */
  end(): Buffer {
    const rest = this.#scan(NOTHING, true);
    if (this.#depth > 0 || this.#inString || this.#expected !== Expected.commaOrEnd) this.isBroken = true;
    return rest;
  }

  #scan(chunk: Buffer, isLast: boolean): Buffer {
    if (this.isStopped) return NOTHING;
    this.#bytes = this.#carry.length === 0 ? chunk : Buffer.concat([this.#carry, chunk]);
    this.#carry = NOTHING;
    [this.#from, this.#out] = [0, []];
    [this.#literalGoesOn, this.#endsInLiteral] = [this.#endsInLiteral, false];
    let at = 0;
    while (at < this.#bytes.length && !this.isStopped) {
      const next = this.#inString ? this.#skipString(at) : this.#step(at, isLast);
      if (next < 0) {
        this.#flush(at);
        this.#carry = this.#bytes.subarray(at);
        break;
      }
      at = next;
    }
    if (this.#carry.length === 0) this.#flush(this.#bytes.length);
    const [only] = this.#out;
    const passed = this.isStopped ? NOTHING : this.#out.length === 1 && only ? only : Buffer.concat(this.#out);
    [this.#bytes, this.#out] = [NOTHING, []];
    return passed;
  }

  /** Passes the bytes up to `at`, but for those that are cut. */
  #flush(at: number): void {
    if (at > this.#from && this.#cutDepth === 0) this.#out.push(this.#bytes.subarray(this.#from, at));
    this.#from = at;
  }

  /** Reads one token between texts. -1: it takes more bytes to decide. */
  #step(at: number, isLast: boolean): number {
    const byte = this.#bytes[at] ?? 0;
    if (isSpace(byte)) return at + 1;
    switch (byte) {
      case QUOTE:
        return this.#beginString(at, isLast);
      case 0x7b:
      case 0x5b:
        return this.#open(at, byte === 0x7b);
      case 0x7d:
      case 0x5d:
        return this.#close(at, byte === 0x7d);
      case COMMA:
        return this.#comma(at);
      case 0x3a:
        return this.#separate(Expected.colon, Expected.value, at);
      default:
        return this.#literal(at, byte);
    }
  }

  get #takesValue(): boolean {
    return this.#expected === Expected.value || this.#expected === Expected.valueOrEnd;
  }

  /** A number, `true`, `false` or `null`, which the end of a chunk may cut. */
  #literal(at: number, first: number): number {
    const goesOn = at === 0 && this.#literalGoesOn && this.#expected === Expected.commaOrEnd;
    if (!goesOn && (!this.#takesValue || this.#depth === 0 || LITERAL[first] !== 3)) this.isBroken = true;
    if (first === LETTER_N) this.#noticeNull();
    let end = at;
    while (end < this.#bytes.length && LITERAL[this.#bytes[end] ?? 0] !== 0) end += 1;
    if (end === at) this.isBroken = true;
    this.#endsInLiteral = end === this.#bytes.length;
    this.#expected = Expected.commaOrEnd;
    return Math.max(end, at + 1);
  }

  #noticeNull(): void {
    if (this.#depth === 1 && NULLABLE.has(this.#name)) this.#nullMembers.add(this.#name);
  }

  get #kind(): ValueKind {
    return (this.#levels[this.#depth] ?? 0) & KIND;
  }

  get #inObject(): boolean {
    return ((this.#levels[this.#depth] ?? 0) & IS_OBJECT) !== 0;
  }

  #open(at: number, isObject: boolean): number {
    if (!this.#takesValue || (this.#depth === 0 && !isObject) || this.#depth >= MAX_DEPTH) this.isBroken = true;
    if (!isObject) this.#noticeList();
    const kind = this.#kindBelow();
    this.#depth += 1;
    if (this.#depth > this.deepest) this.deepest = this.#depth;
    if (this.#depth >= this.#levels.length) {
      const levels = new Uint8Array(this.#levels.length * 2);
      levels.set(this.#levels);
      this.#levels = levels;
    }
    this.#levels[this.#depth] = kind | (isObject ? IS_OBJECT : 0);
    this.#expected = isObject ? Expected.keyOrEnd : Expected.valueOrEnd;
    return at + 1;
  }

  #kindBelow(): ValueKind {
    if (this.#depth === 0) return ValueKind.message;
    return this.#inObject ? kindOf(this.#kind, this.#name) : this.#kind;
  }

  #noticeList(): void {
    if (!this.#inObject || !LIST_MEMBERS.has(this.#name)) return;
    this.hasDeepList = true;
    this.hasList ||= this.#kind === ValueKind.result || this.#kind === ValueKind.error;
  }

  #close(at: number, isObject: boolean): number {
    const isRight =
      this.#expected === Expected.commaOrEnd || this.#expected === (isObject ? Expected.keyOrEnd : Expected.valueOrEnd);
    if (this.#depth === 0 || this.#inObject !== isObject || !isRight) this.isBroken = true;
    this.#endCut(at);
    this.#depth -= 1;
    this.#expected = Expected.commaOrEnd;
    return at + 1;
  }

  /** A member that is cut ends before the comma or brace that follows it. */
  #endCut(at: number): void {
    if (this.#cutDepth === 0 || this.#cutDepth !== this.#depth) return;
    this.#flush(at);
    this.#cutDepth = 0;
  }

  #comma(at: number): number {
    if (this.#depth === 0) this.isBroken = true;
    this.#endCut(at);
    if (this.#inObject && this.#kind === ValueKind.meta) {
      // It is written again before the next member, if that one passes.
      this.#flush(at);
      this.#from = at + 1;
    }
    return this.#separate(Expected.commaOrEnd, this.#inObject ? Expected.key : Expected.value, at);
  }

  #separate(expected: Expected, next: Expected, at: number): number {
    if (this.#expected !== expected) this.isBroken = true;
    this.#expected = next;
    return at + 1;
  }

  #beginString(at: number, isLast: boolean): number {
    const isKey = this.#expected === Expected.key || this.#expected === Expected.keyOrEnd;
    if (this.#depth === 0 || (!isKey && !this.#takesValue)) this.isBroken = true;
    return isKey ? this.#beginKey(at, isLast) : this.#beginText(at, isLast);
  }

  #beginKey(at: number, isLast: boolean): number {
    const ordinary =
      this.#kind === ValueKind.message || this.#kind === ValueKind.meta ? -1 : endOfOrdinaryKey(this.#bytes, at + 1);
    if (ordinary >= 0) {
      [this.#name, this.#expected] = ['', Expected.colon];
      return ordinary + 1;
    }
    const end = endOfToken(this.#bytes, at + 1);
    const isWhole = end < this.#bytes.length && this.#bytes[end] === QUOTE;
    if (!isWhole && !isLast && this.#bytes.length - at < MAX_TOKEN_BYTES + MAX_ESCAPE_BYTES) return -1;
    const raw = this.#bytes.subarray(at + 1, end);
    this.#named(raw, isWhole);
    this.#keepOrCut(at, raw);
    this.#isKey = true;
    this.#inString = true;
    return end;
  }

  #named(raw: Buffer, isWhole: boolean): void {
    const key = isWhole ? keyOf(raw) : '';
    this.isBroken ||= key === undefined;
    this.#name = foldCase(key ?? '');
    if (this.#kind !== ValueKind.message || !ENVELOPE_MEMBERS.has(this.#name)) return;
    if (this.#envelope.has(this.#name) || key !== this.#name) this.isBroken = true;
    this.#envelope.add(this.#name);
  }

  #keepOrCut(at: number, raw: Buffer): void {
    if (this.#kind !== ValueKind.meta || this.#cutDepth > 0) return;
    const level = this.#levels[this.#depth] ?? 0;
    const isOwn = isOwnMember(raw);
    const ownKey = isOwn ? ownKeyFor(raw) : undefined;
    const isCut = isOwn && !ownKey;
    if (!isCut && (level & HAS_MEMBERS) !== 0) this.#out.push(Buffer.from(','));
    this.#flush(at);
    if (ownKey) this.#writeKey(ownKey, at + 1 + raw.length);
    if (isCut) this.#cutDepth = this.#depth;
    else this.#levels[this.#depth] = level | HAS_MEMBERS;
  }

  /** Writes a key of ours for the one whose closing quote stands at `end`. */
  #writeKey(key: Buffer, end: number): void {
    this.#out.push(key);
    this.#from = end;
  }

  #beginText(at: number, isLast: boolean): number {
    if (this.#name !== '' && this.#inObject && isShownText(this.#kind, this.#name)) {
      const text = this.#bytes.subarray(at + 1, at + 1 + MAX_TOKEN_BYTES);
      const begins = beginsWithOwnPrefix(text, isLast || text.length === MAX_TOKEN_BYTES);
      if (begins === undefined) return -1;
      if (begins) {
        this.#flush(at + 1);
        if (this.#cutDepth === 0) this.#out.push(FROM_SERVER);
      }
    }
    this.#isKey = false;
    this.#inString = true;
    return at + 1;
  }

  /** Behind the end of the text, or of the chunk. */
  #skipString(from: number): number {
    const end = this.#string.endIn(this.#bytes, from);
    if (end < 0) return this.#bytes.length;
    this.#inString = false;
    this.#expected = this.#isKey ? Expected.colon : Expected.commaOrEnd;
    return end + 1;
  }
}
