/**
 * The program of a process that holds one agent from a directory. Edge file: it has a process for itself.
 *
 * Frames come in on descriptor 4 and leave on 3, because 0 and 1 belong to the agent: what it prints goes to the log. Whatever ends this
 * process ends this agent's calls and nothing else.
 */
import {createRequire, register} from 'node:module';
import {Socket} from 'node:net';
import {pathToFileURL} from 'node:url';
import {configFromEntries} from '../../config/index.ts';
import type {Config} from '../../config/types.ts';
import {errorMessage} from '../../lib/errors.ts';
import type {LogFields, Logger} from '../../lib/logger.ts';
import {createNodePlatform} from '../../lib/node-platform.ts';
import type {Agent, NodeContext} from '../../rpc/types.ts';
import {hostFrameBytesMax} from '../limits.ts';
import {createFrameReader, encodeFrame, type Frame} from '../worker/frames.ts';
import type {CallFields, LoadFrame, NodeState, Question} from './host-protocol.ts';

const output = new Socket({fd: 3, readable: false, writable: true});
const input = new Socket({fd: 4, readable: true, writable: false});

function send(frame: Frame): void {
  output.write(encodeFrame(frame));
}

const questions = new Map<number, {resolve(value: unknown): void; reject(error: Error): void}>();
const calls = new Map<number, AbortController>();
let asked = 0;
let isStopping = false;
let state: NodeState | undefined;
let loaded: {readonly agent: Agent; readonly node: NodeContext} | undefined;

function ask(what: Question, fields: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
  const id = ++asked;
  send({t: 'ask', id, what, ...fields});
  return new Promise((resolve, reject) => questions.set(id, {resolve, reject}));
}

function hostLogger(bound: LogFields = {}): Logger {
  const write =
    (level: string) =>
    (message: string, fields: LogFields = {}) =>
      send({t: 'log', level, message, fields: {...bound, ...fields}});
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    fatal: write('error'),
    // What is shown is for the server to decide.
    isEnabled: () => true,
    child: (fields) => hostLogger({...bound, ...fields}),
  };
}

/** The server has asked for rights and written its audit log before it sent the call. */
function withoutDecisions(config: Config): Config {
  return config.with({rpcauthorization: false, rpcaudit: false});
}

async function createNode(frame: LoadFrame): Promise<NodeContext> {
  const own = createNodePlatform();
  const platform = {...own, host: {...own.host, self: frame.self}};
  const {path, entries} = frame.config;
  const config = await configFromEntries(entries, {platform, mode: 'server', ...(path === undefined ? {} : {path})});
  const known = (): NodeState => {
    if (state === undefined) throw new Error('the node is known only while a call runs');
    return state;
  };
  return {
    ...frame.node,
    config: withoutDecisions(config),
    platform,
    logger: hostLogger(),
    factsJson: async () => Buffer.from(String(await ask('facts')), 'utf8'),
    classes: async () => (await ask('classes')) as readonly string[],
    data: (plugin, query) => ask('data', {plugin, query}),
    agents: () => known().agents as ReturnType<NodeContext['agents']>,
    dataPlugins: () => known().dataPlugins,
    statistics: () => known().statistics as ReturnType<NodeContext['statistics']>,
    connectedServer: () => known().connectedServer,
    machines: () => known().machines,
  };
}

/** `choria/agent` is this program's own, wherever the agent's file lies; a copy beside the agent wins. */
function provideDoor(path: string): void {
  try {
    createRequire(path).resolve('choria/agent');
    return;
  } catch (error) {
    if ((error as {code?: unknown}).code !== 'MODULE_NOT_FOUND') throw error;
  }
  const ending = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const door = new URL(`../../rpc/agent.${ending}`, import.meta.url).href;
  const hook = `let door; export async function initialize(data) { door = data; }
export async function resolve(specifier, context, next) {
  return next(specifier === 'choria/agent' ? door : specifier, context);
}`;
  register(`data:text/javascript,${encodeURIComponent(hook)}`, {data: door});
}

