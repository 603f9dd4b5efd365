/** What stands in place of a secret. */
export const HIDDEN = '***';

/** How the tokens of well-known services begin. */
const KNOWN_PREFIX = new RegExp(
  '^(?:gl[a-z]{2,5}-|gh[opsur]_|github_pat_|sk-|[spr]k_|xox[a-z]-|xapp-|A[KS]IA|AIza|ya29\\.|eyJ|npm_|pypi-|hf_|' +
    'shp[a-z]{2}_|SG\\.|do[opr]_v1_|lin_api_|ntn_|secret_|whsec_|glsa_|figd_|tg_|ATATT|dapi)',
);
const UUID = /^[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}$/i;
const HEXADECIMAL = /^(?=.*\d)[0-9a-f]{16,}$/i;
const WORD = /^(?:[A-Z]?[a-z]{1,20}|[A-Z]{1,10}|v?\d{1,6})$/;
const BETWEEN_WORDS = /[-_.~+]+|(?<=[a-z])(?=[A-Z])/;
const CHANGES_OF_CLASS = /(?<=[a-z])(?=[A-Z\d])|(?<=[A-Z])(?=[a-z\d])|(?<=\d)(?=[A-Za-z])/g;
const LONG = 20;
const MEDIUM = 12;
const SHORTEST_KNOWN = 10;
/** Fewer letters a word than this, on average, and it is no name made of words. */
const WORD_LENGTH = 4;

/** Words and small numbers, such as a person would put together for a name. */
const isMadeOfWords = (text: string): boolean => {
  const words = text.split(BETWEEN_WORDS);
  return (
    words.every((word) => word === '' || WORD.test(word)) && words.length * WORD_LENGTH <= text.length + WORD_LENGTH
  );
};

const isMixed = (text: string): boolean =>
  (text.match(CHANGES_OF_CLASS)?.length ?? 0) >= 4 && /\d/.test(text) && /[a-z]/.test(text) && /[A-Z]/.test(text);

/** Whether a text without spaces looks like a token or a key rather than a name. In doubt it does. */
export const looksSecret = (text: string): boolean => {
  if (text.length >= SHORTEST_KNOWN && KNOWN_PREFIX.test(text)) return true;
  if (UUID.test(text) || HEXADECIMAL.test(text)) return true;
  return text.length >= LONG ? !isMadeOfWords(text) : text.length >= MEDIUM && isMixed(text);
};

const BETWEEN_PIECES = /[\s,;/\\:@?&|"'<>(){}[\]=]+/;
const SECRET_WORDS =
  'token|secret|passw|passphrase|pwd|api[-_]?key|access[-_]?key|private[-_]?key|' +
  'auth(?!ors?(?![a-z]))|credential|bearer|session|cookie|signature|dsn';
/** Names whose value is a secret whatever it looks like. */
const SECRET_NAME = new RegExp(`${SECRET_WORDS}|(?:^|[-_.])(?:key|pat|pass)$`, 'i');
/** Segments of a path after which a secret comes. */
const ANNOUNCES_SECRET = /^(?:(?:api|access)[-_]?)?(?:tokens?|keys?|secrets?)$/i;
/** A secret's name with its value, or a scheme of authentication with its credential, somewhere in a text. */
const SECRET_INSIDE = new RegExp(`(?:${SECRET_WORDS})[\\w-]*["']?\\s*[=:]\\s*\\S|\\b(?:bearer|basic)\\s+\\S`, 'i');

const isSecretInside = (text: string): boolean =>
  SECRET_INSIDE.test(text) || text.split(BETWEEN_PIECES).some((piece) => looksSecret(piece.replace(/^-+/, '')));

const decoded = (segment: string): string => {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
};

/**
 * The path of a URL with the segments hidden that look like secrets, or that follow one which announces a secret
 * (`/token/…`).
 */
export const hidePath = (pathname: string): string => {
  const segments = pathname.split('/');
  return segments
    .map((segment, at) =>
      segment !== '' && (ANNOUNCES_SECRET.test(segments[at - 1] ?? '') || isSecretInside(decoded(segment)))
        ? HIDDEN
        : segment,
    )
    .join('/');
};

/** A query with its names alone. A part without a name is hidden whole. */
export const hideQuery = (search: string): string =>
  search === ''
    ? ''
    : `?${search
        .slice(1)
        .split('&')
        .map((part) => (part.includes('=') ? `${part.slice(0, part.indexOf('='))}=${HIDDEN}` : HIDDEN))
        .join('&')}`;

/** A URL among the arguments of a command; one that can't be read is hidden whole. */
const hideUrl = (text: string): string => {
  if (!URL.canParse(text)) return HIDDEN;
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') [url.username, url.password] = [HIDDEN, ''];
  [url.pathname, url.search, url.hash] = [hidePath(url.pathname), hideQuery(url.search), url.hash === '' ? '' : HIDDEN];
  const hidden = url.href;
  return hidden === new URL(text).href ? text : hidden;
};

const hideValue = (value: string): string =>
  /^[a-z][a-z\d+.-]*:\/\//i.test(value) ? hideUrl(value) : isSecretInside(value) ? HIDDEN : value;

const ASSIGNMENT = /^([\w.-]+=)([^]*)$/;
const HEADER = /^([\w-]+:\s*)([^]*)$/;
const FLAG = /^-{1,2}[A-Za-z][\w.-]*$/;
const HEADER_FLAG = /^(?:-H|--?headers?)$/i;

/**
 * `NAME=value`, `--name=value` or `Name: value`: the value is hidden when the name announces a secret, or when it looks
 * like one.
 */
const hideNamed = (argument: string): string => {
  const [, name, value = ''] = ASSIGNMENT.exec(argument) ?? [];
  if (name !== undefined)
    return `${name}${value !== '' && SECRET_NAME.test(name.slice(0, -1)) ? HIDDEN : hideValue(value)}`;
  const [, header = ''] = HEADER.exec(argument) ?? [];
  return SECRET_NAME.test(header.replace(/:.*/, '')) ? `${header}${HIDDEN}` : hideValue(argument);
};

const hideArgument = (argument: string, flag: string): string => {
  const isAnnounced = FLAG.test(flag) && SECRET_NAME.test(flag) && !/^(?:--|-.$)/.test(argument);
  if (isAnnounced) return HIDDEN;
  if (FLAG.test(argument) && !looksSecret(argument.replace(/^-+/, ''))) return argument;
  return HEADER_FLAG.test(flag) ? `${HEADER.exec(argument)?.[1] ?? ''}${HIDDEN}` : hideNamed(argument);
};

/**
 * The arguments of a command with what looks like a secret hidden, and what a flag or a name announces as one. As many
 * as there were.
 */
export const hideArguments = (args: readonly string[]): readonly string[] =>
  args.map((argument, at) => hideArgument(argument, args[at - 1] ?? ''));

/** What `hideArguments` hides: an argument as a whole, and what of it follows a name. */
export const secretsInArguments = (args: readonly string[]): readonly string[] => {
  const hidden = hideArguments(args);
  return args.flatMap((argument, at) => {
    const shown = hidden[at] ?? argument;
    return shown === argument
      ? []
      : [argument, ...(shown.endsWith(HIDDEN) ? [argument.slice(shown.length - HIDDEN.length)] : [])];
  });
};
