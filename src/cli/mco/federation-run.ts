/** `mco federation trace NODE`: the way that a message took to a node and back, as brokers and nodes wrote it into the message. */
import {federationCollectives} from '../../connect/index.ts';
import {
  encodeRequest,
  encodeTransport,
  federationRequestSubject,
  type Hop,
  newRequestId,
  nodeSubject,
  openReply,
  openTransport,
  protocolVersionOf,
  replySubject,
} from '../../protocol/index.ts';
import {connectTool, openToolSetup} from '../commands/broker-connection.ts';
import {numberFlag, textFlag} from '../commands/network.ts';
import {CliError} from '../errors.ts';
import {colours, type Paint} from '../render/colour.ts';
import {inertLine} from '../render/inert.ts';
import type {CliContext, ParsedArguments} from '../types.ts';

const connectTimeoutMs = 30_000;
const answerTimeoutMs = 5_000;
const agent = 'discovery';

export async function runFederation(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const [command, node] = [parsed.arguments['command'], parsed.arguments['node']];
  if (typeof command !== 'string')
    throw new CliError('ERR_CLI_FAILED', 'Please specify a command, valid commands are: trace');
  if (command !== 'trace') {
    throw new CliError('ERR_CLI_FAILED', `Unknown command ${command}, valid commands are: trace`);
  }
  if (typeof node !== 'string') {
    throw new CliError(
      'ERR_CLI_FAILED',
      'Please specify a host to trace, example: mco federation trace node1.example.net',
    );
  }
  return trace(context, parsed, node);
}

interface Traced {
  readonly route: readonly Hop[];
  readonly elapsedMs: number;
  readonly requestId: string;
}

async function trace(context: CliContext, parsed: ParsedArguments, node: string): Promise<number> {
  const {platform, stdout} = context;
  const setup = await openToolSetup(context, parsed);
  try {
    const federations = federationCollectives(setup.config, {platform});
    const traced = await ask(context, {setup, parsed, node, federations});
    const paint = colours({sink: stdout, env: platform.env, configured: setup.config.get('color')});
    const {route, elapsedMs, requestId} = traced;
    stdout.write(`Received response from ${inertLine(node)} in ${elapsedMs.toFixed(2)}ms for message ${requestId}\n\n`);
    stdout.write(`Reported Route:\n\n${routeText(route, paint)}\n`);
    const brokers = federations.length === 0 ? ['Unfederated'] : brokersOf(route, node);
    stdout.write(`Federation Brokers Instances:\n\n${brokers.map((name) => `  ${inertLine(name)}\n`).join('')}\n`);
    const clusters = federations.length === 0 ? 'Unfederated' : inertLine(federations.join(', '));
    stdout.write(`Known Federation Broker Clusters:\n\n  ${clusters}\n`);
    return 0;
  } finally {
    setup.logger.close();
  }
}

interface Question {
  readonly setup: Awaited<ReturnType<typeof openToolSetup>>;
  readonly parsed: ParsedArguments;
  readonly node: string;
  readonly federations: readonly string[];
}

async function ask(context: CliContext, question: Question): Promise<Traced> {
  const {setup, parsed, node, federations} = question;
  const {config, provider} = setup;
  const {clock, random} = context.platform;
  const version = protocolVersionOf(provider);
  const collective = textFlag(parsed, 'target') ?? config.get('main_collective');
  const connection = await connectTool(context, setup, {timeoutMs: connectTimeoutMs});
  try {
    const requestId = newRequestId(version, {random, nowMs: clock.nowMs()});
    const replyTo = replySubject({collective, callerId: provider.callerId, requestId});
    const senderId = config.get('identity');
    const payload = await encodeRequest(
      {
        id: requestId,
        senderId,
        collective,
        agent,
        ttlSeconds: config.get('ttl'),
        sentAtMs: clock.nowMs(),
        body: Buffer.from('ping'),
      },
      {provider},
    );
    const server = connection.connectedServer ?? 'unknown';
    const target = nodeSubject(collective, node);
    const federation = federations.length === 0 ? {} : {federation: {requestId, targets: [target]}};
    const trace = [[server, senderId, server]];
    const message = encodeTransport({version, payload, replyTo, senderId, trace, ...federation});
    const subjects = federations.length === 0 ? [target] : federations.map((name) => federationRequestSubject(name));
    const timeoutMs = (numberFlag(parsed, 'timeout') ?? 0) * 1_000 || answerTimeoutMs;
    return await new Promise<Traced>((resolve, reject) => {
      const sentAtMs = clock.monotonicMs();
      const timer = clock.setTimer(
        () => reject(new CliError('ERR_CLI_FAILED', 'Did not receive any responses to trace request')),
        timeoutMs,
      );
      connection.subscribe(replyTo, ({payload: bytes}) => {
        try {
          const transport = openTransport(bytes);
          const reply = openReply(transport, {provider, nowMs: clock.nowMs()});
          if (reply.senderId !== node || reply.requestId !== requestId) return;
          timer.cancel();
          resolve({route: transport.trace, elapsedMs: clock.monotonicMs() - sentAtMs, requestId});
        } catch (error) {
          reject(error instanceof Error ? error : new Error('no reply', {cause: error}));
        }
      });
      for (const subject of subjects) connection.publish(subject, message);
      connection.flush({timeoutMs: connectTimeoutMs}).catch(reject);
    });
  } finally {
    await connection.close();
  }
}

