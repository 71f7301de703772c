/**
 * A node of `fixture.json` with the agents, providers, rights and audit of a real one, called through the same processing core.
 *
 * Its files lie in a temporary folder that the node sees as `/etc/choria` and `/opt/choria/lib`, so paths come out as captured.
 */
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {createBuiltinAgents, createDataPlugins, createAgentsOfFiles} from '../../../../src/agents/index.ts';
import {createAuthorizer} from '../../../../src/authz/index.ts';
import {loadConfig} from '../../../../src/config/index.ts';
import {createNodePlatform} from '../../../../src/lib/node-platform.ts';
import {
  createFilterMatcher,
  emptyFilter,
  filterFromWire,
  type Filter,
  type Request,
} from '../../../../src/protocol/index.ts';
import {createAgentRegistry, createAuditor} from '../../../../src/rpc/index.ts';
import type {AgentRegistry, Auditor, Authorizer, NodeContext, ServerStatistics} from '../../../../src/rpc/types.ts';
import {createClassSource} from '../../../../src/server/classes.ts';
import {createFactSource, factPaths} from '../../../../src/server/facts.ts';
import {mountPlatform} from '../../../support/mounts.ts';
import {createRecordingLogger} from '../../../support/recording-logger.ts';
import {fields, isFields, text, type Fields} from './_cases.ts';
import {namedAgent, recordingAgent, recordingShim} from './_programs.ts';

export const testVersion = '0.29.4';

export interface TestCall {
  readonly agent: string;
  readonly body: Buffer;
  readonly type?: string;
  readonly filter?: unknown;
  readonly callerId?: string;
  readonly senderId?: string;
  readonly requestId?: string;
  readonly collective?: string;
  readonly ttlSeconds?: number;
  readonly sentAtMs?: number;
}

export interface TestNode extends AsyncDisposable {
  readonly context: NodeContext;
  readonly registry: AgentRegistry;
  /** The real folder in the place of `/etc/choria`. */
  readonly etc: string;
  readonly lib: string;
  /** What the programs wrote down about the last call. */
  lastRecord(): Fields;
  /** The reply's body, undefined for silence. */
  call(call: TestCall): Promise<string | undefined>;
}

const statistics: ServerStatistics = {
  total: 0,
  validated: 0,
  unvalidated: 0,
  passed: 0,
  filtered: 0,
  ttlExpired: 0,
  replies: 0,
  events: 0,
  replayed: 0,
};

export async function startTestNode(options: {
  readonly vectorsDirectory: string;
  readonly node: string;
  /** Replies of the recording agent by action, told by a vector. */
  readonly told?: Readonly<Record<string, string>>;
}): Promise<TestNode> {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'choria-agents-')));
  const etc = join(root, 'etc');
  const lib = join(root, 'lib');
  const record = join(root, 'record.json');
  const fixture = fields(JSON.parse(readFileSync(join(options.vectorsDirectory, 'agents/fixture.json'), 'utf8')));
  placeFiles(fields(fixture[options.node]), {etc, lib});
  placePrograms(fields(fixture[options.node]), {etc, lib, record, told: options.told ?? {}});

  const real = createNodePlatform();
  const platform = mountPlatform({
    platform: real,
    mounts: [
      {virtual: '/etc/choria', real: etc},
      {virtual: '/opt/choria/lib', real: lib},
    ],
    env: {PATH: process.env['PATH']},
    workingDirectory: root,
    host: {uid: real.host.uid},
  });
  const logger = createRecordingLogger();
  const config = await loadConfig({platform, mode: 'server', path: '/etc/choria/server.conf'});
  const registry = createAgentRegistry({logger});
  const data = createDataPlugins({version: testVersion});
  const facts = createFactSource({
    files: platform.files,
    paths: factPaths(config.get('plugin.yaml'), platform.host.platform),
    logger,
  });
  const classes = createClassSource({files: platform.files, path: config.get('classesfile'), logger});
  const context: NodeContext = {
    identity: config.get('identity'),
    collectives: config.get('collectives'),
    mainCollective: config.get('main_collective') || (config.get('collectives')[0] ?? ''),
    config,
    platform,
    logger,
    startedAtMs: platform.clock.nowMs(),
    provisioning: false,
    factsJson: () => facts.json(),
    classes: () => classes.list(),
    agents: () => registry.metadata(),
    dataPlugins: () => data.names(),
    data: (plugin, query) => data.run(plugin, query, context),
    statistics: () => statistics,
    connectedServer: () => 'nats://127.0.0.1:4222',
    machines: () => [],
  };
  for (const agent of createBuiltinAgents({version: testVersion})) await registry.add(agent, context);
  const provider = createAgentsOfFiles({node: context, registry});
  await provider.start();
  const authorizer = await createAuthorizer(config, {platform, logger});
  const auditor = await createAuditor(config, {platform, logger});
  return {
    context,
    registry,
    etc,
    lib,
    lastRecord: () => readRecord(record, {etc, lib, root}),
    call: (call) => runCall(call, {context, registry, authorizer, auditor}),
    [Symbol.asyncDispose]: async () => {
      await provider.stop();
      rmSync(root, {recursive: true, force: true});
    },
  };
}

