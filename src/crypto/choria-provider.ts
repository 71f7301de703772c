/**
 * The provider of protocol v2: ed25519 signatures and tokens, trusted through organisation issuers or a list of trusted signers
 * (spec security 3.2).
 */
import {createHash, type KeyObject} from 'node:crypto';
import type {TlsMaterial} from '../lib/network.ts';
import type {Files} from '../lib/platform.ts';
import {type BoundedCache, createBoundedCache} from './bounded-cache.ts';
import {keyPairProblem, readOptional} from './credential-files.ts';
import {
  ed25519PrivateKey,
  ed25519PublicFromSeed,
  ed25519PublicKey,
  isHexKey,
  parseSeed,
  signEd25519,
  verifyEd25519,
} from './ed25519.ts';
import {CryptoError} from './errors.ts';
import {tokenInvalid} from './jwt.ts';
import {cryptoLimits} from './limits.ts';
import {createReloadingProvider, type FileContents} from './reloading-provider.ts';
import {readToken, type Token, type TokenPurpose, verifyToken} from './tokens.ts';
import type {ProvenCaller, ReplyProof, RequestProof, SecurityProvider} from './types.ts';

export interface ChoriaTrust {
  /** Hex ed25519 keys by organisation name; when there is one, trusted signers are not used. */
  readonly issuers?: Readonly<Record<string, string>>;
  /** Hex ed25519 keys. */
  readonly trustedSigners?: readonly string[];
}

export interface ChoriaCoreOptions extends ChoriaTrust {
  readonly identity: string;
  readonly mode: 'client' | 'server';
  readonly token?: string;
  /** 64 hex characters. */
  readonly seed?: string;
  readonly tls?: TlsMaterial;
}

export interface ChoriaProviderOptions extends Omit<ChoriaCoreOptions, 'token' | 'seed'> {
  readonly files: Files;
  readonly tokenPath: string;
  readonly seedPath: string;
  /** TLS files, each optional. Without an authority the broker's certificate cannot be verified. */
  readonly certificatePath?: string;
  readonly keyPath?: string;
  readonly caPath?: string;
}

/** Missing files are named by `validate()`, as with the other providers; changed ones are read again by `refresh()`. */
export function createChoriaProvider(options: ChoriaProviderOptions): Promise<SecurityProvider> {
  const {tokenPath, seedPath, certificatePath = '', keyPath = '', caPath = ''} = options;
  const paths = [tokenPath, seedPath, certificatePath, keyPath, caPath];
  const problems = (contents: FileContents): readonly string[] => [
    ...fileProblems(contents, options),
    ...[pairProblem(contents, options), keyPairProblem(contents[2], contents[3])].filter((item) => item !== undefined),
  ];
  return createReloadingProvider({
    read: () => Promise.all(paths.map((path) => readOptional(options.files, path))),
    make: (contents) => {
      const core = createMemoryChoriaProvider({...options, ...coreContents(contents, options.tls)});
      return {...core, validate: async () => [...problems(contents), ...(await core.validate())]};
    },
    problem: (contents) => problems(contents)[0],
  });
}

function coreContents(contents: FileContents, settings: TlsMaterial | undefined): Partial<ChoriaCoreOptions> {
  const [token, seed, certificatePem, keyPem, caPem] = contents;
  return {
    ...(token === undefined ? {} : {token: token.trim()}),
    ...(seed === undefined ? {} : {seed}),
    tls: {
      ...settings,
      ...(certificatePem === undefined ? {} : {certificatePem}),
      ...(keyPem === undefined ? {} : {keyPem}),
      ...(caPem === undefined ? {} : {caPem}),
    },
  };
}

function fileProblems(
  [token, seed, certificate, key, ca]: FileContents,
  options: ChoriaProviderOptions,
): readonly string[] {
  // What is configured has to be there: without its authority a program would not check the broker at all.
  const problems = [
    ['certificate', options.certificatePath, certificate],
    ['private key', options.keyPath, key],
    ['authority', options.caPath, ca],
  ].flatMap(([what, path = '', content]) =>
    path === '' || content !== undefined ? [] : [`the ${what} ${path} does not exist`],
  );
  if (options.tokenPath === '') problems.push('the path to the JWT token is not configured');
  else if (token === undefined) problems.push(`the JWT token ${options.tokenPath} does not exist`);
  if (options.seedPath === '') problems.push('the path to the ed25519 seed is not configured');
  else if (seed === undefined) problems.push(`the ed25519 seed ${options.seedPath} does not exist`);
  return problems;
}

