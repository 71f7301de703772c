/**
 * The form in which nodes get a list of plugins: its bytes in base64, and a signature over that very text, so that a node checks
 * what it received before it reads any of it.
 */
import {signEd25519, verifyEd25519} from '../crypto/index.ts';
import {errorMessage} from '../lib/errors.ts';
import {isJsonObject, jsonField, parseJson} from '../lib/json.ts';
import {MachineError} from './errors.ts';
import {specificationBytesMax} from './limits.ts';

export interface PluginSpecification {
  /** Base64 of the list's bytes. */
  readonly plugins: string;
  /** Ed25519 in hex, over the base64 text. */
  readonly signature?: string;
}

/** @param seed  32 bytes; without it the list is packed unsigned, for nodes that know no key */
export function packManifest(manifest: Uint8Array, seed?: Uint8Array): PluginSpecification {
  const plugins = Buffer.from(manifest).toString('base64');
  if (seed === undefined) return {plugins};
  return {plugins, signature: signEd25519(seed, Buffer.from(plugins)).toString('hex')};
}

/**
 * @param place  names the text in errors
 * @throws {MachineError} `ERR_MACHINE_SPECIFICATION`
 */
export function parseSpecification(text: Uint8Array, place: string): PluginSpecification {
  let value: unknown;
  try {
    value = parseJson(text, {bytesMax: specificationBytesMax});
  } catch (error) {
    throw refusal(`${place}: ${errorMessage(error)}`, error);
  }
  if (!isJsonObject(value)) throw refusal(`${place}: expected a JSON object`);
  const [plugins, signature] = [jsonField(value, 'plugins') ?? '', jsonField(value, 'signature') ?? ''];
  if (typeof plugins !== 'string' || typeof signature !== 'string') {
    throw refusal(`${place}: "plugins" and "signature" have to be text`);
  }
  return {plugins, ...(signature === '' ? {} : {signature})};
}

function refusal(what: string, cause?: unknown): MachineError {
  return new MachineError(
    'ERR_MACHINE_SPECIFICATION',
    `Cannot read the packed list of plugins in ${what}`,
    cause === undefined ? {} : {cause},
  );
}

/**
 * @param publicKey  32 bytes
 * @returns false without a signature, for one that is not of this key, and for a list that is not there
 * @throws {MachineError} `ERR_MACHINE_SPECIFICATION` when the signature is not hex
 */
export function isSpecificationSignedBy(specification: PluginSpecification, publicKey: Uint8Array): boolean {
  const {plugins, signature} = specification;
  if (signature === undefined || plugins === '') return false;
  const wrong = /[^0-9a-f]/i.exec(signature)?.[0];
  if (wrong !== undefined) {
    throw new MachineError(
      'ERR_MACHINE_SPECIFICATION',
      `invalid signature data: found ${JSON.stringify(wrong)}, expected 128 hexadecimal digits`,
    );
  }
  return verifyEd25519(publicKey, {message: Buffer.from(plugins), signature: Buffer.from(signature, 'hex')});
}
