/**
 * How a private key travels to a node that is being provisioned: a secret of X25519 keys, used as the password of the old PEM
 * encryption (header `Proc-Type: 4,ENCRYPTED`), as the reference writes and reads it. Vectors: agents/ecdh.json.
 *
 * The old derivation (one round of MD5) is weak for passwords of people; here the password is 32 random bytes that are used once.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
} from 'node:crypto';
import type {Random} from '../lib/platform.ts';
import {CryptoError} from './errors.ts';
import {cryptoLimits} from './limits.ts';

const privatePrefix = Buffer.from('302e020100300506032b656e04220420', 'hex');
const publicPrefix = Buffer.from('302a300506032b656e032100', 'hex');
const keyBytes = 32;
const cipher = 'aes-256-cbc';
const cipherLabel = 'AES-256-CBC';

/** Raw keys of 32 bytes. */
export interface X25519Pair {
  readonly privateKey: Buffer;
  readonly publicKey: Buffer;
}

/** A new pair, for one exchange. */
export function createX25519Pair(): X25519Pair {
  const pair = generateKeyPairSync('x25519');
  return {
    privateKey: pair.privateKey.export({format: 'der', type: 'pkcs8'}).subarray(privatePrefix.length),
    publicKey: pair.publicKey.export({format: 'der', type: 'spki'}).subarray(publicPrefix.length),
  };
}

/**
 * The 32 bytes that both sides find.
 *
 * @throws {CryptoError} `ERR_KEY_INVALID` for a key of another size, or one that makes the secret known to everybody
 */
export function x25519Secret(privateKey: Uint8Array, peerPublicKey: Uint8Array): Buffer {
  if (privateKey.length !== keyBytes) throw new CryptoError('ERR_KEY_INVALID', 'crypto/ecdh: invalid private key');
  if (peerPublicKey.length !== keyBytes) throw new CryptoError('ERR_KEY_INVALID', 'crypto/ecdh: invalid public key');
  try {
    return diffieHellman({
      privateKey: createPrivateKey({key: Buffer.concat([privatePrefix, privateKey]), format: 'der', type: 'pkcs8'}),
      publicKey: createPublicKey({key: Buffer.concat([publicPrefix, peerPublicKey]), format: 'der', type: 'spki'}),
    });
  } catch {
    // What the library says may hold parts of keys.
    throw new CryptoError('ERR_KEY_INVALID', 'crypto/ecdh: bad X25519 remote ECDH input: low order point');
  }
}

/**
 * Encrypts one PEM block with a password.
 *
 * @throws {CryptoError} `ERR_KEY_INVALID` when the text holds no PEM block
 */
export function encryptPem(
  pem: string,
  options: {readonly password: Uint8Array; readonly random: Pick<Random, 'bytes'>},
): string {
  const block = readBlock(pem);
  const iv = options.random.bytes(16);
  const encoder = createCipheriv(cipher, deriveKey(options.password, iv), iv);
  const body = Buffer.concat([encoder.update(block.body), encoder.final()]);
  const headers = `Proc-Type: 4,ENCRYPTED\nDEK-Info: ${cipherLabel},${iv.toString('hex')}\n\n`;
  return `-----BEGIN ${block.label}-----\n${headers}${wrap(body)}-----END ${block.label}-----\n`;
}

/**
 * Opens what `encryptPem` made, here or elsewhere.
 *
 * @returns the block without encryption, PEM
 * @throws {CryptoError} `ERR_KEY_INVALID`
 */
export function decryptPem(pem: string, password: Uint8Array): string {
  const block = readBlock(pem);
  const [algorithm = '', ivText = ''] = (block.headers.get('DEK-Info') ?? '').split(',');
  if (algorithm !== cipherLabel || !/^[0-9a-fA-F]{32}$/.test(ivText)) {
    throw new CryptoError(
      'ERR_KEY_INVALID',
      `Cannot decrypt the key: expected a PEM block encrypted with ${cipherLabel}`,
    );
  }
  const iv = Buffer.from(ivText, 'hex');
  try {
    const decoder = createDecipheriv(cipher, deriveKey(password, iv), iv);
    const body = Buffer.concat([decoder.update(block.body), decoder.final()]);
    return `-----BEGIN ${block.label}-----\n${wrap(body)}-----END ${block.label}-----\n`;
  } catch {
    throw new CryptoError('ERR_KEY_INVALID', 'x509: decryption password incorrect');
  }
}

/** OpenSSL's old derivation: MD5 over the last digest, the password and the first 8 bytes of the vector. */
function deriveKey(password: Uint8Array, iv: Buffer): Buffer {
  const salt = iv.subarray(0, 8);
  const parts: Buffer[] = [];
  let last = Buffer.alloc(0);
  while (parts.length < 2) {
    last = createHash('md5').update(last).update(password).update(salt).digest();
    parts.push(last);
  }
  return Buffer.concat(parts);
}

interface Block {
  readonly label: string;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

function readBlock(pem: string): Block {
  const bad = new CryptoError('ERR_KEY_INVALID', 'Cannot read the key: expected one PEM block');
  if (pem.length > cryptoLimits.credentialFileBytesMax) throw bad;
  const lines = pem.split(/\r?\n/);
  const label = /^-----BEGIN ([A-Z0-9 ]{1,64})-----$/.exec(lines[0]?.trim() ?? '')?.[1];
  if (label === undefined) throw bad;
  const end = lines.findIndex((line) => line.trim() === `-----END ${label}-----`);
  if (end < 0) throw bad;
  const inside = lines.slice(1, end);
  const blank = inside.findIndex((line) => line.trim() === '');
  const headerLines = blank < 0 ? [] : inside.slice(0, blank);
  const base64 = inside
    .slice(blank + 1)
    .join('')
    .replace(/\s/g, '');
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(base64)) throw bad;
  const headers = headerLines.map((line): [string, string] => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
  });
  return {label, headers: new Map(headers), body: Buffer.from(base64, 'base64')};
}

function wrap(body: Buffer): string {
  return `${body.toString('base64').replace(/.{64}/g, '$&\n').replace(/\n$/, '')}\n`;
}
