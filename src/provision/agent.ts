/**
 * Agent `choria_provision`: brings a server from an image without configuration to a node of the fleet (server.md 14.4). Vectors:
 * agents/rpc-provision.json.
 *
 * Active wherever there is a provisioning token. Every action checks, in this order: that nobody else is configuring, that the node
 * is in the mode the action needs, and that the caller knows the shared token. Actions run one at a time.
 */
import {createHash, timingSafeEqual} from 'node:crypto';
import {join, dirname} from 'node:path';
import {loadConfig} from '../config/index.ts';
import {createX25519Pair} from '../crypto/index.ts';
import {errorMessage} from '../lib/errors.ts';
import {jsonKind} from '../lib/go-fields.ts';
import {
  ActionFailure,
  builtinAgent,
  decodeInputs,
  type FieldType,
  ok,
  type RpcAction,
  statusCodes,
} from '../rpc/index.ts';
import type {Agent, NodeContext, RpcRequest} from '../rpc/types.ts';
import {configureNode} from './configure.ts';
import {provisionLimits} from './limits.ts';
import {makeServerSeed, makeSigningRequest} from './node-keys.ts';
import {createProvisionLock} from './provision-lock.ts';
import {updateRelease} from './release.ts';
import {reprovisionNode} from './reprovision.ts';
import type {ProvisioningTarget} from './token.ts';

/** What the agent asks of the program that it runs in. */
export interface ServerControl {
  /** Starts this server again with what is on disk then. */
  restart(reason?: 'upgraded'): void;
  /** Ends the program. */
  shutdown(): void;
  publishEvent(
    event:
      | {readonly type: 'provisioned'}
      | {readonly type: 'upgraded'; readonly version: string; readonly newVersion: string},
  ): void;
}

export interface ProvisionAgentOptions {
  readonly version: string;
  readonly target: ProvisioningTarget;
  readonly configPath: string;
  readonly control: ServerControl;
}

interface State {
  readonly options: ProvisionAgentOptions;
  privateKey: Buffer | undefined;
}

interface Rules {
  readonly locks: boolean;
  /** `in`: only while waiting to be configured. `out`: only when configured. `any`: both. */
  readonly mode: 'in' | 'out' | 'any';
  /** The refusal for the wrong mode. */
  readonly refusal: string;
}

const reconfigure: Rules = {
  locks: true,
  mode: 'in',
  refusal: 'Cannot reconfigure a server that is not in provisioning mode',
};

type Work<Fields extends Readonly<Record<string, FieldType>>> = (
  inputs: {readonly [Name in keyof Fields]: Fields[Name] extends 'int' ? number : string},
  context: {readonly request: RpcRequest; readonly node: NodeContext; readonly state: State},
) => Promise<unknown>;

export function createProvisionAgent(options: ProvisionAgentOptions): Agent {
  const state: State = {options, privateKey: undefined};
  let lock: ReturnType<typeof createProvisionLock> | undefined;
  let last: Promise<unknown> = Promise.resolve();

  const guarded = <const Fields extends Readonly<Record<string, 'string' | 'int'>>>(
    rules: Rules,
    fields: Fields,
    work: Work<Fields>,
  ): RpcAction => {
    const act: RpcAction = async (request, {node}) => {
      lock ??= createProvisionLock(node.platform.clock);
      if (rules.locks) lock.check(request);
      checkMode(rules, node);
      const inputs = decodeInputs(request, {type: `provision.${request.action}`, fields: {...fields, token: 'string'}});
      checkToken(inputs.token, options.target);
      if (rules.locks) lock.hold(request);
      return ok(await work(inputs as unknown as Parameters<Work<Fields>>[0], {request, node, state}));
    };
    return (request, context) => {
      const turn = last.then(() => act(request, context));
      last = turn.catch(() => undefined);
      return turn;
    };
  };

  return builtinAgent({
    name: 'choria_provision',
    version: options.version,
    timeoutSeconds: 20,
    actions: {
      jwt: guarded(reconfigure, {}, giveToken),
      gen25519: guarded(reconfigure, {nonce: 'string'}, generateSeed),
      gencsr: guarded(
        reconfigure,
        {cn: 'string', c: 'string', l: 'string', o: 'string', ou: 'string'},
        generateRequest,
      ),
      configure: guarded(
        reconfigure,
        {
          config: 'string',
          certificate: 'string',
          ca: 'string',
          ssldir: 'string',
          key: 'string',
          ecdh_public: 'string',
          server_jwt: 'string',
        },
        configure,
      ),
      release_update: guarded(
        {locks: true, mode: 'in', refusal: 'Cannot update a server that is not in provisioning mode'},
        {repository: 'string', version: 'string'},
        update,
      ),
      restart: guarded({locks: false, mode: 'any', refusal: ''}, {splay: 'int'}, restart),
      shutdown: guarded({locks: false, mode: 'any', refusal: ''}, {}, shutdown),
      reprovision: guarded(
        {
          locks: false,
          mode: 'out',
          refusal: 'Server is already in provisioning mode, cannot enable provisioning mode again',
        },
        {},
        reprovision,
      ),
    },
  });
}

