/** Where the files of an organisation are. */
import {join} from 'node:path';
import type {MemberKind} from './types.ts';

export const privateMode = 0o600;
export const publicMode = 0o644;
export const folderMode = 0o700;

export const manifestName = 'organisation.json';
export const authorityCertificate = join('authority', 'ca.pem');
export const authorityKey = join('authority', 'ca.key');
/** Seed of the issuer of tokens. */
export const issuerSeed = join('authority', 'issuer.seed');
/** Signs the tokens of images where no issuer does. */
export const provisioningSeed = join('authority', 'provisioning.seed');
export const provisioningFolder = 'provisioning';
export const issuedFolder = join('authority', 'issued');
export const revokedFile = join('authority', 'revoked');
/** The certificates among them, for TLS libraries. */
export const revocationListFile = join('authority', 'crl.pem');

/** The folder of one member, below the organisation's. */
export function memberFolder(kind: MemberKind, name: string): string {
  switch (kind) {
    case 'broker':
      return 'broker';
    case 'provisioner':
      return provisioningFolder;
    case 'node':
      return join('nodes', name);
    case 'user':
      return join('users', name);
  }
}

export function configName(kind: MemberKind): string {
  switch (kind) {
    case 'broker':
      return 'broker.conf';
    case 'provisioner':
      return 'provisioner.conf';
    case 'node':
      return 'server.conf';
    case 'user':
      return 'client.conf';
  }
}

/** One file for each certificate ever issued. */
export function recordPath(name: string, serial: string): string {
  return join(issuedFolder, `${name}.${serial}.json`);
}
