/** Lists of what is revoked: there, usable, in force, and without this program's own certificate or token. */
import {
  CryptoError,
  issuedId,
  normalHex,
  parseRevocations,
  readCertificates,
  readRevocationLists,
  readToken,
  type Revocations,
  revocationsOfLists,
} from '../crypto/index.ts';
import {credentialPaths} from '../connect/index.ts';
import type {Platform} from '../lib/platform.ts';
import {signed} from './credentials.ts';
import {type FileFact, inspectFile, textOf} from './files.ts';
import {finding, word} from './finding.ts';
import {doctorLimits} from './limits.ts';
import type {Finding, Subject} from './types.ts';

export interface RevocationFacts {
  readonly subject: Subject;
  /** What operators wrote; of the `choria init revoke` kind. */
  readonly list?: FileFact;
  /** What the authority signed. */
  readonly authorityList?: FileFact;
  readonly certificate?: FileFact;
  readonly authorities?: FileFact;
  readonly token?: FileFact;
}

/** Undefined where no list is configured. */
export async function collectRevocations(subject: Subject, {files}: Platform): Promise<RevocationFacts | undefined> {
  const {config, role} = subject;
  // Clients ask nobody: those that they talk to do.
  const listPath = role === 'client' ? '' : config.get('plugin.choria.security.revocation_file').trim();
  const authorityPath = config.get('plugin.security.crl_file').trim();
  if (listPath === '' && authorityPath === '') return undefined;
  const inspect = (path: string): Promise<FileFact> =>
    inspectFile(files, path, {limitBytes: doctorLimits.revocationBytesMax});
  const isChoria = config.get('plugin.security.provider') === 'choria';
  const kind = isChoria ? 'choria' : 'file';
  const paths = {
    list: listPath,
    authorityList: authorityPath,
    certificate: config.get(`plugin.security.${kind}.certificate`),
    authorities: config.get(`plugin.security.${kind}.ca`),
    token: isChoria ? credentialPaths(config).tokenPath : '',
  };
  const found = await Promise.all(
    Object.entries(paths)
      .filter(([, path]) => path !== '')
      .map(async ([name, path]): Promise<[string, FileFact]> => [name, await inspect(path)]),
  );
  return {subject, ...Object.fromEntries(found)};
}

export function judgeRevocations(facts: RevocationFacts): readonly Finding[] {
  return [...judgeList(facts), ...judgeAuthorityList(facts)];
}

function judgeList(facts: RevocationFacts): readonly Finding[] {
  const {list} = facts;
  if (list === undefined) return [];
  const {path} = list;
  const setting = 'plugin.choria.security.revocation_file';
  if (list.state === 'missing') {
    return [
      finding('revocations-missing', {
        cause: `${path} does not exist`,
        fix: `touch ${word(path)}, or ${setting} = PATH`,
      }),
    ];
  }
  return judged(list, () => ownReason(facts, parseRevocations(textOf(list), path)));
}

/** Where a list of the authority is configured, programs start with one that is in force and not without. */
function judgeAuthorityList(facts: RevocationFacts): readonly Finding[] {
  const {subject, authorityList, certificate, authorities} = facts;
  if (authorityList === undefined) return [];
  const {path} = authorityList;
  if (authorityList.state === 'missing') {
    return [unusable(path, `${path} does not exist`)];
  }
  return judged(authorityList, () => {
    const [crlPem, caPem] = [textOf(authorityList), textOf(authorities ?? authorityList)];
    const lists = readRevocationLists(crlPem);
    const reason = ownReason(facts, revocationsOfLists({crlPem, caPem}));
    if (reason !== undefined) return reason;
    const leaf = certificatesOf(certificate)[0];
    const issuer = certificatesOf(authorities).find((item) => leaf !== undefined && signed(leaf, item));
    if (leaf !== undefined && issuer !== undefined) lists.check(leaf, issuer, subject.nowMs);
    return undefined;
  });
}

/** @param reason  why this program itself is refused; what it throws makes the list useless */
function judged(list: FileFact, reason: () => string | undefined): readonly Finding[] {
  const {path} = list;
  if (list.state === 'unreadable') return [unusable(path, `${path}: ${list.reason ?? 'it cannot be read'}`)];
  try {
    const own = reason();
    if (own === undefined) return [];
    return [
      finding('credential-revoked', {
        cause: `${path}: ${own}`,
        fix: 'choria init user|node NAME --force, for a new one',
      }),
    ];
  } catch (error) {
    if (error instanceof CryptoError) return [unusable(path, error.message)];
    throw error;
  }
}

function unusable(path: string, cause: string): Finding {
  return finding('revocations-unusable', {cause, fix: `copy the list of the authority to ${word(path)} again`});
}

/** What says of this program's own names, certificate and token that they are revoked. */
function ownReason(facts: RevocationFacts, revocations: Revocations): string | undefined {
  const {subject, certificate, token} = facts;
  const leaf = certificatesOf(certificate)[0];
  const claims = claimsOf(token);
  const ids = [claims['jti'], claims['public_key']].filter((value) => typeof value === 'string');
  if (leaf !== undefined) ids.push(issuedId(leaf), normalHex(leaf.x509.serialNumber));
  const names = [subject.config.get('identity'), ...(leaf === undefined ? [] : [leaf.commonName])];
  return revocations.reasonFor({names, ids});
}

/** What cannot be read is judged where certificates and tokens are. */
function certificatesOf(file: FileFact | undefined): ReturnType<typeof readCertificates> {
  return file?.state === 'present' ? (attempt(() => readCertificates(textOf(file), certificatesMax)) ?? []) : [];
}

function claimsOf(file: FileFact | undefined): Readonly<Record<string, unknown>> {
  return file?.state === 'present' ? (attempt(() => readToken(textOf(file).trim()).claims) ?? {}) : {};
}

const certificatesMax = 256;

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof CryptoError) return undefined;
    throw error;
  }
}
