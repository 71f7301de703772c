/**
 * Brings one node from waiting to configured, step by step (server.md 15). Vectors: agents/provisioner.json.
 *
 * Everything that a node says is checked before the next step is built on it, so that a node with a stolen token gets no further than
 * its own name.
 */
import type {KeyObject} from 'node:crypto';
import {
  createX25519Pair,
  encryptPem,
  type RequestedCertificate,
  verifyEd25519,
  verifyToken,
  x25519Secret,
} from '../crypto/index.ts';
import {errorMessage} from '../lib/errors.ts';
import type {Logger} from '../lib/logger.ts';
import {type Platform, sleep} from '../lib/platform.ts';
import type {Regex} from '../lib/regex.ts';
import {readProvisioningToken} from '../provision/index.ts';
import {checkIssuedCertificate, checkSigningRequest} from './checks.ts';
import {ProvisionerError} from './errors.ts';
import {type HelperInput, type HelperOutput, runHelper} from './helper.ts';
import {provisionerLimits} from './limits.ts';
import type {ProvisionerMetrics} from './metrics.ts';
import type {NodeCaller} from './node-calls.ts';
import {mintServerToken, type TokenSigner} from './server-token.ts';
import type {ProvisionerSettings} from './settings.ts';
import type {ProvisionPolicy} from './types.ts';

/** What every node is provisioned with. */
export interface HostTools {
  readonly settings: ProvisionerSettings;
  readonly platform: Platform;
  readonly logger: Logger;
  readonly caller: NodeCaller;
  readonly metrics: ProvisionerMetrics;
  readonly denied: readonly Regex[];
  /** Verifies provisioning tokens. */
  readonly tokenKey: KeyObject | undefined;
  readonly signer: TokenSigner | undefined;
  readonly policy: ProvisionPolicy | undefined;
  /** Whether a name belongs to another node than the one that asks. */
  readonly isNameOfAnother: (name: string, identity: string) => boolean;
}

/** What became of a node; `name` is the identity that it was given. */
export type HostOutcome =
  | {readonly kind: 'provisioned'; readonly name: string}
  | {readonly kind: 'shutdown' | 'upgraded'};

/**
 * @throws {ProvisionerError} and the node is as it was, or configured and not yet restarted
 */
export async function provisionHost(identity: string, tools: HostTools, signal: AbortSignal): Promise<HostOutcome> {
  return new Host(identity, tools, signal).run();
}

type Data = Readonly<Record<string, unknown>>;

class Host {
  readonly #identity: string;
  readonly #tools: HostTools;
  readonly #signal: AbortSignal;
  #request: RequestedCertificate | undefined;
  #nodeKey: string | undefined;

  constructor(identity: string, tools: HostTools, signal: AbortSignal) {
    this.#identity = identity;
    this.#tools = tools;
    this.#signal = signal;
  }

