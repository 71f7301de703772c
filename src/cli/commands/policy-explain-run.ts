/** Judges one call by the policies of a server, on files alone or with what nodes tell of themselves. */
import {type AuthzNode, type DecisionExplanation, explainDecision} from '../../authz/index.ts';
import type {FleetClient} from '../../client/index.ts';
import {type Config, loadConfig} from '../../config/index.ts';
import {readCertificates, readToken} from '../../crypto/index.ts';
import {errorMessage} from '../../lib/errors.ts';
import {isJsonObject, jsonField} from '../../lib/json.ts';
import {silentLogger} from '../../lib/logger.ts';
import type {NodeReply} from '../../rpc/index.ts';
import {createClassSource, createFactSource, factPaths} from '../../server/index.ts';
import {CliError} from '../errors.ts';
import {inertLine} from '../render/inert.ts';
import type {CliContext, ParsedArguments} from '../types.ts';
import {withClient} from './network.ts';

const credentialBytesMax = 64 * 1_024;

interface Caller {
  readonly callerId: string;
  readonly claims?: Readonly<Record<string, unknown>>;
}

interface Asked {
  readonly agent: string;
  readonly action: string;
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly collective: string;
}

interface KnownNode extends AuthzNode {
  readonly name: string;
}

export async function runPolicyExplain(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const caller = await callerOf(context, parsed);
  const config = await policyConfig(context, parsed);
  const asked: Asked = {
    agent: String(parsed.arguments['agent']),
    action: String(parsed.arguments['action']),
    inputs: inputsOf(parsed.arguments['inputs']),
    collective: textFlag(parsed, 'collective') || config.get('main_collective'),
  };
  const names = parsed.flags['node'];
  if (!Array.isArray(names) || names.length === 0) {
    return explainAll([fileNode(config, context)], {context, parsed, config, caller, asked});
  }
  return withClient(context, parsed, async ({client}) => {
    const nodes = await askNodes(client, {targets: names.map(String), signal: context.signal});
    return explainAll(nodes, {context, parsed, config, caller, asked});
  });
}

function textFlag(parsed: ParsedArguments, name: string): string {
  const value = parsed.flags[name];
  return typeof value === 'string' ? value : '';
}

async function callerOf({platform}: CliContext, parsed: ParsedArguments): Promise<Caller> {
  const [caller, token, certificate] = ['caller', 'token', 'certificate'].map((name) => textFlag(parsed, name));
  if ([caller, token, certificate].filter((value) => value !== '').length !== 1) {
    throw new CliError(
      'ERR_CLI_FAILED',
      'Cannot tell who the caller is: expected one of --caller, --token and --certificate',
    );
  }
  if (caller !== undefined && caller !== '') return {callerId: caller};
  const path = token || certificate || '';
  try {
    const text = (await platform.files.read(path, {limitBytes: credentialBytesMax})).toString('utf8');
    if (token !== '') {
      const {name, claims} = readToken(text.trim());
      return {callerId: name, claims};
    }
    const [first] = readCertificates(text, 16);
    return {callerId: `choria=${first?.commonName ?? ''}`};
  } catch (cause) {
    throw new CliError('ERR_CLI_FAILED', `Cannot read the caller from "${path}": ${errorMessage(cause)}`, {cause});
  }
}

async function policyConfig({platform}: CliContext, parsed: ParsedArguments): Promise<Config> {
  const path = textFlag(parsed, 'policies');
  let config: Config;
  try {
    config = await loadConfig({platform, mode: 'server', path});
  } catch (cause) {
    const hint = path === '' ? '; --policies names another' : '';
    throw new CliError('ERR_CLI_FAILED', `Cannot read the server's configuration: ${errorMessage(cause)}${hint}`, {
      cause,
    });
  }
  const [facts, classes] = [textFlag(parsed, 'facts'), textFlag(parsed, 'classes')];
  return config.with({
    ...(facts === '' ? {} : {'plugin.yaml': facts}),
    ...(classes === '' ? {} : {classesfile: classes}),
  });
}

/** Values are JSON where they look like it, else text. */
function inputsOf(words: unknown): Readonly<Record<string, unknown>> {
  const pairs = (Array.isArray(words) ? words : []).map((word: unknown): [string, unknown] => {
    const text = String(word);
    const at = text.indexOf('=');
    if (at < 1)
      throw new CliError('ERR_CLI_FAILED', `Cannot use the input ${JSON.stringify(text)}: expected NAME=VALUE`);
    return [text.slice(0, at), valueOf(text.slice(at + 1))];
  });
  return Object.fromEntries(pairs);
}

