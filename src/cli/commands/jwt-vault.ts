/** Signs with a key that Hashicorp Vault holds in its transit engine and never gives out. */
import type {TokenSigner} from '../../crypto/index.ts';
import {errorMessage} from '../../lib/errors.ts';
import {vaultResponseBytesMax, vaultTimeoutMs} from '../limits.ts';
import type {CliContext} from '../types.ts';

interface Vault {
  readonly context: CliContext;
  readonly address: string;
  readonly token: string;
}

/** @param name  of the transit key, which must be of type ed25519 */
export async function vaultSigner(context: CliContext, name: string): Promise<TokenSigner> {
  const {env} = context.platform;
  const address = env['VAULT_ADDR'] ?? '';
  const token = env['VAULT_TOKEN'] ?? '';
  if (address === '' || token === '') throw new Error('requires VAULT_TOKEN and VAULT_ADDR environment variables');
  if (!address.startsWith('https://'))
    throw new Error('VAULT_ADDR must be an https:// address: the token would be sent in clear');
  const vault = {context, address: address.replace(/\/+$/, ''), token};
  const key = encodeURIComponent(name);
  const data = await ask(vault, `/v1/transit/keys/${key}`, undefined);
  const keys = objectOf(data['keys']);
  const latest = objectOf(keys[String(data['latest_version'])]);
  const publicKey = Buffer.from(textOf(latest['public_key']), 'base64');
  if (data['type'] !== 'ed25519' || publicKey.length !== 32) {
    throw new Error(`the Vault key "${name}" is not of type ed25519`);
  }
  return {
    kind: 'service',
    publicKey,
    async sign(message) {
      const input = Buffer.from(message).toString('base64');
      const signed = await ask(vault, `/v1/transit/sign/${key}`, {signature_algorithm: 'ed25519', input});
      const signature = /^vault:v\d+:([A-Za-z0-9+/=]+)$/.exec(textOf(signed['signature']))?.[1];
      if (signature === undefined) throw new Error('Vault answered without a signature');
      return Buffer.from(signature, 'base64');
    },
  };
}

async function ask(vault: Vault, path: string, body: object | undefined): Promise<Readonly<Record<string, unknown>>> {
  const {context, address, token} = vault;
  const response = await context.platform.http.request({
    url: `${address}${path}`,
    method: body === undefined ? 'GET' : 'POST',
    headers: {'X-Vault-Token': token, ...(body === undefined ? {} : {'Content-Type': 'application/json'})},
    ...(body === undefined ? {} : {body: JSON.stringify(body)}),
    tls: {material: await authority(context)},
    timeoutMs: vaultTimeoutMs,
    responseBytesMax: vaultResponseBytesMax,
    signal: context.signal,
  });
  if (response.status !== 200) throw new Error(`Vault answered with status ${response.status}`);
  try {
    return objectOf(objectOf(JSON.parse(response.body.toString('utf8')))['data']);
  } catch (cause) {
    throw new Error(`Vault answered with something else than JSON: ${errorMessage(cause)}`, {cause});
  }
}

/** Roots come from `VAULT_CACERT`, as with Vault's own client; the system's are not used. */
async function authority(context: CliContext): Promise<{readonly caPem?: string}> {
  const path = context.platform.env['VAULT_CACERT'] ?? '';
  if (path === '') throw new Error('requires VAULT_CACERT, the authority of the Vault server in PEM text');
  return {caPem: (await context.platform.files.read(path, {limitBytes: vaultResponseBytesMax})).toString('utf8')};
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : {};
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