function checkMode(rules: Rules, node: NodeContext): void {
  const isFit = rules.mode === 'any' || (rules.mode === 'in') === node.provisioning;
  if (!isFit) throw new ActionFailure(rules.refusal);
}

/** Compares digests, so that the time taken tells nothing of how much was right. */
function checkToken(given: string, target: ProvisioningTarget): void {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  if (timingSafeEqual(digest(given), digest(target.token))) return;
  throw new ActionFailure('Incorrect provision token supplied');
}

const giveToken: Work<{}> = async (_inputs, {state}) => {
  const pair = createX25519Pair();
  state.privateKey = pair.privateKey;
  return {jwt: state.options.target.text, ecdh_public: pair.publicKey.toString('hex')};
};

const generateSeed: Work<{nonce: 'string'}> = async ({nonce}, {node, state}) => {
  if (Buffer.byteLength(nonce) > provisionLimits.nonceBytesMax) {
    throw new ActionFailure(`Cannot sign a nonce of more than ${provisionLimits.nonceBytesMax} bytes`);
  }
  return makeServerSeed(nonce, {platform: node.platform, configPath: state.options.configPath});
};

const generateRequest: Work<{cn: 'string'; c: 'string'; l: 'string'; o: 'string'; ou: 'string'}> = async (
  inputs,
  {node, state},
) => {
  const subject = {
    commonName: inputs.cn === '' ? node.identity : inputs.cn,
    country: inputs.c,
    locality: inputs.l,
    organization: inputs.o,
    organizationalUnit: inputs.ou,
  };
  const configured = node.config.get('plugin.choria.ssldir');
  const sslDirectory = configured === '' ? join(dirname(state.options.configPath), 'ssl') : configured;
  try {
    return await makeSigningRequest(subject, {platform: node.platform, sslDirectory});
  } catch (cause) {
    throw new ActionFailure(`Could not create CSR: ${errorMessage(cause)}`, {cause});
  }
};

type ConfigureFields = {
  config: 'string';
  certificate: 'string';
  ca: 'string';
  ssldir: 'string';
  key: 'string';
  ecdh_public: 'string';
  server_jwt: 'string';
};

const configure: Work<ConfigureFields> = async (inputs, {request, node, state}) => {
  const message = await configureNode(
    {
      config: inputs.config,
      certificate: inputs.certificate,
      ca: inputs.ca,
      ssldir: inputs.ssldir,
      key: inputs.key,
      ecdhPublic: inputs.ecdh_public,
      serverJwt: inputs.server_jwt,
      actionPolicies: textMap(request, 'action_policies'),
      opaPolicies: textMap(request, 'opa_policies'),
    },
    {platform: node.platform, configPath: state.options.configPath, request, privateKey: state.privateKey},
  );
  node.logger.warn(`Configured by ${request.callerId}: ${message}`);
  state.options.control.publishEvent({type: 'provisioned'});
  return {message};
};