  async run(): Promise<HostOutcome> {
    const {features, token} = this.#tools.settings;
    const jwt = features.jwt ? await this.#fetchToken() : null;
    const ed25519 = features.ed25519 ? await this.#fetchSeedKey() : null;
    const inventory = await this.#provision('rpcutil', 'inventory', {}, 5);
    const csr = features.pki ? await this.#fetchRequest() : null;
    const facts = {identity: this.#identity, csr, ed25519_pubkey: ed25519, inventory: sortedJson(inventory), jwt};
    await this.#checkPolicy(facts);
    const output = await this.#help(facts);
    if (output.shutdown) {
      this.#tools.metrics.count('helper_shutdown_requests');
      await this.#provision('choria_provision', 'shutdown', {token}, 3);
      return {kind: 'shutdown'};
    }
    if (await this.#upgrade(output, inventory)) return {kind: 'upgraded'};
    await this.#configure(output, ed25519?.public_key);
    await this.#provision('choria_provision', 'restart', {splay: 1, token}, 3);
    return {kind: 'provisioned', name: output.configuration['identity'] || this.#identity};
  }

  async #fetchToken(): Promise<Data> {
    const {settings, tokenKey, platform} = this.#tools;
    const data = await this.#provision('choria_provision', 'jwt', {token: settings.token}, 3);
    this.#nodeKey = textOf(data, 'ecdh_public');
    const text = textOf(data, 'jwt');
    if (tokenKey === undefined) throw refused('there is no key to verify its token with');
    try {
      const {claims} = verifyToken(text, {
        key: tokenKey,
        purpose: 'choria_provisioning',
        nowMs: platform.clock.nowMs(),
      });
      readProvisioningToken(text);
      return claims;
    } catch (error) {
      throw refused(`its provisioning token is not good: ${errorMessage(error)}`);
    }
  }

  async #fetchSeedKey(): Promise<NonNullable<HelperInput['ed25519_pubkey']>> {
    const {settings, platform} = this.#tools;
    // A new one for each node and try, so that no earlier answer proves anything.
    const nonce = platform.random.bytes(provisionerLimits.nonceBytes).toString('hex');
    const data = await this.#provision('choria_provision', 'gen25519', {nonce, token: settings.token}, 5);
    const key = {
      public_key: textOf(data, 'public_key'),
      directory: textOf(data, 'directory'),
      signature: textOf(data, 'signature'),
    };
    const isProven =
      /^[0-9a-f]{64}$/i.test(key.public_key) &&
      /^[0-9a-f]{128}$/i.test(key.signature) &&
      verifyEd25519(Buffer.from(key.public_key, 'hex'), {
        message: Buffer.from(nonce, 'utf8'),
        signature: Buffer.from(key.signature, 'hex'),
      });
    if (!isProven) throw refused('its signature of the nonce is not by the key that it shows');
    return key;
  }

  async #fetchRequest(): Promise<NonNullable<HelperInput['csr']>> {
    const {settings, denied} = this.#tools;
    const identity = this.#identity;
    const data = await this.#provision('choria_provision', 'gencsr', {cn: identity, token: settings.token}, 1);
    const csr = {csr: textOf(data, 'csr'), public_key: textOf(data, 'public_key'), ssldir: textOf(data, 'ssldir')};
    this.#request = checkSigningRequest(csr.csr, {identity, denied});
    return csr;
  }

