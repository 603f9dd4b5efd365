import 'reflect-metadata';
import { resolve } from 'node:path';
import { ConfigError, environment, forgetSecrets, readConfig, type Config } from './platform/settings/config.js';
import { installLastResort } from './platform/runtime/last-resort.js';
import { errorText, log } from './platform/runtime/log.js';
import { CONSOLE_BASE, isConsoleBuilt } from './app/serve-console.js';
import { startToolgate, type Toolgate } from './app/toolgate.js';

const banner = (toolgate: Toolgate, config: Config): string => {
  const { url, listensOn } = toolgate;
  const data = config.databaseUrl
    ? 'in the PostgreSQL of DATABASE_URL'
    : `${resolve(config.dataDir)} (embedded PostgreSQL: for trying out, not for production)`;
  const readToken = `node -pe 'JSON.parse(require("fs").readFileSync(0)).token'`;
  const browser = isConsoleBuilt() ? `  Console   ${url}${CONSOLE_BASE}\n` : '';
  return `
Toolgate is ready.

${listensOn === url ? '' : `  Listens   ${listensOn}\n`}${browser}  API       ${url}/v1        described at ${url}/docs
  Gateway   ${url}/mcp/<server id>
  Health    ${url}/healthz  ${url}/readyz  ${url}/metrics
  Data      ${data}

To begin: sign up, register an MCP server, see what it offers.

  TOKEN=$(curl -s ${url}/v1/signup -H 'content-type: application/json' \\
    -d '{"email":"you@example.com","password":"change me please","organizationName":"Example"}' | ${readToken})
  curl -s ${url}/v1/servers -H "authorization: Bearer $TOKEN" -H 'content-type: application/json' \\
    -d '{"name":"GitLab","transport":{"type":"streamable-http","url":"http://127.0.0.1:3002/mcp"}}'
  curl -s ${url}/v1/servers -H "authorization: Bearer $TOKEN"

`;
};

/** A database or broker that is away must not keep a process from ending; what was promised is on record already. */
const STOP_MS = 20_000;

const stopOnSignal = (toolgate: Toolgate): void => {
  let stopping = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (stopping) process.exit(1);
      stopping = true;
      log.info('stopping', { signal });
      setTimeout(() => process.exit(1), STOP_MS).unref();
      toolgate.close().then(
        () => process.exit(0),
        () => process.exit(1),
      );
    });
  }
};

const main = async (): Promise<void> => {
  const config = readConfig(environment());
  forgetSecrets();
  let running: Toolgate | undefined;
  installLastResort(async () => running?.close());
  const toolgate = await startToolgate(config);
  running = toolgate;
  stopOnSignal(toolgate);
  process.stdout.write(banner(toolgate, config));
};

main().catch((error: unknown) => {
  process.stderr.write(
    `${error instanceof ConfigError ? error.message : `Toolgate did not start: ${errorText(error)}`}\n`,
  );
  process.exit(1);
});
