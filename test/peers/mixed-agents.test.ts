/**
 * A fleet whose servers have agents of every kind: TypeScript from a directory, programs in Python and shell, and Ruby, over a real broker
 * and TLS, with certificates (protocol version 1) and with tokens (version 2). Each answers one request.
 */
import {chmodSync, cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, utimesSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {createAgentsOfFiles} from '../../src/agents/index.ts';
import {type RunningBroker, startBroker} from '../../src/broker/index.ts';
import {createClient} from '../../src/client/index.ts';
import {type Config, configFromEntries} from '../../src/config/index.ts';
import {silentLogger} from '../../src/lib/logger.ts';
import {createNodePlatform} from '../../src/lib/node-platform.ts';
import {type ChoriaServer, createServer} from '../../src/server/index.ts';
import {bundledAgentHost} from '../support/agent-host.ts';
import {createOrganization, type Holder, type Organization} from '../support/organization.ts';
import {createRecordingLogger} from '../support/recording-logger.ts';

const platform = createNodePlatform();
const pki = (name: string): string => fileURLToPath(new URL(`../fixtures/pki/${name}`, import.meta.url));
const rubyFixtures = fileURLToPath(new URL('../fixtures/ruby', import.meta.url));
const shim = fileURLToPath(new URL('../../packaging/ruby/choria_mcollective_agent_compat.rb', import.meta.url));

const typescript = `import {defineAction, defineAgent} from 'choria/agent';
export default defineAgent({
  name: 'web', description: 'd', author: 'a', license: 'Apache-2.0', version: '1.0.0', url: 'https://example.net', timeoutSeconds: 20,
  actions: {
    greet: defineAction({
      description: 'Greets',
      inputs: {text: {type: 'string', description: 'd', maxLengthBytes: 40}},
      outputs: {text: {type: 'string', description: 'd'}},
      run: async ({text}, {node}) => ({text: \`\${text} from \${node.identity}\`}),
    }),
  },
});
`;

const python = `#!/usr/bin/env python3
import json, os, sys

with open(os.environ["CHORIA_EXTERNAL_REQUEST"]) as source:
    request = json.load(source)
with open(os.environ["CHORIA_EXTERNAL_FACTS"]) as source:
    facts = json.loads(source.read() or "{}")
if request["protocol"].endswith("activation_request"):
    reply = {"activate": True}
else:
    text = "%s from %s for %s" % (request["data"]["text"], facts["name"], request["callerid"])
    reply = {"statuscode": 0, "statusmsg": "OK", "data": {"text": text}}
with open(sys.argv[2], "w") as target:
    json.dump(reply, target)
`;
import {agentMetadata} from '../support/agent-metadata.ts';

const shell = `#!/bin/sh
case "$CHORIA_EXTERNAL_PROTOCOL" in
*activation*) printf '{"activate":true}' > "$2"; exit 0 ;;
esac
text=$(sed 's/.*"text":"\\([a-z]*\\)".*/\\1/' "$1")
printf '{"statuscode":0,"statusmsg":"OK","data":{"text":"%s from shell"}}' "$text" > "$2"
`;

function description(name: string, provider = 'external'): string {
  return JSON.stringify({
    metadata: agentMetadata(name, {timeout: 20, provider}),
    actions: [
      {
        action: 'greet',
        description: 'Greets',
        display: 'always',
        input: {
          text: {prompt: 'T', description: 'd', type: 'string', optional: false, validation: '^[a-z]+$', maxlength: 40},
        },
        output: {text: {description: 'd', display_as: 'Text', type: 'string'}},
      },
    ],
  });
}

const root = realpathSync(mkdtempSync(join(tmpdir(), 'choria-mixed-')));

function write(path: string, text: string, mode = 0o644): void {
  const target = join(root, path);
  mkdirSync(dirname(target), {recursive: true});
  writeFileSync(target, text);
  chmodSync(target, mode);
  // What was written just now waits for the next scan.
  utimesSync(target, Date.now() / 1000 - 60, Date.now() / 1000 - 60);
}

const agentSettings = {
  'plugin.choria.server.agents': join(root, 'agents'),
  'plugin.choria.agent_provider.mcorpc.libdir': join(root, 'lib'),
  'plugin.choria.agent_provider.mcorpc.agent_shim': shim,
  'plugin.choria.agent_provider.mcorpc.config': join(root, 'shim.cfg'),
  rpcauthorization: '0',
};

beforeAll(() => {
  cpSync(rubyFixtures, join(root, 'lib'), {recursive: true});
  write('agents/web.mjs', typescript);
  write('lib/mcollective/agent/web.json', description('web', 'golang'));
  for (const [name, script] of Object.entries({snake: python, shelly: shell})) {
    write(`lib/mcollective/agent/${name}.json`, description(name));
    write(`lib/mcollective/agent/${name}`, script, 0o755);
  }
  write(
    'shim.cfg',
    `libdir = ${root}/lib\nloglevel = warn\nplugin.psk = unset\nplugin.service.state = ${root}/state\n`,
  );
  write('state/nginx', 'running\n');
});

afterAll(() => rmSync(root, {recursive: true, force: true}));

interface Fleet extends AsyncDisposable {
  readonly clientConfig: Config;
  readonly caller: string;
  readonly user: string;
  readonly log: () => string;
}

async function startServers(
  configs: readonly Config[],
  broker: RunningBroker,
): Promise<Pick<Fleet, 'log'> & AsyncDisposable> {
  const logger = createRecordingLogger();
  const servers: ChoriaServer[] = [];
  const hostProgram = [await bundledAgentHost()];
  for (const config of configs) {
    const facts = (): Promise<Readonly<Record<string, unknown>>> => Promise.resolve({name: config.get('identity')});
    const server = await createServer({
      config,
      platform,
      logger,
      memory: 'memory',
      facts,
      agentProviders: [(parts) => createAgentsOfFiles({...parts, hostProgram})],
    });
    await server.start();
    servers.push(server);
  }
  return {
    log: () => JSON.stringify(logger.lines),
    [Symbol.asyncDispose]: async () => {
      await Promise.all(servers.map((server) => server.stop({graceMs: 0})));
      await broker.stop();
    },
  };
}

const identities = ['node1.example.net', 'node2.example.net'] as const;

async function startVersion1(): Promise<Fleet> {
  const certificate = (name: string): Readonly<Record<string, string>> => ({
    'plugin.security.provider': 'file',
    'plugin.security.file.certificate': pki(`${name}.pem`),
    'plugin.security.file.key': pki(`${name}.key`),
    'plugin.security.file.ca': pki('ca.pem'),
  });
  const broker = await startBroker({
    config: await configFromEntries(
      {
        identity: 'localhost',
        'plugin.choria.broker_network': 'true',
        'plugin.choria.network.listen_address': '127.0.0.1',
        'plugin.choria.network.client_port': '0',
        ...certificate('broker'),
      },
      {platform, mode: 'server'},
    ),
    platform,
    logger: silentLogger,
  });
  const middleware = {'plugin.choria.middleware_hosts': `localhost:${broker.port}`};
  const configs = await Promise.all(
    identities.map((identity) =>
      configFromEntries(
        {
          ...certificate(identity === 'node1.example.net' ? 'node1' : 'node2'),
          ...middleware,
          ...agentSettings,
          identity,
        },
        {platform, mode: 'server'},
      ),
    ),
  );
  const clientConfig = await configFromEntries(
    {...certificate('alice'), ...middleware, identity: 'alice.mcollective', libdir: join(root, 'lib')},
    {platform, mode: 'user'},
  );
  return {...(await startServers(configs, broker)), clientConfig, caller: 'choria=alice', user: 'alice'};
}

async function startVersion2(): Promise<Fleet> {
  const organization: Organization = createOrganization();
  const broker = await startBroker({
    config: await configFromEntries(organization.brokerEntries(await organization.server('broker.example.net')), {
      platform,
      mode: 'server',
    }),
    platform,
    logger: silentLogger,
  });
  const entries = (holder: Holder): Readonly<Record<string, string>> => ({
    ...organization.entries(holder),
    'plugin.choria.middleware_hosts': `localhost:${broker.port}`,
  });
  const configs = await Promise.all(
    identities.map(async (identity) =>
      configFromEntries(
        {...entries(await organization.server(identity)), ...agentSettings, identity},
        {platform, mode: 'server'},
      ),
    ),
  );
  const clientConfig = await configFromEntries(
    {...entries(await organization.client('up=bob')), identity: 'client.example.net', libdir: join(root, 'lib')},
    {platform, mode: 'user'},
  );
  const servers = await startServers(configs, broker);
  return {
    ...servers,
    clientConfig,
    caller: 'up=bob',
    user: 'bob',
    [Symbol.asyncDispose]: async () => {
      await servers[Symbol.asyncDispose]();
      organization[Symbol.dispose]();
    },
  };
}

describe.each([
  ['certificates and protocol version 1', startVersion1],
  ['tokens and protocol version 2', startVersion2],
])('a fleet with %s', (_what, start) => {
  test('answers one request to each kind of agent', async () => {
    await using fleet = await start();
    await using client = createClient({
      config: fleet.clientConfig,
      platform: {...platform, env: {...platform.env, USER: fleet.user}},
      logger: silentLogger,
    });
    const ask = async (agent: string, action: string, data: Readonly<Record<string, unknown>>) => {
      const replies = client.request(agent, action, data, {targets: identities, timeoutMs: 20_000});
      const found: [string, number, unknown][] = [];
      for await (const {sender, statusCode, data: answer} of replies) found.push([sender, statusCode, answer]);
      return found.sort(([a], [b]) => (a < b ? -1 : 1));
    };
    const log = fleet.log;
    expect(await ask('web', 'greet', {text: 'hello'}), log()).toEqual(
      identities.map((name) => [name, 0, {text: `hello from ${name}`}]),
    );
    expect(await ask('snake', 'greet', {text: 'hello'}), log()).toEqual(
      identities.map((name) => [name, 0, {text: expect.stringContaining(`hello from ${name} for ${fleet.caller}`)}]),
    );
    expect(await ask('shelly', 'greet', {text: 'hello'}), log()).toEqual(
      identities.map((name) => [name, 0, {text: 'hello from shell'}]),
    );
    expect(await ask('service', 'status', {service: 'nginx'}), log()).toEqual(
      identities.map((name) => [name, 0, {status: 'running'}]),
    );
    // The same again finds the Ruby agent loaded, and refusals travel as well.
    expect(await ask('service', 'start', {service: 'nginx'})).toMatchObject(identities.map((name) => [name, 1, {}]));
    await expect(ask('snake', 'greet', {text: 'NOT ALLOWED'})).rejects.toThrow('input does not match');
  }, 120_000);
});