function placeFiles(files: Fields, places: {readonly etc: string; readonly lib: string}): void {
  mkdirSync(places.etc, {recursive: true});
  mkdirSync(places.lib, {recursive: true});
  for (const [path, content] of Object.entries(files)) {
    const target = path.replace(/^\/etc\/choria/, places.etc).replace(/^\/opt\/choria\/lib/, places.lib);
    mkdirSync(dirname(target), {recursive: true});
    writeFileSync(target, text(content));
    // Files that were written just now wait for the next scan.
    utimesSync(target, Date.now() / 1000 - 60, Date.now() / 1000 - 60);
  }
}

function placePrograms(
  files: Fields,
  places: {
    readonly etc: string;
    readonly lib: string;
    readonly record: string;
    readonly told: Readonly<Record<string, string>>;
  },
): void {
  const {etc, lib, record, told} = places;
  const writeProgram = (path: string, content: string): void => {
    mkdirSync(dirname(path), {recursive: true});
    writeFileSync(path, content);
    chmodSync(path, 0o755);
  };
  for (const [path, content] of Object.entries(files)) {
    if (!path.endsWith('.json') || !path.includes('/mcollective/agent/')) continue;
    const metadata = fields(fields(JSON.parse(text(content)))['metadata']);
    const name = text(metadata['name']);
    const directory = dirname(path).replace(/^\/opt\/choria\/lib/, lib);
    if (metadata['provider'] !== 'external')
      writeFileSync(join(directory, `${name}.rb`), '# called through the shim\n');
    else if (name === 'dirbin') writeProgram(join(directory, name, `${name}-linux_amd64`), namedAgent(name));
    else if (name === 'svc') writeProgram(join(directory, name), namedAgent(name));
    else writeProgram(join(directory, name), recordingAgent({recordPath: record, told}));
  }
  writeProgram(join(etc, 'shim.py'), recordingShim(record));
  writeFileSync(join(etc, 'shim.cfg'), '');
}

/** Real folders turned back into the ones of the vectors. */
function readRecord(path: string, places: {readonly etc: string; readonly lib: string; readonly root: string}): Fields {
  const content = readFileSync(path, 'utf8')
    .replaceAll(places.etc, '/etc/choria')
    .replaceAll(places.lib, '/opt/choria/lib');
  return fields(JSON.parse(content));
}

async function runCall(
  call: TestCall,
  parts: {
    readonly context: NodeContext;
    readonly registry: AgentRegistry;
    readonly authorizer: Authorizer | undefined;
    readonly auditor: Auditor | undefined;
  },
): Promise<string | undefined> {
  const {context, registry, authorizer, auditor} = parts;
  const agent = registry.get(call.agent);
  if (!agent) return undefined;
  // A service agent has its own subject and does not hear what is sent to all.
  if (call.type === 'broadcast' && agent.metadata.service) return undefined;
  if (call.type === 'service' && !agent.metadata.service) return undefined;
  const filter: Filter = isFields(call.filter) ? filterFromWire(call.filter) : emptyFilter;
  if (!(await matches(filter, context))) return undefined;
  const request: Request = {
    version: 1,
    id: call.requestId ?? '0123456789abcdef0123456789abcdef',
    senderId: call.senderId ?? 'rip.mcollective',
    callerId: call.callerId ?? 'choria=rip.mcollective',
    collective: call.collective ?? context.mainCollective,
    agent: call.agent,
    ttlSeconds: call.ttlSeconds ?? 60,
    sentAtMs: call.sentAtMs ?? context.platform.clock.nowMs(),
    filter,
    body: call.body,
  };
  const stop = new AbortController();
  const timer = context.platform.clock.setTimer(
    () => stop.abort(new Error('the time of the agent is over')),
    agent.metadata.timeoutSeconds * 1000,
  );
  try {
    const body = await agent.handle({
      request,
      node: atTimeOf(request, context),
      signal: stop.signal,
      ...(authorizer === undefined ? {} : {authorizer}),
      ...(auditor === undefined ? {} : {auditor}),
    });
    return body?.toString('utf8');
  } finally {
    timer.cancel();
  }
}

/** Captured requests are long past their life by the clock on the wall: the node's clock stands where it stood when they came. */
function atTimeOf(request: Request, context: NodeContext): NodeContext {
  const {platform} = context;
  return {...context, platform: {...platform, clock: {...platform.clock, nowMs: () => request.sentAtMs}}};
}

async function matches(filter: Filter, context: NodeContext): Promise<boolean> {
  const plugins = createDataPlugins({version: testVersion});
  const verdict = await createFilterMatcher().match(filter, {
    identity: context.identity,
    agents: () => context.agents().map((agent) => agent.name),
    classes: () => context.classes(),
    factsJson: () => context.factsJson(),
    data: {
      functions: Object.fromEntries(
        context.dataPlugins().map((name) => [name, {takesQuery: plugins.get(name)?.takesQuery ?? true}]),
      ),
      call: (name, query) => context.data(name, query),
    },
  });
  return verdict.matched;
}
