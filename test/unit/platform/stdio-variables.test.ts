import { describe, expect, test } from 'vitest';
import { isAllowedVariable, STDIO_VARIABLES } from '../../../src/platform/settings/stdio-variables.js';

const TAKE_OVER = [
  'LD_PRELOAD',
  'LD_LIBRARY_PATH',
  'DYLD_INSERT_LIBRARIES',
  'NODE_OPTIONS',
  'node_options',
  'PYTHONSTARTUP',
  'PYTHONPATH',
  'PYTHONHOME',
  'PYTHONINSPECT',
  'PYTHONBREAKPOINT',
  'PYTHONUSERBASE',
  'NODE_PATH',
  'NPM_CONFIG_SCRIPT_SHELL',
  'npm_config_node_options',
  'npm_config_registry',
  'PATH',
  'HOME',
  'BASH_ENV',
  'ENV',
  'SHELLOPTS',
  'PS4',
  'PERL5LIB',
  'PERL5OPT',
  'RUBYLIB',
  'RUBYOPT',
  '_JAVA_OPTIONS',
  'JDK_JAVA_OPTIONS',
  'JAVA_TOOL_OPTIONS',
  'CLASSPATH',
  'GIT_SSH_COMMAND',
  'GIT_EXEC_PATH',
  'GCONV_PATH',
  'OPENSSL_CONF',
  'DOTNET_STARTUP_HOOKS',
  'LUA_INIT',
  'UV_INDEX_URL',
  'PIP_INDEX_URL',
  'GLIBC_TUNABLES',
];

describe('a variable of a stdio server', () => {
  test.each([
    'API_TOKEN',
    'TOKEN',
    'GITLAB_PERSONAL_ACCESS_TOKEN',
    'GITLAB_API_URL',
    'GITLAB_TOOLS',
    'OPENAI_API_KEY',
    'AWS_ACCESS_KEY_ID',
    'DB_PASSWORD',
  ])('that holds a credential or names a service may be set without a setting: %s', (name) =>
    expect(isAllowedVariable(STDIO_VARIABLES, name)).toBe(true),
  );
  test.each([...TAKE_OVER, 'http_proxy', 'DENO_DIR', 'ANYTHING', '_TOKENS', 'TOKEN2'])(
    'that is not listed may not be set: %s',
    (name) => expect(isAllowedVariable(STDIO_VARIABLES, name)).toBe(false),
  );
  test.each(TAKE_OVER)(
    'by which interpreters run other code is let in by its very name only, by no pattern: %s',
    (name) => {
      expect(isAllowedVariable(['*', `${name.slice(0, 2)}*`, `*${name.slice(-2)}`], name)).toBe(false);
      expect(isAllowedVariable([name], name)).toBe(true);
    },
  );
  test('that the operator lists takes the place of the list', () => {
    expect(
      ['MINE', 'MY_X', 'X_MINE', 'API_TOKEN'].map((name) => isAllowedVariable(['MINE', 'MY_*', '*_MINE'], name)),
    ).toEqual([true, true, true, false]);
  });
});