/** A token and a seed that do not belong together sign what nobody accepts. */
function pairProblem([token, seed]: FileContents, options: ChoriaProviderOptions): string | undefined {
  if (token === undefined || seed === undefined) return undefined;
  const {publicKey} = readToken(token.trim());
  if (publicKey === undefined || publicKey.equals(ed25519PublicFromSeed(parseSeed(seed)))) return undefined;
  return `the seed ${options.seedPath} does not belong to the token ${options.tokenPath}`;
}

/** A provider over a token and a seed that are already read. */
export function createMemoryChoriaProvider(options: ChoriaCoreOptions): SecurityProvider {
  const trust = new Trust(options);
  // Making the key object takes longer than signing with it.
  const key = options.seed === undefined ? undefined : ed25519PrivateKey(parseSeed(options.seed));
  const own = options.token === undefined ? undefined : readToken(options.token);
  const proofs = createBoundedCache<ProvenCaller>(cryptoLimits.proofCacheEntriesMax);
  return {
    name: 'choria',
    technology: 'ed25519+jwt',
    certname: options.identity,
    callerId: own?.name ?? `choria=${options.identity}`,
    credential: options.token ?? '',
    tls: options.tls ?? {},
    trustId: trust.id,
    ...(own?.expiresAtMs === undefined ? {} : {expiresAtMs: own.expiresAtMs}),
    async sign(message) {
      if (key === undefined) {
        throw new CryptoError(
          'ERR_CREDENTIALS_MISSING',
          `Cannot sign as "${options.identity}": there is no ed25519 seed`,
        );
      }
      return signEd25519(key, message);
    },
    verifyRequest(proof) {
      const hash = proofHash(proof);
      const known = proofs.get(hash, proof.nowMs);
      if (known !== undefined) return known;
      const proven = proof.signerCredential === undefined ? verifyCaller(proof, trust) : verifyDelegated(proof, trust);
      proofs.set(hash, proven, Math.min(proven.validUntilMs, proof.nowMs + cryptoLimits.proofCacheSeconds * 1_000));
      return proven;
    },
    verifyReply: (proof) => isReplyBySender(proof, trust),
    validate: async () => validateSetup(options),
  };
}

function validateSetup(options: ChoriaCoreOptions): readonly string[] {
  const hasIssuers = Object.keys(options.issuers ?? {}).length > 0;
  const hasSigners = (options.trustedSigners ?? []).length > 0;
  const problems: string[] = [];
  if (options.identity === '')
    problems.push('identity could not be determine automatically via Choria or was not supplied');
  if (options.mode === 'server' && !hasIssuers && !hasSigners)
    problems.push('no trusted token signers or issuers configured');
  if (options.mode === 'server' && hasIssuers && hasSigners) {
    problems.push('can only configure one of trusted token signers or issuers');
  }
  return problems;
}

/** A token whose signature was found good. */
interface VerifiedToken {
  readonly token: Token;
  /** By which it was signed. */
  readonly signedBy: KeyObject;
  /** Of whoever holds it; undefined when it names none. */
  readonly holder: KeyObject | undefined;
}

/** Whose keys may have signed a token. */
class Trust {
  readonly id: string;
  /** Callers and nodes show the same token with each message; only its signature and dates are remembered. */
  private readonly verified: BoundedCache<VerifiedToken> = createBoundedCache(cryptoLimits.tokenCacheEntriesMax);
  private readonly issuers: ReadonlyMap<string, KeyObject>;
  private readonly signers: readonly KeyObject[];

  constructor(trust: ChoriaTrust) {
    this.issuers = new Map(
      Object.entries(trust.issuers ?? {}).map(([name, key]) => [name, readKey(key, `issuer ${name}`)]),
    );
    this.signers = (trust.trustedSigners ?? []).map((key) => readKey(key, 'trusted signer'));
    this.id = createHash('sha256')
      .update(JSON.stringify(['choria', Object.entries(trust.issuers ?? {}), trust.trustedSigners ?? []]))
      .digest('base64');
  }

  /** Organisation mode has exactly one key for a token, signer mode tries each. */
  keysFor(token: Token): readonly KeyObject[] {
    if (this.issuers.size === 0) return this.signers;
    if (token.organization === undefined) throw tokenInvalid('no ou found in token');
    const key = this.issuers.get(token.organization);
    if (key === undefined) throw tokenInvalid(`no issuer found for ou ${JSON.stringify(token.organization)}`);
    return [key];
  }

