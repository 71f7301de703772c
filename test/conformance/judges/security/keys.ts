/** Each seed gives its public key; each RSA key of the file is read, and private ones sign what their public ones verify. */
import {createPrivateKey, createPublicKey, sign, verify} from 'node:crypto';
import {
  ed25519PublicFromSeed,
  ed25519PublicKey,
  isTokenSignedBy,
  decodeToken,
  parseSeed,
  seedSigner,
  signToken,
} from '../../../../src/crypto/index.ts';
import {type CaseResult, type Judge, judgeEqual} from '../../judge.ts';

const judge: Judge = async ({data}) => {
  const entries = Object.entries(
    data as Readonly<Record<string, string | {readonly seed: string; readonly public: string}>>,
  );
  return entries.map(([name, value]): CaseResult => {
    if (typeof value !== 'string') {
      const seed = parseSeed(value.seed);
      const signer = seedSigner(seed);
      const token = signer.kind === 'key' ? signToken({name}, signer.key) : '';
      const isOwn = isTokenSignedBy(decodeToken(token), ed25519PublicKey(Buffer.from(value.public, 'hex')));
      return judgeEqual(name, [value.public, true], [ed25519PublicFromSeed(seed).toString('hex'), isOwn]);
    }
    const isPrivate = value.includes('PRIVATE KEY');
    if (!isPrivate) return judgeEqual(name, 'rsa', createPublicKey(value).asymmetricKeyType);
    const key = createPrivateKey(value);
    const message = Buffer.from(name);
    return judgeEqual(name, true, verify('sha256', message, createPublicKey(key), sign('sha256', message, key)));
  });
};

export default judge;