function hop(route: readonly Hop[], index: number): readonly [string, string, string] {
  const [first = '', second = '', third = ''] = route[index] ?? [];
  return [inertLine(first), inertLine(second), inertLine(third)];
}

function bend(from: string, to: string, options: {readonly indent: number; readonly isOut: boolean}): string {
  const pad = ' '.repeat(options.indent);
  if (from === to) return `${pad}${options.isOut ? '└──' : '┌──'} ${from}\n`;
  return options.isOut ? `${pad}└─┐ ${from}\n${pad}  └ ${to}\n` : `${pad}  ┌ ${from}\n${pad}┌─┘ ${to}\n`;
}

/** Only whole routes are drawn: of three hops through one network, of five through federation brokers. */
function routeText(route: readonly Hop[], paint: Paint): string {
  if (route.length === 3) return directRoute(route, paint);
  return route.length === 5 ? federatedRoute(route, paint) : '';
}

function directRoute(route: readonly Hop[], paint: Paint): string {
  const [out, node, back] = [hop(route, 0), hop(route, 1), hop(route, 2)];
  const isSame = out[1] === node[0] && node[0] === node[2];
  const title = isSame ? 'Shared Middleware' : 'NATS Cluster';
  const lines = `    ${paint.bold(out[0])}\n${bend(out[2] || out[1], node[0], {indent: 7, isOut: true})}`;
  const end = isSame ? '' : `${bend(node[2], back[0], {indent: 7, isOut: false})}    ${paint.bold(back[1])}\n`;
  return `  ${title}\n\n${lines}           └── ${paint.yellow(node[1])}\n${end}\n[client] [server] and the middleware between them\n\n`;
}

function federatedRoute(route: readonly Hop[], paint: Paint): string {
  const [out, there, node, back, end] = [0, 1, 2, 3, 4].map((index) => hop(route, index)) as [
    Triple,
    Triple,
    Triple,
    Triple,
    Triple,
  ];
  return [
    `  ${paint.bold('Request:')}\n    ${out[0]}\n`,
    bend(out[2] || out[1], there[0], {indent: 7, isOut: true}),
    `            └─ ${paint.green(there[1])}\n`,
    bend(there[2], node[0], {indent: 15, isOut: true}),
    `                    └── ${paint.yellow(node[1])}\n\n`,
    `  ${paint.bold('Reply:')}\n                    ┌── ${paint.yellow(node[1])}\n`,
    bend(node[2], back[0], {indent: 15, isOut: false}),
    `            ┌─ ${paint.green(back[1])}\n`,
    bend(back[2], end[0], {indent: 7, isOut: false}),
    `    ${end[1]}\n\n`,
  ].join('');
}

type Triple = readonly [string, string, string];

/** The brokers beside the node on its way there and back. */
function brokersOf(route: readonly Hop[], node: string): readonly string[] {
  const at = route.findIndex((item) => item[1] === node);
  const names = [route[at - 1]?.[1], route[at + 1]?.[1]].filter((name): name is string => name !== undefined);
  return names.length === 0 ? ['None reported'] : [...new Set(names)].toSorted();
}
