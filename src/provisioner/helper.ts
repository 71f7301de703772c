/**
 * The helper: a program of the operator that decides what a node becomes. It is given JSON on standard input and answers with JSON on
 * standard output (server.md 15). Vectors: agents/provisioner.json.
 */
import {dirname} from 'node:path';
import {errorMessage} from '../lib/errors.ts';
import {parseJson} from '../lib/json.ts';
import type {Platform} from '../lib/platform.ts';
import {ProvisionerError} from './errors.ts';
import {provisionerLimits} from './limits.ts';

/** What is known of the node. Keys go out in this order. */
export interface HelperInput {
  readonly identity: string;
  readonly csr: {readonly csr: string; readonly public_key: string; readonly ssldir: string} | null;
  readonly ed25519_pubkey: {readonly public_key: string; readonly directory: string; readonly signature: string} | null;
  /** JSON text. */
  readonly inventory: string;
  /** Claims of the provisioning token. */
  readonly jwt: Readonly<Record<string, unknown>> | null;
}

export interface HelperOutput {
  readonly defer: boolean;
  readonly shutdown: boolean;
  readonly message: string;
  readonly key: string;
  readonly certificate: string;
  readonly ca: string;
  readonly ssldir: string;
  readonly serverClaims: Readonly<Record<string, unknown>> | undefined;
  readonly configuration: Readonly<Record<string, string>>;
  readonly actionPolicies: Readonly<Record<string, string>>;
  readonly opaPolicies: Readonly<Record<string, string>>;
  readonly upgrade: string;
}

function failed(text: string, cause?: unknown): ProvisionerError {
  return new ProvisionerError('ERR_PROVISIONER_HELPER', text, cause === undefined ? {} : {cause});
}

/** @throws {ProvisionerError} `ERR_PROVISIONER_HELPER` */
export async function runHelper(
  input: HelperInput,
  options: {
    readonly platform: Pick<Platform, 'processes' | 'env' | 'host'>;
    readonly command: readonly string[];
    readonly signal?: AbortSignal;
  },
): Promise<HelperOutput> {
  const {platform, command, signal} = options;
  const [program = '', ...args] = command;
  const {identity, csr, ed25519_pubkey, inventory, jwt} = input;
  const result = await platform.processes
    .run({
      command: program,
      args,
      env: {PATH: platform.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin'},
      cwd: program.startsWith('/') ? dirname(program) : platform.host.workingDirectory,
      input: Buffer.from(JSON.stringify({identity, csr, ed25519_pubkey, inventory, jwt}), 'utf8'),
      timeoutMs: provisionerLimits.helperMs,
      outputBytesMax: provisionerLimits.helperOutputBytesMax,
      ...(signal === undefined ? {} : {signal}),
    })
    .catch((cause: unknown) => {
      throw failed(`could not run the helper "${program}": ${errorMessage(cause)}`, cause);
    });
  if (result.timedOut) throw failed(`the helper took longer than ${provisionerLimits.helperMs / 1000} s and was ended`);
  if (result.exitCode !== 0)
    throw failed(`the helper ended with ${result.exitCode ?? result.signalName ?? 'no exit code'}`);
  if (result.droppedBytes > 0) throw failed('the helper wrote more than is read');
  return parseHelperOutput(result.stdout);
}

/** @throws {ProvisionerError} `ERR_PROVISIONER_HELPER` */
export function parseHelperOutput(output: Buffer): HelperOutput {
  if (output.length === 0) throw failed('the helper wrote nothing');
  let value: unknown;
  try {
    value = parseJson(output);
  } catch (cause) {
    throw failed(`the helper wrote something else than JSON: ${errorMessage(cause)}`, cause);
  }
  if (!isObject(value)) throw failed('the helper wrote JSON that is no object');
  const text = (key: string): string => {
    const item = field(value, key) ?? '';
    if (typeof item === 'string') return item;
    throw failed(`the helper wrote "${key}" that is no text`);
  };
  const flag = (key: string): boolean => {
    const item = field(value, key) ?? false;
    if (typeof item === 'boolean') return item;
    throw failed(`the helper wrote "${key}" that is neither true nor false`);
  };
  const texts = (key: string): Readonly<Record<string, string>> => {
    const item = field(value, key) ?? {};
    if (isObject(item) && Object.values(item).every((entry) => typeof entry === 'string')) {
      return item as Readonly<Record<string, string>>;
    }
    throw failed(`the helper wrote "${key}" that is no object of texts`);
  };
  const claims = field(value, 'server_claims') ?? undefined;
  if (claims !== undefined && !isObject(claims)) throw failed('the helper wrote "server_claims" that is no object');
  return {
    defer: flag('defer'),
    shutdown: flag('shutdown'),
    message: text('msg'),
    key: text('key'),
    certificate: text('certificate'),
    ca: text('ca'),
    ssldir: text('ssldir'),
    serverClaims: claims,
    configuration: texts('configuration'),
    actionPolicies: texts('action_policies'),
    opaPolicies: texts('opa_policies'),
    upgrade: text('upgrade'),
  };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function field(value: Readonly<Record<string, unknown>>, key: string): unknown {
  return Object.hasOwn(value, key) ? (value[key] ?? undefined) : undefined;
}
