/**
 * The requests of the demo, on every kind of fleet and both engines: certificates and protocol version 1, tokens and version 2, and both kinds of nodes and
 * callers at one broker. A stranger and a replay are refused in each.
 */
import {appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {describe, expect, test} from 'vitest';
import {type RunningBroker, startBroker} from '../../src/broker/index.ts';
import {realNodes} from '../../src/cli/demo/fleet-files.ts';
import {replayARequest} from '../../src/cli/demo/replay.ts';
import {demoScenes} from '../../src/cli/demo/scenes.ts';
import {loadConfig} from '../../src/config/index.ts';
import {silentLogger} from '../../src/lib/logger.ts';
import {createNodePlatform} from '../../src/lib/node-platform.ts';
import {
  createOrganisation,
  memberFolder,
  moveBroker,
  type NewNode,
  type OrganisationSecurity,
} from '../../src/organisation/index.ts';
import {type ChoriaServer, createServer} from '../../src/server/index.ts';
import {runCliForTest} from '../support/cli.ts';
import {createRecordingLogger, type RecordingLogger} from '../support/recording-logger.ts';
import {findNatsServer, missingPeer} from './nats-server.ts';

const skip = missingPeer('nats-server', 'go install github.com/nats-io/nats-server/v2@v2.15.2');
const platform = createNodePlatform();
const callers: Readonly<Record<OrganisationSecurity, string>> = {x509: 'demo.mcollective', jwt: 'demo'};

interface Side {
  readonly security: OrganisationSecurity;
  readonly directory: string;
  readonly clientConfig: string;
}

/** Each side has nodes of its own names, so that both can be in one collective. */
const domainOf = (security: OrganisationSecurity): string => `${security}.example.net`;

function nodesOf(security: OrganisationSecurity): readonly NewNode[] {
  return realNodes.map((node) => ({...node, name: node.name.replace('example.net', domainOf(security))}));
}

/** One organisation for each generation, with the nodes of the demo. */
async function makeSide(root: string, security: OrganisationSecurity): Promise<Side> {
  const directory = join(root, security);
  await createOrganisation(platform, {
    directory,
    security,
    broker: {host: 'broker.example.net', port: 0, listenAddress: '127.0.0.1'},
    collectives: ['mcollective'],
    nodes: nodesOf(security),
    operators: ['demo'],
  });
  const clientConfig = join(directory, memberFolder('user', callers[security]), 'client.conf');
  return {security, directory, clientConfig};
}

/** Both generations at one broker: it has a certificate, and believes the issuer of the tokens. Everybody believes one authority. */
function merge(old: Side, young: Side): void {
  const issuer = readIssuer(young);
  appendFileSync(
    join(old.directory, 'broker', 'broker.conf'),
    `plugin.choria.network.client_signer_cert = ${issuer}\nplugin.choria.network.server_signer_cert = ${issuer}\n`,
  );
  const authority = readFileSync(join(old.directory, 'authority', 'ca.pem'));
  for (const folder of [
    ...nodesOf(young.security).map((node) => memberFolder('node', node.name)),
    memberFolder('user', callers.jwt),
  ]) {
    writeFileSync(join(young.directory, folder, 'ca.pem'), authority);
  }
}

function readIssuer({directory}: Side): string {
  return (JSON.parse(readFileSync(join(directory, 'organisation.json'), 'utf8')) as {readonly issuer: string}).issuer;
}

async function startSide(side: Side, options: {readonly port: number; readonly logger: RecordingLogger}) {
  await moveBroker(platform.files, side.directory, {host: 'localhost', port: options.port});
  const servers: ChoriaServer[] = [];
  for (const node of nodesOf(side.security)) {
    const path = join(side.directory, memberFolder('node', node.name), 'server.conf');
    const config = await loadConfig({platform, mode: 'server', path});
    const server = await createServer({config, platform, logger: options.logger});
    await server.start();
    servers.push(server);
  }
  return servers;
}

/** Someone whose token or certificate is of another organisation, with the right address. */
async function strangerOf(root: string, side: Side, port: number): Promise<string> {
  const other = await makeSide(join(root, 'strangers'), side.security);
  await moveBroker(platform.files, other.directory, {host: 'localhost', port});
  const folder = join(other.directory, memberFolder('user', callers[side.security]));
  writeFileSync(
    join(folder, 'ca.pem'),
    readFileSync(join(side.directory, memberFolder('user', callers[side.security]), 'ca.pem')),
  );
  return other.clientConfig;
}

function choria(side: Side, args: readonly string[], config = side.clientConfig) {
  return runCliForTest({
    argv: ['choria', ...args, '--config', config],
    env: {USER: 'demo', MCOLLECTIVE_CERTNAME: side.security === 'x509' ? callers.x509 : null},
  });
}

async function play(side: Side): Promise<readonly string[]> {
  const problems: string[] = [];
  for (const scene of demoScenes(realNodes.length, domainOf(side.security))) {
    const {exit, stdout, stderr} = await choria(side, scene.args);
    const problem = scene.check({exitCode: exit, stdout, stderr});
    if (problem !== undefined)
      problems.push(`${side.security}: choria ${scene.args.join(' ')}: ${problem}\n${stdout}${stderr}`);
  }
  return problems;
}

async function replay(side: Side): Promise<readonly number[]> {
  const {firstAnswers, secondAnswers} = await replayARequest({
    platform: {...platform, env: {...platform.env, USER: 'demo'}},
    configPath: side.clientConfig,
    certname: callers[side.security],
    answersExpected: realNodes.length,
    signal: AbortSignal.timeout(30_000),
  });
  return [firstAnswers, secondAnswers];
}

async function startBrokerOf(side: Side, engine: string): Promise<RunningBroker> {
  const path = join(side.directory, 'broker', 'broker.conf');
  appendFileSync(
    path,
    `plugin.choria.network.engine = ${engine}\nplugin.choria.network.nats_server = ${findNatsServer() ?? ''}\n`,
  );
  return startBroker({config: await loadConfig({platform, mode: 'server', path}), platform, logger: silentLogger});
}

const fleets: readonly {readonly fleet: string; readonly sides: readonly OrganisationSecurity[]}[] = [
  {fleet: 'certificates and version 1', sides: ['x509']},
  {fleet: 'tokens and version 2', sides: ['jwt']},
  {fleet: 'both versions at one broker', sides: ['x509', 'jwt']},
];

describe.skipIf(skip).each(['embedded', 'nats-server'])('the requests of the demo on the engine %s', (engine) => {
  test.each(fleets)('with $fleet', {timeout: 120_000}, async ({sides}) => {
    const root = mkdtempSync(join(tmpdir(), 'choria-matrix-'));
    const running: ChoriaServer[] = [];
    let broker: RunningBroker | undefined;
    try {
      const made = await Promise.all(sides.map((security) => makeSide(root, security)));
      const [first, second] = made;
      if (first === undefined) throw new Error('there is no fleet');
      if (second !== undefined) merge(first, second);
      broker = await startBrokerOf(first, engine);
      const loggers = made.map(() => createRecordingLogger());
      for (const [index, side] of made.entries()) {
        running.push(
          ...(await startSide(side, {port: broker.port, logger: loggers[index] ?? createRecordingLogger()})),
        );
      }
      for (const [index, side] of made.entries()) {
        expect(await play(side)).toEqual([]);
        const stranger = await choria(side, ['ping'], await strangerOf(root, side, broker.port));
        expect(stranger.exit).not.toBe(0);
        expect(stranger.stdout).not.toMatch(/time=\d+/);
        expect(await replay(side)).toEqual([realNodes.length, 0]);
        const refusals = loggers[index]?.lines.filter(({message}) => message.includes('already accepted once'));
        expect(refusals).toHaveLength(realNodes.length);
      }
    } finally {
      await Promise.all(running.map((server) => server.stop({graceMs: 0})));
      await broker?.stop();
      rmSync(root, {recursive: true, force: true});
    }
  });
});
