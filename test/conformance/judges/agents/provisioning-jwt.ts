/**
 * `choria jwt provisioning` with the flags of each case: the claims of the token it makes, and whether the token of the file is taken
 * as the reference would: verified with its certificate, and refused by a server where two ways to a broker are named.
 */
import {createPublicKey, generateKeyPairSync} from 'node:crypto';
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {decodeToken, isTokenSignedBy} from '../../../../src/crypto/index.ts';
import {splitShellWords} from '../../../../src/discovery/index.ts';
import {readProvisioningToken} from '../../../../src/provision/index.ts';
import {runCliForTest} from '../../../support/cli.ts';
import {judgeEqual, type Judge} from '../../judge.ts';
import {fields, text, type Fields} from './_cases.ts';

/** Times and the id are new in each token; how long it lives is not. */
function comparable(claims: Fields): unknown {
  const {exp, nbf, iat, jti, ...rest} = claims;
  // Years are counted in days, leap days or not, so a life of years differs by days between any two programs.
  const days = Math.round((Number(exp) - Number(iat)) / 86_400);
  return {...rest, days, starts: Number(nbf) - Number(iat), id: text(jti).length};
}

function serverVerdict(token: string): string {
  try {
    readProvisioningToken(token);
    return 'accepted';
  } catch (error) {
    return (error as Error).message;
  }
}

const judge: Judge = async function* ({data}) {
  const file = fields(data);
  const signer = createPublicKey(text(file['signer_certificate']));
  const root = mkdtempSync(join(tmpdir(), 'choria-jwt-'));
  const key = generateKeyPairSync('rsa', {modulusLength: 2048});
  writeFileSync(join(root, 'key.pem'), key.privateKey.export({type: 'pkcs1', format: 'pem'}));
  try {
    for (const item of (file['tokens'] as unknown[]).map(fields)) {
      const name = text(item['name']);
      const flags = splitShellWords(text(item['flags']).replace(/ \(.*\)$/, ''));
      const target = join(root, `${name}.jwt`);
      const argv = ['choria', 'jwt', 'provisioning', target, join(root, 'key.pem'), ...flags];
      const result = await runCliForTest({argv, mounts: []});
      yield judgeEqual(`${name} exit`, 0, result.exit);
      const made = decodeToken(readFileSync(target, 'utf8'));
      const wanted = JSON.parse(text(item['claims'])) as Fields;
      yield judgeEqual(`${name} header`, JSON.parse(text(item['header'])), made.header);
      yield judgeEqual(`${name} claims`, comparable(wanted), comparable(made.claims));
      yield judgeEqual(`${name} signed`, true, isTokenSignedBy(made, key.publicKey));
      const known = decodeToken(text(item['token']));
      yield judgeEqual(`${name} verified`, [true, wanted], [isTokenSignedBy(known, signer), known.claims]);
      const hasBoth = wanted['chu'] !== undefined && wanted['chsrv'] !== undefined;
      const verdict = hasBoth ? 'Cannot use the provisioning token: both srv domain and URLs supplied' : 'accepted';
      yield judgeEqual(`${name} server`, verdict, serverVerdict(text(item['token'])));
    }
  } finally {
    rmSync(root, {recursive: true, force: true});
  }
};

export default judge;