  async #checkPolicy(facts: HelperInput): Promise<void> {
    const {policy} = this.#tools;
    if (policy === undefined) return;
    const verdict = await policy.judge(facts);
    if (!verdict.allowed) throw refused(`the policy denies it: ${verdict.reason}`);
  }

  async #help(facts: HelperInput): Promise<HelperOutput> {
    const {platform, settings, metrics} = this.#tools;
    const stop = metrics.time('helper');
    try {
      const output = await runHelper(facts, {platform, command: settings.helper, signal: this.#signal});
      if (output.defer) {
        throw new ProvisionerError('ERR_PROVISIONER_DEFERRED', `configuration defered: ${inert(output.message)}`);
      }
      if (!output.shutdown) this.#checkOutput(output);
      return output;
    } catch (error) {
      if (!(error instanceof ProvisionerError && error.code === 'ERR_PROVISIONER_DEFERRED'))
        metrics.count('helper_errors');
      throw error;
    } finally {
      stop();
    }
  }

  #checkOutput(output: HelperOutput): void {
    const failed = (text: string): ProvisionerError => new ProvisionerError('ERR_PROVISIONER_HELPER', text);
    if (Object.keys(output.configuration).length === 0) throw failed('the helper gave no configuration');
    const named = output.configuration['identity'];
    if (named !== undefined && this.#tools.isNameOfAnother(named, this.#identity)) {
      throw failed(`the helper gave the configuration of another node: identity ${JSON.stringify(named)}`);
    }
    if (this.#request !== undefined && output.certificate !== '' && output.key === '') {
      checkIssuedCertificate(output.certificate, this.#request);
    }
  }

  /** @returns whether the node restarts into another release */
  async #upgrade(output: HelperOutput, inventory: Data): Promise<boolean> {
    const {settings, logger} = this.#tools;
    const isWanted = settings.features.upgrades && output.upgrade !== '' && output.upgrade !== inventory['version'];
    if (!isWanted || inventory['upgradable'] !== true) return false;
    const data = {repository: settings.upgradesRepository, token: settings.token, version: output.upgrade};
    try {
      await this.#provision('choria_provision', 'release_update', data, 1);
      return true;
    } catch (error) {
      if (!settings.upgradesOptional) throw error;
      logger.warn(
        `${this.#identity} is configured without the upgrade to ${inert(output.upgrade)}: ${errorMessage(error)}`,
      );
      return false;
    }
  }

  async #configure(output: HelperOutput, publicKey: string | undefined): Promise<void> {
    const {settings} = this.#tools;
    const key = this.#sealKey(output.key);
    await this.#provision(
      'choria_provision',
      'configure',
      {
        action_policies: output.actionPolicies,
        ca: output.ca,
        certificate: output.certificate,
        config: sortedJson(output.configuration),
        ecdh_public: key.public,
        key: key.text,
        opa_policies: output.opaPolicies,
        server_jwt: publicKey === undefined ? '' : this.#mint(output, publicKey),
        ssldir: output.ssldir,
        token: settings.token,
      },
      5,
    );
  }

  #mint(output: HelperOutput, publicKey: string): string {
    const {signer, settings, platform, logger} = this.#tools;
    if (signer === undefined)
      throw new ProvisionerError('ERR_PROVISIONER_SETTING', 'there is no key to sign its token with');
    return mintServerToken(
      {
        identity: output.configuration['identity'] || this.#identity,
        publicKey,
        output,
        signer,
        validityMs: settings.serverJwtValidityMs,
        warn: (text) => logger.warn(`${this.#identity}: ${text}`),
      },
      platform,
    );
  }

  #sealKey(keyPem: string): {readonly text: string; readonly public: string} {
    if (keyPem === '') return {text: '', public: ''};
    if (this.#nodeKey === undefined || !/^[0-9a-f]{64}$/i.test(this.#nodeKey)) {
      throw refused('it gave no key to encrypt its private key with; the feature "jwt" is needed for that');
    }
    const pair = createX25519Pair();
    const password = x25519Secret(pair.privateKey, Buffer.from(this.#nodeKey, 'hex'));
    const {random} = this.#tools.platform;
    return {text: encryptPem(keyPem, {password, random}), public: pair.publicKey.toString('hex')};
  }

  /** One action, tried up to `tries` times. A refusal in words is final: asking again would not change it. */
  async #provision(agent: string, action: string, data: Data, tries: number): Promise<Data> {
    const {caller, metrics, platform} = this.#tools;
    const identity = this.#identity;
    let problem = 'no answer';
    for (let attempt = 1; attempt <= tries; attempt++) {
      if (attempt > 1) await sleep(platform.clock, provisionerLimits.retryMs, {signal: this.#signal});
      this.#signal.throwIfAborted();
      const stop = metrics.time('rpc', `${agent}#${action}`);
      const reply = await caller.call({identity, agent, action, data, signal: this.#signal});
      stop();
      if (reply?.statusCode === 0 && isObject(reply.data)) return reply.data;
      metrics.count('rpc_errors', `${agent}#${action}`);
      if (reply !== undefined) problem = inert(reply.statusMessage) || `status ${reply.statusCode}`;
    }
    throw new ProvisionerError('ERR_PROVISIONER_CALL', `${agent}#${action} failed in ${tries} tries: ${problem}`);
  }
}

function refused(text: string): ProvisionerError {
  return new ProvisionerError('ERR_PROVISIONER_REFUSED', text);
}

function isObject(value: unknown): value is Data {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textOf(data: Data, key: string): string {
  const value = Object.hasOwn(data, key) ? data[key] : undefined;
  if (typeof value === 'string') return value;
  throw refused(`its answer has no text "${key}"`);
}

/** Words of nodes and helpers that go to the log. */
function inert(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 300);
}

/** Keys in order at every level, as helpers written for the reference were given them. */
function sortedJson(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) =>
    isObject(item) ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1))) : item,
  );
}