function valueOf(text: string): unknown {
  if (!/^(?:true|false|null|-?\d+(?:\.\d+)?|[[{].*)$/s.test(text)) return text;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // It only looked like JSON.
    return text;
  }
}

function fileNode(config: Config, {platform}: CliContext): KnownNode {
  const {files, host} = platform;
  const facts = createFactSource({
    files,
    paths: factPaths(config.get('plugin.yaml'), host.platform),
    logger: silentLogger,
  });
  const classes = createClassSource({files, path: config.get('classesfile'), logger: silentLogger});
  return {name: config.get('identity'), factsJson: () => facts.json(), classes: () => classes.list()};
}

/** What each node says of itself; one that does not answer is an error, as nothing can be said of it. */
async function askNodes(
  client: FleetClient,
  {targets, signal}: {readonly targets: readonly string[]; readonly signal: AbortSignal},
): Promise<readonly KnownNode[]> {
  const ddl = await client.describe('rpcutil');
  const replies: NodeReply[] = [];
  await client.perform(
    {agent: 'rpcutil', action: 'inventory', data: {}, targets, signal, timeoutMs: client.requestTimeoutMs(ddl)},
    {reply: (reply) => replies.push(reply)},
  );
  return targets.map((name) => {
    const reply = replies.find(({sender}) => sender === name);
    const data = reply?.statusCode === 0 ? reply.data : undefined;
    if (!isJsonObject(data)) {
      const said = reply === undefined ? 'it did not answer' : `it answered ${JSON.stringify(reply.statusMessage)}`;
      throw new CliError(
        'ERR_CLI_FAILED',
        `Cannot tell for "${name}": asked for its facts and classes by rpcutil inventory, ${said}`,
      );
    }
    const list = (field: string): readonly string[] => {
      const value = jsonField(data, field);
      return Array.isArray(value) ? (value as readonly unknown[]).filter((item) => typeof item === 'string') : [];
    };
    return {
      name,
      factsJson: async () => Buffer.from(JSON.stringify(jsonField(data, 'facts') ?? {})),
      classes: async () => list('classes'),
      agents: () => list('agents').map((agent) => ({name: agent})),
    };
  });
}

interface Job {
  readonly context: CliContext;
  readonly parsed: ParsedArguments;
  readonly config: Config;
  readonly caller: Caller;
  readonly asked: Asked;
}

async function explainAll(nodes: readonly KnownNode[], job: Job): Promise<number> {
  const {context, parsed, config, caller, asked} = job;
  const {platform, stdout} = context;
  const results: {readonly node: string; readonly explanation: DecisionExplanation}[] = [];
  for (const node of nodes) {
    const explanation = await explainDecision(config, {
      node,
      options: {platform, logger: silentLogger},
      request: {
        agent: asked.agent,
        action: asked.action,
        requestId: 'explain',
        collective: asked.collective,
        rawData: asked.inputs,
        ttlSeconds: config.get('ttl'),
        sentAtMs: platform.clock.nowMs(),
        filter: {facts: [], classes: [], identities: [], compounds: []},
        ...caller,
      },
    });
    results.push({node: node.name, explanation});
  }
  if (parsed.flags['json'] === true) {
    const document = {
      caller: caller.callerId,
      agent: asked.agent,
      action: asked.action,
      nodes: results.map(({node, explanation}) => ({node, ...explanation})),
    };
    stdout.write(`${JSON.stringify(document, undefined, 2)}\n`);
  } else {
    stdout.write(results.map(({node, explanation}) => textOf(explanation, {node, caller, asked})).join('\n'));
  }
  return results.every(({explanation}) => explanation.allowed) ? 0 : 1;
}

function textOf(
  explanation: DecisionExplanation,
  {node, caller, asked}: {readonly node: string; readonly caller: Caller; readonly asked: Asked},
): string {
  const {allowed, provider, policy, line, lines, reason, warnings} = explanation;
  const verb = allowed ? 'may run' : 'may not run';
  const width = Math.max(0, ...lines.map(({outcome}) => outcome.length));
  const rows = lines.map((item) => {
    const mark = item.line === line ? '>' : ' ';
    const detail = item.detail === undefined ? '' : `  (${item.detail})`;
    return `${mark} ${String(item.line).padStart(4)}  ${item.outcome.padEnd(width)}  ${inertLine(item.text.replaceAll('\t', '  '))}${inertLine(detail)}`;
  });
  return [
    `${inertLine(caller.callerId)} ${verb} ${inertLine(asked.agent)}#${inertLine(asked.action)} on ${inertLine(node)}`,
    '',
    `  Provider: ${provider === '' ? 'none' : provider}`,
    `    Policy: ${inertLine(policy ?? 'none')}${line === undefined ? '' : `, line ${line}`}`,
    `    Reason: ${inertLine(reason)}`,
    ...(rows.length === 0 ? [] : ['', ...rows]),
    ...(warnings.length === 0 ? [] : ['', ...warnings.map(warningText)]),
    '',
  ].join('\n');
}

function warningText({line, message, loosens}: DecisionExplanation['warnings'][number]): string {
  const what = loosens ? 'should deny and does not' : 'may not do what it seems to';
  return `   Warning: line ${line} ${what}: ${inertLine(message.replaceAll('\t', '  '))}`;
}
