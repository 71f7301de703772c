/**
 * Rego policies of a server: `policies/rego/<agent>.rego` beside the configuration file, else `default.rego`, else no (spec security 8.2).
 *
 * A policy may also lie there compiled, as `<agent>.wasm`; then opa is not needed and the text is not looked at. Files are read at each
 * request, so that a change counts at once, and compiled again only when their bytes changed. Whatever cannot be judged is denied.
 */
import {createHash} from 'node:crypto';
import {posix} from 'node:path';
import {errorMessage} from '../lib/errors.ts';
import {isJsonObject, parseJson} from '../lib/json.ts';
import type {Logger} from '../lib/logger.ts';
import type {Files} from '../lib/platform.ts';
import {AuthzError} from './errors.ts';
import {authzLimits} from './limits.ts';
import {policyTime, type RegoEngine} from './rego/engine.ts';
import type {CompiledPolicy} from './rego/opa.ts';
import {serverQuery} from './rego/query.ts';
import type {AuthzNode, AuthzRequest, AuthzVerdict} from './types.ts';

export interface RegoPolicyOptions {
  readonly files: Files;
  readonly logger: Logger;
  /** The directory `policies/rego`, absolute; undefined when there is no configuration file to find it by. */
  readonly directory: string | undefined;
  readonly engine: RegoEngine;
  /** Says in the log which lines of a policy held, which costs a run of opa for each request. */
  readonly isTracing?: boolean;
}

export interface RegoPolicy {
  readonly name: string;
  /** Decides, and says so in the log. Never rejects. */
  authorize(request: AuthzRequest, node: AuthzNode): Promise<AuthzVerdict>;
  /** Decides without a word in the log. */
  explain(request: AuthzRequest, node: AuthzNode): Promise<RegoExplanation>;
}

export interface RegoExplanation extends AuthzVerdict {
  /** Absolute path of the policy that decided. */
  readonly file: string | undefined;
  /** Its text, when it is not compiled. */
  readonly text?: string;
  /** What the policy was given. */
  readonly input?: object;
  readonly failed: boolean;
}

interface FoundPolicy {
  readonly path: string;
  readonly policy: string | CompiledPolicy;
}

export function createRegoPolicy(options: RegoPolicyOptions): RegoPolicy {
  const {logger} = options;
  return {
    name: 'rego_policy',
    explain: (request, node) => explain(request, {node, options, logger: undefined}),
    async authorize(request, node) {
      const explanation = await explain(request, {node, options, logger});
      const {allowed, reason, failed} = explanation;
      if (options.isTracing === true) await trace(explanation, {options, requestId: request.requestId});
      if (failed) logger.error(`Could not process Open Policy Agent policy: ${reason}`, {request: request.requestId});
      return {allowed, reason};
    },
  };
}

async function explain(
  request: AuthzRequest,
  around: {readonly node: AuthzNode; readonly options: RegoPolicyOptions; readonly logger: Logger | undefined},
): Promise<RegoExplanation> {
  const {node, options, logger} = around;
  let found: FoundPolicy | undefined;
  try {
    found = await findPolicy(request.agent, options);
    const input = await inputOf(request, {node, logger});
    const allowed = await options.engine.decide(found.policy, {query: serverQuery, input});
    return {
      allowed,
      reason: `${allowed ? 'Allowing' : 'Denying'} based on ${found.path}`,
      file: found.path,
      ...(typeof found.policy === 'string' ? {text: found.policy} : {}),
      input,
      failed: false,
    };
  } catch (error) {
    return {allowed: false, reason: errorMessage(error), file: found?.path, failed: true};
  }
}

