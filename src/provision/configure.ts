/**
 * `configure`: everything a node needs, written whole or not at all (server.md 14.4; unlike the reference, which leaves half of it
 * behind when a policy has a bad name).
 *
 * The configuration file goes last: until it is in place the node is still in provisioning mode and is configured again.
 */
import {basename, dirname, join} from 'node:path';
import {configFromEntries} from '../config/index.ts';
import {decryptPem, x25519Secret} from '../crypto/index.ts';
import {errorMessage} from '../lib/errors.ts';
import {newUuid} from '../lib/ids.ts';
import {JsonError, parseJson} from '../lib/json.ts';
import type {Platform} from '../lib/platform.ts';
import {jsonKind} from '../lib/go-fields.ts';
import {ActionFailure} from '../rpc/index.ts';
import type {RpcRequest} from '../rpc/types.ts';
import {ProvisionError} from './errors.ts';
import {FileTransaction} from './file-transaction.ts';
import {provisionLimits} from './limits.ts';

export interface ConfigureInputs {
  readonly config: string;
  readonly certificate: string;
  readonly ca: string;
  readonly ssldir: string;
  /** Encrypted for this node; empty when the node made its own. */
  readonly key: string;
  readonly ecdhPublic: string;
  readonly serverJwt: string;
  readonly actionPolicies: ReadonlyMap<string, string>;
  readonly opaPolicies: ReadonlyMap<string, string>;
}

/**
 * @returns the words for the caller
 * @throws {ActionFailure} and nothing has changed
 */
export async function configureNode(
  inputs: ConfigureInputs,
  options: {
    readonly platform: Platform;
    readonly configPath: string;
    readonly request: RpcRequest;
    /** Private half of the key given with the provisioning token; undefined when it was never asked for. */
    readonly privateKey: Buffer | undefined;
  },
): Promise<string> {
  const {platform, request} = options;
  if (inputs.config === '') {
    throw new ActionFailure('Did not receive any configuration to write, cannot write a empty configuration file');
  }
  if (inputs.key !== '' && inputs.ecdhPublic === '') {
    throw new ActionFailure('EDCH Public Key not supplied while providing a private key');
  }
  const settings = readSettings(inputs.config);
  const keyPem = inputs.key === '' ? undefined : openKey(inputs, options.privateKey);
  const policies = policyFiles(inputs);
  const target = await linkTarget(options.configPath, platform);
  const change = new FileTransaction({files: platform.files, id: newUuid(platform.random)});
  await addTlsFiles(change, {inputs, keyPem, platform});
  if (inputs.serverJwt !== '') {
    change.write(join(dirname(options.configPath), 'server.jwt'), {content: inputs.serverJwt, mode: 0o600});
  }
  if (policies.size > 0) {
    const path = join(dirname(options.configPath), 'policies');
    change.replaceDirectory(path, {files: policies, mode: 0o700});
  }
  const lines = configLines(settings, {request, nowMs: platform.clock.nowMs()});
  change.write(target, {content: `${lines.join('\n')}\n`, mode: 0o600});
  try {
    await change.commit(() => checkSettings(settings, options));
  } catch (error) {
    if (error instanceof ProvisionError) throw new ActionFailure(error.message, {cause: error});
    throw error;
  }
  return `Wrote ${lines.length} lines to ${options.configPath}`;
}

/** A JSON object of text to text, its keys and values such that one line holds them. */
function readSettings(text: string): ReadonlyMap<string, string> {
  const refuse = (problem: string): ActionFailure =>
    new ActionFailure(`Could not decode configuration data: ${problem}`);
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (error) {
    const problem = error instanceof JsonError ? error.details['problem'] : undefined;
    throw refuse(typeof problem === 'string' ? problem : errorMessage(error));
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw refuse(`json: cannot unmarshal ${jsonKind(value)} into Go value of type map[string]string`);
  }
  const entries = Object.entries(value);
  if (entries.length > provisionLimits.settingsMax) throw refuse(`it has ${entries.length} settings`);
  for (const [key, item] of entries) {
    if (typeof item !== 'string') {
      throw refuse(`json: cannot unmarshal ${jsonKind(item)} into Go value of type string`);
    }
    // A line end in a value would be a further setting that nobody sees in the request.
    if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(key)) throw refuse(`${JSON.stringify(key)} is no name of a setting`);
    if (/[\r\n\0]/.test(item)) throw refuse(`the value of ${key} holds a line end`);
  }
  return new Map(entries as [string, string][]);
}

