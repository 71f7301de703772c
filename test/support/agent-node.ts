/**
 * A node without a network, with a real disk and real processes, for tests of agents that come from files.
 *
 *     await using node = await startAgentNode({settings: {...}});
 *     node.write('lib/mcollective/agent/echo.json', '...');
 *     await node.scan();
 *     expect(await node.call('echo', 'run', {msg: 'x'})).toMatchObject({statuscode: 0});
 */
import {mkdirSync, mkdtempSync, realpathSync, rmSync, utimesSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {createAgentsOfFiles, createDataPlugins, type DataPlugins} from '../../src/agents/index.ts';
import {type Config, configFromEntries} from '../../src/config/index.ts';
import {createNodePlatform} from '../../src/lib/node-platform.ts';
import type {Platform} from '../../src/lib/platform.ts';
import {emptyFilter} from '../../src/protocol/index.ts';
import {createAgentRegistry} from '../../src/rpc/index.ts';
import type {AgentRegistry, NodeContext} from '../../src/rpc/types.ts';
import {bundledAgentHost} from './agent-host.ts';
import {createRecordingLogger, type RecordingLogger} from './recording-logger.ts';

export interface ReplyBody {
  readonly statuscode: number;
  readonly statusmsg: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface AgentNode extends AsyncDisposable {
  readonly root: string;
  readonly node: NodeContext;
  readonly registry: AgentRegistry;
  readonly data: DataPlugins;
  readonly logger: RecordingLogger;
  /** Writes a file below the root that looks a minute old. */
  write(path: string, text: string, mode?: number): void;
  scan(): Promise<void>;
  /** Undefined when there was no reply. */
  call(agent: string, action: string, data?: unknown): Promise<ReplyBody | undefined>;
}

/** Only where it is needed: it takes a moment to make. */
async function hostProgramOf(config: Config): Promise<{readonly hostProgram?: readonly string[]}> {
  if (config.get('plugin.choria.server.agents').length === 0) return {};
  return {hostProgram: [await bundledAgentHost()]};
}

export async function startAgentNode(
  options: {
    /** `{root}` in a value stands for the node's folder. */
    readonly settings?: Readonly<Record<string, string>>;
    readonly facts?: Readonly<Record<string, unknown>>;
    readonly platform?: Partial<Platform>;
  } = {},
): Promise<AgentNode> {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'choria-agents-')));
  const platform: Platform = {...createNodePlatform(), ...options.platform};
  const entries = {
    identity: 'n1.example.net',
    rpcauthorization: '0',
    'plugin.choria.agent_provider.mcorpc.libdir': join(root, 'lib'),
    ...options.settings,
  };
  const config = await configFromEntries(
    Object.fromEntries(Object.entries(entries).map(([key, value]) => [key, value.replaceAll('{root}', root)])),
    {platform, mode: 'server', path: join(root, 'server.conf')},
  );
  const logger = createRecordingLogger();
  const registry = createAgentRegistry({logger});
  const data = createDataPlugins({version: '1.0.0'});
  const zero = {total: 0, validated: 0, unvalidated: 0, passed: 0, filtered: 0, ttlExpired: 0, replies: 0, events: 0};
  const node: NodeContext = {
    identity: 'n1.example.net',
    collectives: ['mcollective'],
    mainCollective: 'mcollective',
    config,
    platform,
    logger,
    startedAtMs: platform.clock.nowMs(),
    provisioning: false,
    factsJson: async () => Buffer.from(JSON.stringify(options.facts ?? {})),
    classes: async () => ['role::web'],
    agents: () => registry.metadata(),
    dataPlugins: () => data.names(),
    data: (plugin, query) => data.run(plugin, query, node),
    statistics: () => ({...zero, replayed: 0}),
    connectedServer: () => 'nats://broker.example.net:4222',
    machines: () => [],
  };
  const provider = createAgentsOfFiles({node, registry, data, ...(await hostProgramOf(config))});
  let requests = 0;
  return {
    root,
    node,
    registry,
    data,
    logger,
    write: (path, text, mode = 0o644) => {
      const target = join(root, path);
      mkdirSync(dirname(target), {recursive: true});
      writeFileSync(target, text, {mode});
      // Files that were written just now wait for the next scan.
      utimesSync(target, Date.now() / 1000 - 60, Date.now() / 1000 - 60);
    },
    scan: () => provider.scan(),
    call: async (name, action, inputs = {}) => {
      const agent = registry.get(name);
      if (!agent) throw new Error(`agent ${name} is not registered: ${JSON.stringify(logger.lines)}`);
      const stop = new AbortController();
      const timer = platform.clock.setTimer(() => stop.abort(new Error('over')), agent.metadata.timeoutSeconds * 1000);
      requests++;
      const reply = await agent.handle({
        request: {
          version: 1,
          id: requests.toString(16).padStart(32, '0'),
          senderId: 'rip.mcollective',
          callerId: 'choria=rip.mcollective',
          collective: 'mcollective',
          agent: name,
          ttlSeconds: 60,
          sentAtMs: platform.clock.nowMs(),
          filter: emptyFilter,
          body: Buffer.from(JSON.stringify({agent: name, action, data: inputs})),
        },
        node,
        signal: stop.signal,
      });
      timer.cancel();
      return reply && (JSON.parse(reply.toString('utf8')) as ReplyBody);
    },
    [Symbol.asyncDispose]: async () => {
      await provider.stop();
      rmSync(root, {recursive: true, force: true});
    },
  };
}