/** Files by name. @throws {ActionFailure} status 4 */
function textMap(request: RpcRequest, name: string): ReadonlyMap<string, string> {
  const value = Object.hasOwn(request.data, name) ? request.data[name] : undefined;
  if (value === undefined || value === null) return new Map();
  const refuse = (found: unknown, wanted: string): ActionFailure =>
    new ActionFailure(
      `Could not parse request data for ${request.agent}#${request.action}: json: cannot unmarshal ${jsonKind(found)} into Go struct field ${request.action}.${name} of type ${wanted}`,
      {statusCode: statusCodes.invalidData},
    );
  if (typeof value !== 'object' || Array.isArray(value)) throw refuse(value, 'map[string]string');
  const entries = Object.entries(value);
  if (entries.length > provisionLimits.policyFilesMax) throw new ActionFailure(`${name} holds too many files`);
  for (const [, content] of entries) {
    if (typeof content !== 'string') throw refuse(content, 'string');
    if (content.length > provisionLimits.policyBytesMax)
      throw new ActionFailure(`${name} holds a file that is too large`);
  }
  return new Map(entries as [string, string][]);
}

const update: Work<{repository: 'string'; version: 'string'}> = async (inputs, {node, state}) => {
  const {target, control, version} = state.options;
  if (!target.mayUpdate && !node.config.get('plugin.choria.server.provision.allow_update')) {
    throw new ActionFailure('Version updates is not enabled in the configuration');
  }
  await updateRelease({
    platform: node.platform,
    logger: node.logger,
    repository: inputs.repository,
    version: inputs.version,
    currentVersion: version,
    key: target.releaseKey === '' ? undefined : target.releaseKey,
  });
  control.publishEvent({type: 'upgraded', version, newVersion: inputs.version});
  later(node, {seconds: 0, act: () => control.restart('upgraded')});
  return {message: 'Restarting Choria Server after 2s'};
};

const restart: Work<{splay: 'int'}> = async ({splay}, {request, node, state}) => {
  await checkNextStart(node, state.options.configPath);
  const most = Math.min(
    splay > 0 ? splay : provisionLimits.restartSplaySeconds,
    provisionLimits.restartSplaySecondsMax,
  );
  const seconds = Math.floor(node.platform.random.float() * most);
  node.logger.warn(`Restarting, asked by ${request.callerId}`);
  const wait = later(node, {seconds, act: () => state.options.control.restart()});
  return {message: `Restarting Choria Server after ${wait}s`};
};

/** A server that could not start again, or would only come back here, must not stop. */
async function checkNextStart(node: NodeContext, path: string): Promise<void> {
  try {
    const config = await loadConfig({platform: node.platform, mode: 'server', path});
    if (!config.get('plugin.choria.server.provision')) return;
  } catch (cause) {
    const text = `Configuration ${path} could not be parsed, restart cannot continue: ${errorMessage(cause)}`;
    throw new ActionFailure(text, {cause});
  }
  throw new ActionFailure(`Configuration ${path} enables provisioning, restart cannot continue`);
}

const shutdown: Work<{}> = async (_inputs, {request, node, state}) => {
  const seconds = Math.floor(node.platform.random.float() * provisionLimits.restartSplaySeconds);
  node.logger.warn(`Shutting down, asked by ${request.callerId}`);
  node.platform.clock.setTimer(() => state.options.control.shutdown(), Math.max(seconds * 1000, answerMs), {
    background: true,
  });
  return {message: `Shutting Choria Server down after ${seconds}s`};
};

const reprovision: Work<{}> = async (_inputs, {request, node, state}) => {
  await reprovisionNode({platform: node.platform, config: node.config, configPath: state.options.configPath, request});
  const seconds = Math.floor(node.platform.random.float() * provisionLimits.restartSplaySeconds);
  node.logger.warn(`Going back to provisioning mode, asked by ${request.callerId}`);
  const wait = later(node, {seconds, act: () => state.options.control.restart()});
  return {message: `Restarting after ${wait}s`};
};

/** Even a wait of nothing lets the answer go out first. */
const answerMs = 250;

/** @returns whole seconds until it happens */
function later(node: NodeContext, options: {readonly seconds: number; readonly act: () => void}): number {
  const delayMs = provisionLimits.restartDelayMs + options.seconds * 1000;
  node.platform.clock.setTimer(options.act, delayMs, {background: true});
  return delayMs / 1000;
}
