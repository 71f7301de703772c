/**
 * The provisioning token: a file on an image that tells a server without configuration which broker to ask, and what those who
 * configure it must know (server.md 14.1). Vectors: agents/provisioning-jwt.json.
 *
 * The node reads it without proof: whoever can write the file owns the node. The provisioner verifies the signature.
 */
import {decodeToken} from '../crypto/index.ts';
import {errorMessage} from '../lib/errors.ts';
import type {Files} from '../lib/platform.ts';
import {ProvisionError} from './errors.ts';
import {provisionLimits} from './limits.ts';

export interface ProvisioningTarget {
  /** The token itself, sent to the broker and to the provisioner. */
  readonly text: string;
  /** `cht`: what callers of `choria_provision` must know. */
  readonly token: string;
  /** `chs`: TLS is verified and requests are signed. */
  readonly isSecure: boolean;
  /** `chu`: brokers; empty when `srvDomain` tells them. */
  readonly urls: readonly string[];
  /** `chsrv`: domain of the SRV records; empty when `urls` tells the brokers. */
  readonly srvDomain: string;
  /** `chpd`: servers that do not say otherwise are to be provisioned. */
  readonly isDefault: boolean;
  /** `chrd`: a file that is published as registration data; empty for none. */
  readonly registrationFile: string;
  /** `chf`: facts while in provisioning mode; empty for none. */
  readonly factsFile: string;
  /** `chusr`, `chpwd`: log in to the broker with these in place of the token. */
  readonly user: string;
  readonly password: string;
  /** `v2`: speaks version 2 of the protocol. */
  readonly isVersion2: boolean;
  /** `update`: the program may be replaced by another release. */
  readonly mayUpdate: boolean;
  /** `release_key` of `extensions`: hexadecimal ed25519 key that signs the releases this node takes; empty for none. Not in the reference. */
  readonly releaseKey: string;
  readonly claims: Readonly<Record<string, unknown>>;
}

/**
 * @throws {ProvisionError} `ERR_PROVISION_TOKEN`
 */
export function readProvisioningToken(text: string): ProvisioningTarget {
  const trimmed = text.trim();
  let claims: Readonly<Record<string, unknown>>;
  try {
    ({claims} = decodeToken(trimmed));
  } catch (cause) {
    throw new ProvisionError('ERR_PROVISION_TOKEN', `Cannot use the provisioning token: ${errorMessage(cause)}`, {
      cause,
    });
  }
  const target: ProvisioningTarget = {
    text: trimmed,
    claims,
    token: textClaim(claims, 'cht'),
    isSecure: flagClaim(claims, 'chs'),
    urls: textClaim(claims, 'chu')
      .split(',')
      .map((url) => url.trim())
      .filter((url) => url !== ''),
    srvDomain: textClaim(claims, 'chsrv'),
    isDefault: flagClaim(claims, 'chpd'),
    registrationFile: textClaim(claims, 'chrd'),
    factsFile: textClaim(claims, 'chf'),
    user: textClaim(claims, 'chusr'),
    password: textClaim(claims, 'chpwd'),
    isVersion2: flagClaim(claims, 'v2'),
    mayUpdate: flagClaim(claims, 'update'),
    releaseKey: releaseKeyOf(claims),
  };
  const problem = targetProblem(target);
  if (problem === undefined) return target;
  throw new ProvisionError('ERR_PROVISION_TOKEN', `Cannot use the provisioning token: ${problem}`);
}

/** Why servers refuse a token, in the words that operators know; undefined when they accept it. */
function targetProblem(target: ProvisioningTarget): string | undefined {
  if (target.token === '') return 'no auth token';
  if (target.urls.length === 0 && target.srvDomain === '') return 'no srv domain or urls';
  if (target.urls.length > 0 && target.srvDomain !== '') return 'both srv domain and URLs supplied';
  return undefined;
}

function textClaim(claims: Readonly<Record<string, unknown>>, name: string): string {
  const value = Object.hasOwn(claims, name) ? claims[name] : undefined;
  if (value === undefined || value === null) return '';
  if (typeof value === 'string') return value;
  throw new ProvisionError(
    'ERR_PROVISION_TOKEN',
    `Cannot use the provisioning token: its claim "${name}" is not a text`,
  );
}

function releaseKeyOf(claims: Readonly<Record<string, unknown>>): string {
  const extensions = Object.hasOwn(claims, 'extensions') ? claims['extensions'] : undefined;
  if (typeof extensions !== 'object' || extensions === null || !Object.hasOwn(extensions, 'release_key')) return '';
  return textClaim(extensions as Readonly<Record<string, unknown>>, 'release_key');
}

function flagClaim(claims: Readonly<Record<string, unknown>>, name: string): boolean {
  const value = Object.hasOwn(claims, name) ? claims[name] : undefined;
  if (value === undefined || value === null) return false;
  if (typeof value === 'boolean') return value;
  throw new ProvisionError(
    'ERR_PROVISION_TOKEN',
    `Cannot use the provisioning token: its claim "${name}" is neither true nor false`,
  );
}

/**
 * The token in a file; undefined when there is no such file, which is how provisioning is turned off.
 *
 * @throws {ProvisionError} `ERR_PROVISION_TOKEN`
 */
export async function readProvisioningTarget(files: Files, path: string): Promise<ProvisioningTarget | undefined> {
  let content: Buffer;
  try {
    content = await files.read(path, {limitBytes: provisionLimits.tokenBytesMax});
  } catch (cause) {
    const {code} = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new ProvisionError(
      'ERR_PROVISION_TOKEN',
      `Cannot read the provisioning token "${path}": ${errorMessage(cause)}`,
      {
        cause,
        details: {path},
      },
    );
  }
  return readProvisioningToken(content.toString('utf8'));
}