function isAgent(value: unknown): value is Agent {
  if (typeof value !== 'object' || value === null) return false;
  const {metadata, handle} = value as Readonly<Record<string, unknown>>;
  return typeof metadata === 'object' && metadata !== null && typeof handle === 'function';
}

function findAgent(exported: Readonly<Record<string, unknown>>, path: string): Agent {
  const fallback = exported['default'];
  // A CommonJS file's exports are all in "default".
  const inner = typeof fallback === 'object' && fallback !== null && !isAgent(fallback) ? Object.values(fallback) : [];
  const found = [...new Set([...Object.values(exported), ...inner].filter(isAgent))];
  const [agent, ...more] = found;
  if (agent === undefined) {
    throw new Error(`${path} exports no agent, expected one made by defineAgent of "choria/agent"`);
  }
  if (more.length > 0) throw new Error(`${path} exports ${found.length} agents, expected one`);
  return agent;
}

async function load(frame: LoadFrame): Promise<void> {
  const {path} = frame;
  if (path.endsWith('.ts') && !runsTypeScript()) {
    throw new Error(
      `Node ${process.versions.node} runs no TypeScript: expected a built .js or .mjs file, or Node 22.18 or later`,
    );
  }
  provideDoor(path);
  const node = await createNode(frame);
  const agent = findAgent((await import(pathToFileURL(path).href)) as Readonly<Record<string, unknown>>, path);
  const isActive = (await agent.shouldActivate?.(node)) ?? true;
  loaded = {agent, node};
  send({t: 'ready', metadata: agent.metadata, document: agent.ddl?.document ?? null, active: isActive});
}

function runsTypeScript(): boolean {
  const {typescript} = process.features as {readonly typescript?: unknown};
  return (typescript !== undefined && typescript !== false) || import.meta.url.endsWith('.ts');
}

async function run(id: number, fields: CallFields): Promise<void> {
  if (loaded === undefined) throw new Error('no agent is loaded');
  const controller = new AbortController();
  calls.set(id, controller);
  state = fields.state;
  try {
    const {body, ...request} = fields.request;
    const reply = await loaded.agent.handle({
      request: {...request, body: Buffer.from(body, 'base64')},
      node: loaded.node,
      signal: controller.signal,
      ...(fields.claims === undefined ? {} : {claims: fields.claims}),
    });
    send({t: 'reply', id, body: reply === undefined ? null : reply.toString('utf8')});
  } catch (error) {
    send({t: 'failed', id, problem: errorMessage(error)});
  } finally {
    calls.delete(id);
    endWhenIdle();
  }
}

function endWhenIdle(): void {
  if (!isStopping || calls.size > 0) return;
  void Promise.resolve(loaded?.agent.stop?.())
    .catch((error: unknown) => hostLogger().warn(`The agent did not stop well: ${errorMessage(error)}`))
    .finally(() => output.end(() => process.exit(0)));
}

function answer(frame: Frame): void {
  const question = questions.get(Number(frame['id']));
  questions.delete(Number(frame['id']));
  const {problem} = frame;
  if (typeof problem === 'string') question?.reject(new Error(problem));
  else question?.resolve(frame['value']);
}

function take(frame: Frame): void {
  switch (frame.t) {
    case 'load':
      load(frame as unknown as LoadFrame).catch((error: unknown) => {
        send({t: 'problem', message: errorMessage(error)});
      });
      break;
    case 'call':
      void run(Number(frame['id']), frame as unknown as CallFields);
      break;
    case 'cancel':
      calls.get(Number(frame['id']))?.abort(new Error('the time is over'));
      break;
    case 'answer':
      answer(frame);
      break;
    case 'stop':
      isStopping = true;
      endWhenIdle();
      break;
  }
}

const frames = createFrameReader(hostFrameBytesMax);
input.on('data', (chunk: Buffer) => {
  for (const frame of frames.push(chunk)) take(frame);
});
// The server is gone, however it went: nobody waits for anything here any more.
input.on('close', () => process.exit(0));
output.on('error', () => process.exit(1));