  /**
   * @throws {CryptoError} `ERR_TOKEN_INVALID`
   */
  verify(text: string, purpose: TokenPurpose, nowMs: number): VerifiedToken {
    const id = createHash('sha256').update(purpose).update('\0').update(text).digest('base64');
    const known = this.verified.get(id, nowMs);
    if (known !== undefined) return known;
    const claimed = readToken(text);
    if (purpose === 'choria_client_id' && claimed.purpose !== purpose) {
      throw tokenInvalid('callers must have a client token');
    }
    const {token, key} = this.find(claimed, verifyAs(text, purpose, nowMs));
    const {publicKey} = token;
    const holder = publicKey?.length === 32 ? ed25519PublicKey(publicKey) : undefined;
    const verified = {token, signedBy: key, holder};
    const untilMs = nowMs + cryptoLimits.tokenCacheSeconds * 1_000;
    this.verified.set(id, verified, Math.min(untilMs, token.expiresAtMs ?? untilMs));
    return verified;
  }

  /** The first key under which `check` finds a good token; failures of permission are thrown by `judge` and end the search. */
  find(token: Token, check: (key: KeyObject) => Token): {readonly token: Token; readonly key: KeyObject} {
    let failure: unknown = tokenInvalid('no key is configured that could have signed it');
    for (const key of this.keysFor(token)) {
      try {
        return {token: check(key), key};
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }
}

function readKey(hex: string, what: string): KeyObject {
  if (isHexKey(hex)) return ed25519PublicKey(Buffer.from(hex, 'hex'));
  throw new CryptoError('ERR_KEY_INVALID', `Cannot use the key of ${what}: expected 64 hex characters`);
}

function verifyAs(text: string, purpose: TokenPurpose, nowMs: number): (key: KeyObject) => Token {
  return (key) => verifyToken(text, {key, purpose, nowMs});
}

function verifyCaller(proof: RequestProof, trust: Trust): ProvenCaller {
  const verified = trust.verify(proof.credential, 'choria_client_id', proof.nowMs);
  const {token} = verified;
  if (token.hasPermission('signed_fleet_management')) throw tokenInvalid('requires authority delegation');
  if (!token.hasPermission('fleet_management')) throw tokenInvalid('does not have fleet management access');
  checkSignature(proof, verified);
  if (token.name !== proof.claimedCaller) {
    throw new CryptoError(
      'ERR_CALLER_NOT_ALLOWED',
      `Cannot accept caller ${JSON.stringify(proof.claimedCaller)}: the token is for ${JSON.stringify(token.name)}`,
    );
  }
  return {
    callerId: token.name,
    signedBy: token.name,
    validUntilMs: token.expiresAtMs ?? Number.MAX_SAFE_INTEGER,
    claims: token.claims,
  };
}

/**
 * A request that a delegated signer made. As in the reference the signer may name any caller; but the caller's token is not part of
 * what is signed, so its claims count only when it is that caller's token.
 */
function verifyDelegated(proof: RequestProof, trust: Trust): ProvenCaller {
  const signerText = proof.signerCredential ?? '';
  const verified = trust.verify(signerText, 'choria_client_id', proof.nowMs);
  const {token: signer, signedBy: key} = verified;
  if (!signer.hasPermission('authentication_delegator'))
    throw tokenInvalid('the signer does not have the delegator permission');
  const caller = verifyToken(proof.credential, {key, purpose: 'choria_client_id', nowMs: proof.nowMs});
  if (!caller.hasPermission('fleet_management') && !caller.hasPermission('signed_fleet_management')) {
    throw tokenInvalid('does not have fleet management access');
  }
  checkSignature(proof, verified);
  const isOwnToken = [caller.name, caller.name.replace(/[@.]/g, '_')].includes(proof.claimedCaller);
  const ends = [signer.expiresAtMs, caller.expiresAtMs].filter((value) => value !== undefined);
  return {
    callerId: proof.claimedCaller,
    signedBy: signer.name,
    validUntilMs: ends.length === 0 ? Number.MAX_SAFE_INTEGER : Math.min(...ends),
    signerClaims: signer.claims,
    ...(isOwnToken ? {claims: caller.claims} : {}),
  };
}

function checkSignature(proof: RequestProof, {token, holder}: VerifiedToken): void {
  if (holder === undefined) throw tokenInvalid('it holds no public key');
  if (!verifyEd25519(holder, proof)) {
    throw new CryptoError(
      'ERR_SIGNATURE_INVALID',
      `Cannot verify request: the signature was not made by the holder of the token of ${JSON.stringify(token.name)}`,
    );
  }
}

function isReplyBySender(proof: ReplyProof, trust: Trust): boolean {
  try {
    const {token, holder} = trust.verify(proof.credential, 'choria_server', proof.nowMs);
    return token.name === proof.claimedSender && holder !== undefined && verifyEd25519(holder, proof);
  } catch (error) {
    if (error instanceof CryptoError) return false;
    throw error;
  }
}

function proofHash(proof: RequestProof): string {
  const head = JSON.stringify([proof.claimedCaller, proof.credential, proof.signerCredential, proof.message.length]);
  return createHash('sha256').update(head).update(proof.message).update(proof.signature).digest('base64');
}