/** Which lines held, never what they were given: inputs hold passwords. */
async function trace(
  {file, text, input, allowed}: RegoExplanation,
  {options, requestId}: {readonly options: RegoPolicyOptions; readonly requestId: string | undefined},
): Promise<void> {
  const {logger, engine} = options;
  const verdict = `${allowed ? 'allowed' : 'denied'} by ${file ?? 'no policy'}`;
  if (text === undefined || input === undefined) {
    logger.info(`Policy trace: ${verdict}; a compiled policy tells no lines`, {request: requestId});
    return;
  }
  try {
    const lines = await engine.coveredLines(text, {query: serverQuery, input});
    logger.info(`Policy trace: ${verdict}; lines that held: ${lines.length === 0 ? 'none' : lines.join(', ')}`, {
      request: requestId,
    });
  } catch (error) {
    // The trace is for people; what was decided stays as it was.
    logger.info(`Policy trace: ${verdict}; its lines are not known: ${errorMessage(error)}`, {request: requestId});
  }
}

async function inputOf(
  request: AuthzRequest,
  {node, logger}: {readonly node: AuthzNode; readonly logger: Logger | undefined},
): Promise<object> {
  const {rawData} = request;
  if (!isJsonObject(rawData)) logger?.error('The data of the request is no object, its policy gets none');
  return {
    agent: request.agent,
    action: request.action,
    callerid: request.callerId,
    collective: request.collective ?? '',
    data: isJsonObject(rawData) ? rawData : {},
    ttl: request.ttlSeconds ?? 0,
    time: policyTime(request.sentAtMs ?? 0),
    facts: await factsOf(node, logger),
    classes: await node.classes(),
    agents: (node.agents?.() ?? []).map(({name}) => name),
    provision_mode: node.provisioning ?? false,
  };
}

async function factsOf(node: AuthzNode, logger: Logger | undefined): Promise<object> {
  try {
    const facts = parseJson(await node.factsJson());
    if (isJsonObject(facts)) return facts;
    logger?.error('The facts are no object, the policy gets none');
  } catch (error) {
    logger?.error(`The facts cannot be read, the policy gets none: ${errorMessage(error)}`);
  }
  return {};
}

async function findPolicy(agent: string, options: RegoPolicyOptions): Promise<FoundPolicy> {
  const {directory} = options;
  if (directory === undefined) {
    throw new AuthzError('ERR_POLICY_MISSING', 'no policy found: there is no configuration file to find policies by');
  }
  for (const name of [agent, 'default']) {
    // Nothing outside the directory is ever read.
    const isPlain = /^[0-9A-Za-z_][0-9A-Za-z_.-]*$/.test(name) && name.length <= authzLimits.agentNameCharactersMax;
    if (!isPlain) continue;
    const compiled = await readOptional(posix.join(directory, `${name}.wasm`), {
      ...options,
      limitBytes: authzLimits.wasmBytesMax,
    });
    if (compiled !== undefined) {
      const id = createHash('sha256').update(compiled).digest('hex');
      return {path: posix.join(directory, `${name}.wasm`), policy: {id, wasm: compiled}};
    }
    const path = posix.join(directory, `${name}.rego`);
    const text = await readOptional(path, {...options, limitBytes: authzLimits.policyFileBytesMax});
    if (text !== undefined) return {path, policy: decodeText(path, text)};
  }
  throw new AuthzError(
    'ERR_POLICY_MISSING',
    `no policy found for ${agent.slice(0, authzLimits.agentNameCharactersMax)}: neither its own nor ${posix.join(directory, 'default.rego')} exists`,
  );
}

/** Undefined when there is no such file; any other trouble is an error, never a reason to look further. */
async function readOptional(
  path: string,
  {files, limitBytes}: {readonly files: Files; readonly limitBytes: number},
): Promise<Buffer | undefined> {
  try {
    return await files.read(path, {limitBytes});
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new AuthzError('ERR_POLICY_UNREADABLE', `cannot read the policy ${path}: ${errorMessage(cause)}`, {cause});
  }
}

function decodeText(path: string, bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', {fatal: true}).decode(bytes);
  } catch (cause) {
    throw new AuthzError('ERR_POLICY_UNREADABLE', `cannot read the policy ${path}: it is not UTF-8 text`, {cause});
  }
}
