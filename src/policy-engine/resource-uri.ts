const unescapedAtMost = 4;
const separator = /[/\\?#&=;]/;

/** Every escape of a visible character undone, as often as a careless server might; undefined when there is no end of it. */
function unescaped(uri: string): string | undefined {
  let text = uri;
  for (let times = 0; times < unescapedAtMost; times += 1) {
    const next = text.replace(/%([0-7][0-9a-f])/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
    if (next === text) return text;
    text = next;
  }
  return undefined;
}

// eslint-disable-next-line no-control-regex -- control characters are what is looked for
const hasControls = (text: string): boolean => /[\u0000-\u001f\u007f]/.test(text);

/**
 * The one form that servers may take a resource's URI for: escapes undone, scheme and host in lower case, no empty steps. Undefined when two readers could
 * take it for different resources: control characters or outer spaces, which URL parsers drop, and steps `.` and `..` in any spelling, which lead out of
 * what a pattern names. URIs are opaque to MCP, so a policy is asked about the URI as it is written, and about this form too (`decide`).
 */
export function plainUri(uri: string): string | undefined {
  const text = unescaped(uri);
  if (text === undefined || text.trim() !== text || hasControls(text) || hasDotSteps(text)) return undefined;
  const host = /^[^:/\\?#]*:[/\\]{2}[^/\\?#]*/.exec(text)?.[0] ?? /^[^:/\\?#]*:/.exec(text)?.[0] ?? '';
  return host.toLowerCase().replaceAll('\\', '/') + text.slice(host.length).replace(/[/\\]+/g, '/');
}

const hasDotSteps = (uri: string): boolean =>
  uri
    .replace(/^[^:/\\?#]*:/, '')
    .split(separator)
    .some((step) => step === '.' || step === '..');

/** The other URIs that servers may take one for: the plain one, and what URL parsers make of either (to them `file:/a` is `file:///a`, and `https://Host:443/a` is `https://host/a`). */
export function spellingsOf(uri: string): ReadonlySet<string> {
  const plain = plainUri(uri) ?? uri;
  const parsed = [uri, plain].map((one) => (URL.canParse(one) ? plainUri(new URL(one).href) : undefined));
  const spellings = new Set([plain, ...parsed.filter((one) => one !== undefined)]);
  spellings.delete(uri);
  return spellings;
}

/** How strict an entry is with a call: a refusal more than a hold, that more than any limits, and of those more than fewer. */
export function strictnessOf(effect: 'allow' | 'deny' | 'hold', limits: number): number {
  if (effect === 'allow') return limits;
  return effect === 'deny' ? Number.POSITIVE_INFINITY : Number.MAX_SAFE_INTEGER;
}
