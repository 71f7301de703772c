/** Keys and tokens as commands are given them: in files, as hex, or in a vault. */
import {createPrivateKey, createPublicKey, type KeyObject, X509Certificate} from 'node:crypto';
import {cryptoLimits, ed25519PublicKey, isHexKey, parseSeed, seedSigner, type TokenSigner} from '../../crypto/index.ts';
import {errorMessage} from '../../lib/errors.ts';
import {CliError} from '../errors.ts';
import {inputFileBytesMax} from '../limits.ts';
import type {CliContext, ParsedArguments} from '../types.ts';
import {fileExists} from '../../lib/file-exists.ts';
import {requireFile} from './existing.ts';

export function textArgument(parsed: ParsedArguments, name: string): string {
  const value = parsed.arguments[name];
  return typeof value === 'string' ? value : '';
}

export function textFlag(parsed: ParsedArguments, name: string): string {
  const value = parsed.flags[name];
  return typeof value === 'string' ? value : '';
}

export function listFlag(parsed: ParsedArguments, name: string): readonly string[] {
  const value = parsed.flags[name];
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];
}

/** A token's text without the line end behind it. @throws {CliError} `ERR_CLI_VALUE` when there is no such file, or it is a directory */
export async function readTokenFile(context: CliContext, path: string): Promise<string> {
  const {files} = context.platform;
  await requireFile(files, path);
  return (await files.read(path, {limitBytes: cryptoLimits.tokenBytesMax * 2})).toString('utf8').trim();
}

/** A public key in hex, given as such or in a file. */
export async function readPublicHex(context: CliContext, text: string): Promise<string> {
  if (isHexKey(text)) return text;
  const {files} = context.platform;
  if (!(await fileExists(files, text))) {
    throw new Error(`${JSON.stringify(text)} is neither a file nor a public key of 64 hex characters`);
  }
  const hex = (await files.read(text, {limitBytes: inputFileBytesMax})).toString('utf8').trim();
  if (isHexKey(hex)) return hex;
  throw new Error(`"${text}" holds no public key of 64 hex characters`);
}

/** A key that checks signatures: hex, a file of hex, a PEM public key or a PEM certificate. */
export async function readVerificationKey(context: CliContext, text: string): Promise<KeyObject> {
  if (isHexKey(text)) return ed25519PublicKey(Buffer.from(text, 'hex'));
  const {files} = context.platform;
  const content = (await files.read(text, {limitBytes: inputFileBytesMax})).toString('utf8');
  if (content.startsWith('-----BEGIN CERTIFICATE')) return new X509Certificate(content).publicKey;
  if (content.startsWith('-----BEGIN PUBLIC KEY')) return createPublicKey(content);
  if (isHexKey(content.trim())) return ed25519PublicKey(Buffer.from(content.trim(), 'hex'));
  throw new Error(`unsupported key in ${text}: expected a PEM certificate or public key, or 64 hex characters`);
}

/** The signer of the command line: a seed or RSA key in a file, or a key of Vault. */
export async function readSigner(context: CliContext, parsed: ParsedArguments): Promise<TokenSigner> {
  const name = textArgument(parsed, 'signing-key');
  if (parsed.flags['vault'] === true) return (await import('./jwt-vault.ts')).vaultSigner(context, name);
  const text = (await context.platform.files.read(name, {limitBytes: inputFileBytesMax})).toString('utf8');
  if (isHexKey(text)) return seedSigner(parseSeed(text));
  if (!/^-----BEGIN (?:RSA )?PRIVATE KEY/.test(text)) throw new Error(`unsupported key in ${name}`);
  try {
    return {kind: 'key', key: createPrivateKey(text)};
  } catch {
    // What the library says may quote from the key.
    throw new Error(`unsupported key in ${name}: its PEM text cannot be read`);
  }
}

/** Makes the file, or says that the token could not be made. */
export async function saveToken(context: CliContext, path: string, make: () => Promise<string>): Promise<number> {
  let token: string;
  try {
    token = await make();
  } catch (error) {
    throw new CliError('ERR_CLI_FAILED', `could not create token: ${errorMessage(error)}`, {cause: error});
  }
  await context.platform.files.writeAtomic(path, token, {mode: 0o600});
  context.stdout.write(`Saved token to ${path}, use 'choria jwt view ${path}' to view it\n`);
  return 0;
}
