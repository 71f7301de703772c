/**
 * The list of what counts no longer: one line each, sorted, so that the same revocations always give the same bytes.
 *
 *     certificate 4d1f... web1.example.net
 */
import {join} from 'node:path';
import {issueRevocationList, readCertificates} from '../crypto/index.ts';
import {errorMessage} from '../lib/errors.ts';
import type {Files} from '../lib/platform.ts';
import {OrganisationError} from './errors.ts';
import {revokedFile} from './layout.ts';
import {codeOf} from './staging.ts';
import type {Authority} from './issue.ts';
import type {IssuedRecord, OrganisationSecurity} from './types.ts';

const listBytesMax = 16 * 1024 * 1024;

export function revocationText(lines: readonly string[]): string {
  const sorted = [...new Set(lines)].sort();
  return `# What counts no longer: kind, number, name. Written by choria init revoke.\n${sorted.map((line) => `${line}\n`).join('')}`;
}

export function revocationLine(record: IssuedRecord): string {
  const kind = record.certificatePem === undefined ? 'token' : 'certificate';
  return `${kind} ${record.serial} ${record.name}`;
}

/** The lines in force. */
export async function readRevocations(files: Files, directory: string): Promise<readonly string[]> {
  const path = join(directory, revokedFile);
  try {
    const text = (await files.read(path, {limitBytes: listBytesMax})).toString('utf8');
    return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw new OrganisationError('ERR_ORGANISATION_DAMAGED', `Cannot read "${path}": ${errorMessage(error)}`, {
      cause: error,
      details: {path},
    });
  }
}

/** Serial numbers of certificates and ids of tokens in the list. */
export function revokedSerials(lines: readonly string[]): ReadonlySet<string> {
  return new Set(
    lines
      .map((line) => line.split(' '))
      .filter(([kind]) => kind === 'certificate' || kind === 'token')
      .map(([, serial = '']) => serial),
  );
}

/**
 * The same in the form that TLS libraries and other programs read, signed by the authority; undefined where members have no certificates.
 *
 * It lasts as long as the authority: a list that ends would lock everybody out on the day that nobody thought of it.
 */
export function revocationListPem(
  lines: readonly string[],
  options: {readonly authority: Authority; readonly security: OrganisationSecurity; readonly nowMs: number},
): string | undefined {
  const {authority, security, nowMs} = options;
  if (security !== 'x509') return undefined;
  const serials = lines.map((line) => line.split(' ')).filter(([kind]) => kind === 'certificate');
  const [root] = readCertificates(authority.certificatePem, 1);
  return issueRevocationList({
    authority,
    revoked: serials.map(([, serial = '']) => ({serial, atMs: nowMs})),
    nowMs,
    untilMs: root?.notAfterMs ?? nowMs,
  });
}