function openKey(inputs: ConfigureInputs, privateKey: Buffer | undefined): string {
  const refuse = (reason: string): ActionFailure =>
    new ActionFailure(`TLS Setup Failed: could not decrypt private key: ${reason}`);
  if (!/^[0-9a-fA-F]*$/.test(inputs.ecdhPublic)) throw refuse('the ECDH public key is not hexadecimal');
  if (privateKey === undefined) throw refuse('no key was agreed: the provisioning token was not asked for');
  try {
    return decryptPem(inputs.key, x25519Secret(privateKey, Buffer.from(inputs.ecdhPublic, 'hex')));
  } catch (error) {
    throw refuse(errorMessage(error));
  }
}

const readOnly = 0o400;

function policyFiles(inputs: ConfigureInputs): ReadonlyMap<string, {content: string; mode: number}> {
  const kinds = [
    {title: 'Action Policies', files: inputs.actionPolicies, extension: '.policy', prefix: ''},
    {title: 'Open Policy Agent Policies', files: inputs.opaPolicies, extension: '.rego', prefix: 'rego/'},
  ];
  const all = new Map<string, {content: string; mode: number}>();
  for (const {title, files, extension, prefix} of kinds) {
    for (const [name, content] of files) {
      if (!name.endsWith(extension)) {
        throw new ActionFailure(
          `Could not save ${title}: expected ${JSON.stringify(name)} to have ${extension} extension`,
        );
      }
      if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(name)) {
        throw new ActionFailure(`Could not save ${title}: expected ${JSON.stringify(name)} to be a plain file name`);
      }
      all.set(`${prefix}${name}`, {content, mode: readOnly});
    }
  }
  return all;
}

async function addTlsFiles(
  change: FileTransaction,
  options: {readonly inputs: ConfigureInputs; readonly keyPem: string | undefined; readonly platform: Platform},
): Promise<void> {
  const {inputs, keyPem, platform} = options;
  if (inputs.certificate === '' || inputs.ca === '' || inputs.ssldir === '') return;
  try {
    await platform.files.makeDirectory(inputs.ssldir, {mode: 0o771, recursive: true});
  } catch (cause) {
    throw new ActionFailure(`TLS Setup Failed: could not make ${inputs.ssldir}: ${errorMessage(cause)}`, {cause});
  }
  change.write(join(inputs.ssldir, 'certificate.pem'), {content: inputs.certificate, mode: 0o644});
  change.write(join(inputs.ssldir, 'ca.pem'), {content: inputs.ca, mode: 0o644});
  if (keyPem === undefined) return;
  change.write(join(inputs.ssldir, 'private.pem'), {content: keyPem, mode: 0o600});
  change.remove(join(inputs.ssldir, 'csr.pem'));
}

/** A link is followed, so that a configuration kept elsewhere is replaced there. */
async function linkTarget(path: string, platform: Platform): Promise<string> {
  try {
    return await platform.files.realPath(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return join(await platform.files.realPath(dirname(path)), basename(path));
  }
}

function configLines(
  settings: ReadonlyMap<string, string>,
  options: {readonly request: RpcRequest; readonly nowMs: number},
): readonly string[] {
  const {request, nowMs} = options;
  const inert = (text: string): string => text.replace(/[^\x20-\x7e]/g, '?');
  const writer = `${inert(request.callerId)} (${inert(request.senderId)})`;
  const time = new Date(nowMs).toISOString();
  return [
    `# configuration file written in request ${inert(request.requestId)} from ${writer} at ${time}`,
    ...[...settings].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => `${key}=${value}`),
  ];
}

/** The settings make a configuration: a server that could not read its own file would be lost. */
async function checkSettings(
  settings: ReadonlyMap<string, string>,
  options: {readonly platform: Platform; readonly configPath: string},
): Promise<void> {
  try {
    const {platform, configPath} = options;
    await configFromEntries(Object.fromEntries(settings), {platform, mode: 'server', path: configPath});
  } catch (cause) {
    throw new ProvisionError('ERR_PROVISION_WRITE', `Cannot use the new configuration: ${errorMessage(cause)}`, {
      cause,
    });
  }
}
