/**
 * Names by which a loader or an interpreter is made to run other code than the command: taken only where the operator
 * lists the very name, never by a pattern.
 */
const RUNS_OTHER_CODE = new RegExp(
  '^(LD_|DYLD_|NODE_|PYTHON|PERL|RUBY|JAVA_|JDK_|_JAVA|DOTNET_|GIT_|BASH|LUA_|GCONV_|OPENSSL_|GLIBC_|NPM_|PIP_|UV_)|' +
    '^(ENV|PATH|HOME|CLASSPATH|SHELLOPTS|PS4)$',
  'i',
);

/**
 * What a registration may set when the operator lists nothing: names by which programs take credentials and the place
 * of their
 * service, and those of some services. */
export const STDIO_VARIABLES = [
  '*_TOKEN',
  '*_KEY',
  '*_KEY_ID',
  '*_SECRET',
  '*_PASSWORD',
  '*_USER',
  '*_USERNAME',
  '*_EMAIL',
  '*_ID',
  '*_API_URL',
  '*_BASE_URL',
  '*_REGION',
  'KEY',
  'PASSWORD',
  'SECRET',
  'TOKEN',
  'ATLASSIAN_*',
  'CONFLUENCE_*',
  'GITHUB_*',
  'GITLAB_*',
  'JIRA_*',
  'LINEAR_*',
  'MCP_*',
  'NOTION_*',
  'SENTRY_*',
  'SLACK_*',
] as const;

/** Whether an entry of STDIO_ENV is a variable's name, or one that begins or ends with `*`. */
export const isVariablePattern = (text: string): boolean =>
  /^(\*|\*?[A-Za-z_][A-Za-z0-9_]*|[A-Za-z_][A-Za-z0-9_]*\*)$/.test(text);

const matches = (pattern: string, name: string): boolean => {
  if (pattern.startsWith('*')) return name.endsWith(pattern.slice(1));
  return pattern.endsWith('*') && name.startsWith(pattern.slice(0, -1));
};

/** Whether the environment of a stdio server may set a variable. `allowed` are entries of STDIO_ENV; case counts. */
export const isAllowedVariable = (allowed: readonly string[], name: string): boolean =>
  allowed.includes(name) || (!RUNS_OTHER_CODE.test(name) && allowed.some((pattern) => matches(pattern, name)));
