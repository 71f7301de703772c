/** The seeds of the file give their public keys, and its tokens can be read. */
import {ed25519PublicFromSeed, parseSeed, readToken} from '../../../../../src/crypto/index.ts';
import {type Judge, judgeEqual} from '../../../judge.ts';

interface Pair {
  readonly seed?: string;
  readonly public?: string;
  readonly jwt?: string;
}

const judge: Judge = async ({data}) => {
  const {tokens, ...others} = data as {readonly tokens: Readonly<Record<string, Pair>>} & Readonly<
    Record<string, unknown>
  >;
  const pairs = [...Object.entries(tokens), ...Object.entries(others)].filter(
    (entry): entry is [string, Pair] => typeof entry[1] === 'object' && entry[1] !== null,
  );
  return pairs.map(([name, {seed, public: publicKey, jwt}]) => {
    const own = seed === undefined || seed === '' ? publicKey : ed25519PublicFromSeed(parseSeed(seed)).toString('hex');
    const isRead = jwt === undefined || readToken(jwt).purpose !== '';
    return judgeEqual(name, [publicKey, true], [own, isRead]);
  });
};

export default judge;
