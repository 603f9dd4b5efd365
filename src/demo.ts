/** `npm run demo`: plays the running example on a temporary folder, and fails when anything was not as it says. */
import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectAgent } from './demo/client.js';
import { startGitLabApi, type GitLabApi } from './demo/gitlab-api.js';
import { CANCEL_TOOL, startGitLabServer } from './demo/gitlab-server.js';
import { showAuditLog, showExport, showUsage } from './demo/record.js';
import { makeScreen, masked, withProgress, type Screen } from './demo/screen.js';
import { playChanges, playLimits, prepare, type Stage } from './demo/story.js';
import { readConfig } from './platform/settings/config.js';
import { errorText } from './platform/runtime/log.js';
import { startToolgate } from './app/toolgate.js';

type Closeable = Readonly<{ close: () => Promise<unknown> }>;

/** What is running, also what is still starting; ended last first. */
const running: Promise<Closeable>[] = [];

const keep = <T extends Closeable>(starting: Promise<T>): Promise<T> => {
  running.push(starting);
  return starting;
};

const endAll = async (): Promise<void> => {
  for (let last = running.pop(); last; last = running.pop())
    await last.then((one) => one.close()).catch(() => undefined);
};

const temporaryFolder = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'toolgate-demo-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
};

const checkGitLab = (screen: Screen, api: GitLabApi, stage: Stage, token: string): void => {
  screen.check(
    `GitLab cancelled exactly the ${stage.seen.jobs.length} jobs of the allowed calls`,
    api.cancelledJobs().join() === stage.seen.jobs.join(),
  );
  screen.check(
    `every request to it carried ${masked(token)}, none a grant's token`,
    api.requests.every(
      ({ credential, headers }) => credential === token && !JSON.stringify(headers).includes('tg_grant_'),
    ),
  );
};

const whereNext = (screen: Screen): void => {
  screen.chapter('Where to go next');
  screen.line('npm start         your own Toolgate on http://127.0.0.1:8080; it prints three commands to begin with');
  screen.line('/docs             on that address: the whole REST API');
  screen.line('POST /v1/grants   answers clientConfig, the JSON to paste into Claude, Cursor or another MCP client');
  screen.line('README.md         what Toolgate does; docs/operating.md says how to run it in production');
};

const start = async (screen: Screen, token: string) => {
  screen.widths([30]);
  const api = await keep(startGitLabApi(token));
  screen.row(["GitLab's REST API, a stand-in", api.url]);
  const dataDir = await temporaryFolder();
  const [gitlab, toolgate] = await withProgress(
    screen,
    'starting',
    Promise.all([
      keep(startGitLabServer(api.url)),
      keep(startToolgate(readConfig({ PORT: '0', HOST: '127.0.0.1', DATA_DIR: dataDir, SIGNUP: 'open' }))),
    ]),
  );
  screen.row([
    `@zereight/mcp-gitlab ${gitlab.version}`,
    `${gitlab.url}, the real one; it calls its cancel_job ${CANCEL_TOOL}`,
  ]);
  screen.row(['Toolgate', toolgate.url]);
  return { api, gitlab, toolgate };
};

const play = async (screen: Screen): Promise<void> => {
  const token = `glpat-demo-${randomBytes(15).toString('hex')}`;
  screen.line('The running example: an agent may cancel GitLab jobs, ten a minute, and nothing else.');
  screen.chapter('Start everything, on 127.0.0.1 and a temporary folder');
  const { api, gitlab, toolgate } = await start(screen, token);
  screen.chapter('Set up, by REST');
  screen.widths([16]);
  const stage = await withProgress(screen, 'setting up', prepare(screen, toolgate.url, { url: gitlab.url, token }));
  const release = await keep(connectAgent('release-agent', stage.grants.release));
  const night = await keep(connectAgent('night-agent', stage.grants.night));
  screen.chapter('Ten calls a minute, for each grant');
  await playLimits(stage, release, night);
  screen.chapter('A change governs the next call');
  await playChanges(stage, release, night);
  screen.chapter('What reached GitLab');
  checkGitLab(screen, api, stage, token);
  screen.chapter('The audit log');
  const events = await withProgress(screen, 'waiting for the audit log', showAuditLog(screen, stage.rest, stage.seen));
  screen.chapter('Usage');
  await withProgress(screen, 'waiting for the counters', showUsage(screen, stage.rest, events));
  screen.chapter('The export for a SIEM: GET /v1/audit/export?format=ndjson');
  await showExport(screen, stage.rest, events);
  whereNext(screen);
};

const main = async (): Promise<number> => {
  const screen = makeScreen(process.stdout);
  const interrupted = new Promise<number>((resolve) => {
    let signals = 0;
    const onSignal = (): void => {
      signals += 1;
      if (signals > 1) process.exit(1);
      resolve(130);
    };
    process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  });
  const played = play(screen).then(() => (screen.failures() === 0 ? 0 : 1));
  const code = await Promise.race([played, interrupted]).finally(endAll);
  screen.line();
  if (code === 130) screen.line('Stopped before the end.');
  else screen.line(code === 0 ? 'All of it held.' : `${screen.failures()} of these did not hold.`);
  return code;
};

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`The demo could not go on: ${errorText(error)}\n`);
    process.exit(1);
  },
);
