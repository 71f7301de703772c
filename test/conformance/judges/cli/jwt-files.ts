/**
 * Judges what the sequence of `jwt.json` leaves behind: the same files, of the same kind, and tokens with the same content but for times,
 * ids and signatures. The vector's own tokens and keys have to be readable and belong together.
 */
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {decodeToken, ed25519PublicFromSeed, isHexKey, parseSeed} from '../../../../src/crypto/index.ts';
import type {CaseResult, Judge} from '../../judge.ts';
import {judgeEqual} from '../../judge.ts';
import {type JwtTranscript, runSequence} from './_jwt.ts';

function describe(text: string | undefined): unknown {
  if (text === undefined) return 'absent';
  if (isHexKey(text)) return 'key';
  try {
    const {header, claims} = decodeToken(text);
    const {exp, nbf, iat, jti: _jti, tcs, issexp, ...rest} = claims;
    const life = Number(exp) - Number(iat);
    // The order of the claims is part of what is compared.
    return JSON.stringify([header, rest, {life, starts: nbf === iat, hasChain: tcs !== undefined, issexp}]);
  } catch {
    return text;
  }
}

const judge: Judge = async ({data, vectorsDirectory}) => {
  const files = data as Readonly<Record<string, string>>;
  const transcripts = JSON.parse(
    readFileSync(join(vectorsDirectory, 'cli', 'jwt.json'), 'utf8'),
  ) as readonly JwtTranscript[];
  const {after} = await runSequence(transcripts, files);
  return Object.entries(files).map(([name, text]): CaseResult => {
    const publicName = name.replace(/\.seed$/, '.public');
    const pair = files[publicName];
    if (name.endsWith('.seed') && pair !== undefined) {
      const wanted = [pair, describe(text)];
      return judgeEqual(name, wanted, [
        ed25519PublicFromSeed(parseSeed(text)).toString('hex'),
        describe(after.get(name)),
      ]);
    }
    return judgeEqual(name, describe(text), describe(after.get(name)));
  });
};

export default judge;
