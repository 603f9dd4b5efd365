import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject } from 'vitest';
import { CLIENT_NAME, type Certificates } from './certificates.js';
import { freePort, startProgram, type Program } from './program.js';

/** What a syslog server wrote down of one message. */
export type Heard = Readonly<{
  message: string;
  data: string;
  messageId: string;
  application: string;
  priority: string;
}>;

export type SyslogServer = Readonly<{
  port: number;
  heard: () => readonly Heard[];
  program: () => Program;
  /** Starts it again on its file. */
  restart: () => Promise<void>;
  stop: () => Promise<void>;
}>;

type Line = Readonly<Record<string, string>>;

/** The whole lines of a file: the last one may still be under way. */
const linesOf = (file: string): readonly Line[] => {
  if (!existsSync(file)) return [];
  const text = readFileSync(file, 'utf8');
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);
};

type Wanted = Readonly<{ certificates: Certificates; tls?: boolean }>;
type Plan = Readonly<{
  config: string;
  read: (line: Line) => Heard;
  start: (configFile: string, port: number) => Promise<Program>;
}>;

const serve = async (port: number, folder: string, plan: Plan): Promise<SyslogServer> => {
  const configFile = join(folder, 'server.conf');
  await writeFile(configFile, plan.config);
  let program = await plan.start(configFile, port);
  return {
    port,
    heard: () => linesOf(join(folder, 'out.ndjson')).map(plan.read),
    program: () => program,
    restart: async () => {
      await program.stop();
      program = await plan.start(configFile, port);
    },
    stop: async () => {
      await program.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
};

/** Debian's rsyslog; with TLS it wants a client certificate that names CLIENT_NAME. */
export const startRsyslog = async ({ certificates: { caFile, server }, tls = true }: Wanted): Promise<SyslogServer> => {
  const [port, folder] = [await freePort(), await mkdtemp(join(tmpdir(), 'toolgate-rsyslog-'))];
  const parameters = (all: Readonly<Record<string, string>>): string =>
    Object.entries(all)
      .map(([name, value]) => `${name}="${value}"`)
      .join(' ');
  const driver = parameters({
    defaultNetstreamDriver: 'gtls',
    defaultNetstreamDriverCAFile: caFile,
    defaultNetstreamDriverCertFile: server.certFile,
    defaultNetstreamDriverKeyFile: server.keyFile,
  });
  const mode = parameters({
    'StreamDriver.Name': 'gtls',
    'StreamDriver.Mode': '1',
    'StreamDriver.AuthMode': 'x509/name',
  });
  const properties = {
    message: 'msg',
    data: 'structured-data',
    messageId: 'msgid',
    application: 'app-name',
    priority: 'pri',
  };
  const template = Object.entries(properties).map(
    ([outname, name]) => `property(${parameters({ outname, name, format: 'jsonf' })})`,
  );
  const config = `
global(workDirectory="${folder}" maxMessageSize="256k" parser.escapeControlCharactersOnReceive="off"
  ${tls ? driver : ''})
module(load="imtcp" MaxFrameSize="200000" ${tls ? `${mode} PermittedPeer=["${CLIENT_NAME}"]` : ''})
template(name="j" type="list" option.jsonf="on") { ${template.join(' ')} }
ruleset(name="r") { action(type="omfile" file="${folder}/out.ndjson" template="j") }
input(type="imtcp" port="${port}" address="127.0.0.1" ruleset="r" SupportOctetCountedFraming="on")
`;
  return serve(port, folder, {
    config,
    read: (line) => line as unknown as Heard,
    start: (file, at) =>
      startProgram({
        command: inject('receivers').rsyslog,
        args: ['-n', '-f', file, '-i', join(folder, 'pid')],
        port: at,
      }),
  });
};

/** How to start the syslog-ng that was unpacked, with its files in a folder. */
export const syslogNgProgram = (file: string, folder: string): Omit<Parameters<typeof startProgram>[0], 'port'> => {
  const root = inject('receivers').syslogNg;
  const files = ['-p', join(folder, 'pid'), '-R', join(folder, 'persist'), '-c', join(folder, 'ctl')];
  const modules = `--module-path=${root}/usr/lib/syslog-ng/3.38`;
  const libraries = ['usr/lib', 'lib'].flatMap((path) => [`${path}/x86_64-linux-gnu`, `${path}/aarch64-linux-gnu`]);
  return {
    command: join(root, 'usr/sbin/syslog-ng'),
    args: ['-F', '--no-caps', modules, '-f', file, ...files, '--stderr'],
    env: { LD_LIBRARY_PATH: ['usr/lib/syslog-ng', ...libraries].map((path) => join(root, path)).join(':') },
  };
};

/** Debian's syslog-ng; with TLS it wants a client certificate that names CLIENT_NAME. */
export const startSyslogNg = async ({
  certificates: { caFile, server },
  tls = true,
}: Wanted): Promise<SyslogServer> => {
  const [port, folder] = [await freePort(), await mkdtemp(join(tmpdir(), 'toolgate-syslog-ng-'))];
  const security = `transport("tls") tls(key-file("${server.keyFile}") cert-file("${server.certFile}")
    ca-file("${caFile}") peer-verify(required-trusted) trusted-dn("*CN=${CLIENT_NAME}*"))`;
  const members = 'message=$MESSAGE data=$SDATA messageId=$MSGID application=$PROGRAM priority=$PRI';
  const config = `@version: 3.38
options { keep-hostname(yes); log-msg-size(262144); };
source s { syslog(ip("127.0.0.1") port(${port}) ${tls ? security : 'transport("tcp")'}); };
destination d { file("${folder}/out.ndjson" template("$(format-json ${members})\\n")); };
log { source(s); destination(d); };
`;
  return serve(port, folder, {
    config,
    read: (line) => ({ message: '', data: '', messageId: '', application: '', priority: '', ...line }),
    start: (file, at) => startProgram({ ...syslogNgProgram(file, folder), port: at }),
  });
};
