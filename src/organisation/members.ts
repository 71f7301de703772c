/** Adds nodes and users, renews and lists what was issued. */
import {dirname, join} from 'node:path';
import {CryptoError, parseSeed, readCertificates} from '../crypto/index.ts';
import {errorMessage} from '../lib/errors.ts';
import type {Files} from '../lib/platform.ts';
import {checkCount, checkValidity, type NewNode, type OrganisationPlatform, uniqueNodes} from './create.ts';
import {OrganisationError} from './errors.ts';
import {type Authority, issueMember} from './issue.ts';
import {authorityCertificate, authorityKey, issuerSeed, memberFolder, publicMode} from './layout.ts';
import {organisationLimits} from './limits.ts';
import {callerIdOf, checkDirectory, checkNotShared, userNameFor} from './names.ts';
import {planCredentials, planMember} from './plan.ts';
import {groupsPath, groupsText, type RoleMember} from './policies.ts';
import {readOrganisation, readRecords, recordFile} from './records.ts';
import {readRevocations, revocationListPem, revokedSerials} from './revocations.ts';
import {alreadyThere, codeOf, exists, isFree, placeFolder, writeFailed} from './staging.ts';
import type {
  IssuedRecord,
  MemberKind,
  MemberState,
  MemberStatus,
  Organisation,
  OrganisationSecurity,
  Role,
} from './types.ts';

export interface AddOptions {
  readonly directory: string;
  readonly nodes?: readonly NewNode[];
  readonly users?: readonly {readonly name: string; readonly role: Role}[];
  readonly validityMs?: number;
  /** Folder of the member on the machine where it will run; its configuration names that one. */
  readonly target?: string;
  readonly force?: boolean;
}

export interface AddedMember {
  readonly kind: MemberKind;
  readonly name: string;
  readonly directory: string;
  readonly expiresAtMs: number;
  readonly replaced?: string;
}

export interface AddResult {
  readonly organisation: Organisation;
  readonly members: readonly AddedMember[];
  /** Files of nodes that were written again because who may do what has changed. */
  readonly updatedPolicies: readonly string[];
}

/** @throws {OrganisationError} */
export async function addMembers(platform: OrganisationPlatform, options: AddOptions): Promise<AddResult> {
  const {files} = platform;
  const organisation = await readOrganisation(files, options.directory);
  checkValidity(options.validityMs);
  const {security, collectives} = organisation;
  const nodes = uniqueNodes(options.nodes ?? []);
  const users = (options.users ?? []).map((user) => ({name: userNameFor(security, user.name), role: user.role}));
  checkCount(nodes.length + users.length);
  if (options.target !== undefined) checkDirectory(options.target);
  const wanted = [
    ...users.map((user) => ({kind: 'user' as const, name: user.name, role: user.role, node: undefined})),
    ...nodes.map((node) => ({kind: 'node' as const, name: node.name, role: undefined, node})),
  ];
  // Everything is looked at before anything is written.
  if (options.force !== true) {
    for (const {kind, name} of wanted) {
      const place = join(options.directory, memberFolder(kind, name));
      if (!(await isFree(files, place))) throw alreadyThere(place);
    }
  }
  const authority = await readAuthority(files, organisation);
  const revoked = await readRevocations(files, options.directory);
  const withdrawn = revokedSerials(revoked);
  const revocationList = revocationListPem(revoked, {authority, security, nowMs: platform.clock.nowMs()});
  const records = await readRecords(files, options.directory);
  checkNotShared(wanted, records);
  const before = records.filter((record) => !withdrawn.has(record.serial));
  const added = users.map((user) => ({callerId: callerIdOf(security, user.name), role: user.role}));
  const roles = [
    ...rolesOf(before, security).filter((item) => !added.some((user) => user.callerId === item.callerId)),
    ...added,
  ];
  const members: AddedMember[] = [];
  for (const item of wanted) {
    const member = await issueMember(platform, {
      authority,
      collectives,
      kind: item.kind,
      name: item.name,
      ...(item.role === undefined ? {} : {role: item.role}),
      ...(options.validityMs === undefined ? {} : {validityMs: options.validityMs}),
    });
    const place = join(options.directory, memberFolder(item.kind, item.name));
    const plan = planMember({
      organisation,
      member,
      caPem: authority.certificatePem,
      target: options.target ?? place,
      roles,
      revoked,
      revocationList,
      ...(item.node?.facts === undefined ? {} : {facts: item.node.facts}),
      ...(item.node?.classes === undefined ? {} : {classes: item.node.classes}),
    });
    // The record first: nothing that was issued is ever unknown.
    await writeRecord(files, options.directory, member.record);
    const replaced = await placeFolder(platform, place, {plan, replace: options.force === true});
    const {expiresAtMs} = member.record;
    members.push({
      kind: item.kind,
      name: item.name,
      directory: place,
      expiresAtMs,
      ...(replaced === undefined ? {} : {replaced}),
    });
  }
  const updatedPolicies = users.length === 0 ? [] : await writeGroups(files, options.directory, roles);
  return {organisation, members, updatedPolicies};
}

/** The last word on everybody's role. */
export function rolesOf(records: readonly IssuedRecord[], security: OrganisationSecurity): readonly RoleMember[] {
  const roles = new Map<string, Role>();
  for (const record of records) if (record.kind === 'user') roles.set(record.name, record.role ?? 'reader');
  return [...roles].map(([name, role]) => ({callerId: callerIdOf(security, name), role}));
}

export async function writeRecord(files: Files, directory: string, record: IssuedRecord): Promise<void> {
  const {path, text, mode} = recordFile(record);
  try {
    await files.writeAtomic(join(directory, path), text, {mode});
  } catch (error) {
    throw writeFailed(join(directory, path), error);
  }
}

/** Every node's folder that is still here. */
export async function nodeFolders(files: Files, directory: string): Promise<readonly string[]> {
  try {
    const entries = await files.list(join(directory, 'nodes'));
    return entries
      .filter(
        (entry) => entry.kind === 'directory' && !entry.name.startsWith('.') && !entry.name.includes('.replaced-'),
      )
      .map((entry) => join(directory, 'nodes', entry.name))
      .sort();
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

export async function writeGroups(
  files: Files,
  directory: string,
  roles: readonly RoleMember[],
): Promise<readonly string[]> {
  const written: string[] = [];
  for (const folder of await nodeFolders(files, directory)) {
    const path = join(folder, groupsPath);
    if (!(await exists(files, dirname(path)))) continue;
    try {
      await files.writeAtomic(path, groupsText(roles), {mode: publicMode});
    } catch (error) {
      throw writeFailed(path, error);
    }
    written.push(path);
  }
  return written;
}

/** @throws {OrganisationError} `ERR_ORGANISATION_DAMAGED` */
export async function readAuthority(files: Files, {directory, security}: Organisation): Promise<Authority> {
  const read = async (name: string): Promise<string> => {
    const path = join(directory, name);
    try {
      return (await files.read(path, {limitBytes: organisationLimits.recordBytesMax})).toString('utf8');
    } catch (error) {
      throw new OrganisationError(
        'ERR_ORGANISATION_DAMAGED',
        `Cannot read "${path}": ${errorMessage(error)}; without it nothing can be issued`,
        {cause: error, details: {path}},
      );
    }
  };
  const certificates = {certificatePem: await read(authorityCertificate), keyPem: await read(authorityKey)};
  if (security === 'x509') return certificates;
  try {
    return {...certificates, issuerSeed: parseSeed(await read(issuerSeed))};
  } catch (error) {
    if (!(error instanceof CryptoError)) throw error;
    const path = join(directory, issuerSeed);
    throw new OrganisationError('ERR_ORGANISATION_DAMAGED', `Cannot read "${path}": ${error.message}`, {
      details: {path},
    });
  }
}

/** What is in force of each member, by kind and name. */
export async function organisationStatus(
  platform: OrganisationPlatform,
  directory: string,
): Promise<{
  readonly organisation: Organisation;
  readonly authorityExpiresAtMs: number;
  readonly members: readonly MemberStatus[];
}> {
  const {files} = platform;
  const organisation = await readOrganisation(files, directory);
  const revoked = revokedSerials(await readRevocations(files, directory));
  const latest = new Map<string, IssuedRecord>();
  for (const record of await readRecords(files, directory)) latest.set(`${record.kind} ${record.name}`, record);
  const order: readonly MemberKind[] = ['broker', 'provisioner', 'user', 'node'];
  const sorted = [...latest.values()].sort(
    (a, b) => order.indexOf(a.kind) - order.indexOf(b.kind) || (a.name < b.name ? -1 : 1),
  );
  const members = await Promise.all(
    sorted.map(async (record): Promise<MemberStatus> => {
      const place = join(directory, memberFolder(record.kind, record.name));
      const {certificatePem: _pem, publicKey: _key, ...rest} = record;
      return {
        ...rest,
        state: stateOf(record, {revoked, nowMs: platform.clock.nowMs()}),
        ...((await exists(files, place)) ? {directory: place} : {}),
      };
    }),
  );
  const authorityPem = await readText(files, join(directory, authorityCertificate));
  const [authority] = readCertificates(authorityPem, 1);
  return {organisation, authorityExpiresAtMs: authority?.notAfterMs ?? 0, members};
}

async function readText(files: Files, path: string): Promise<string> {
  try {
    return (await files.read(path, {limitBytes: organisationLimits.recordBytesMax})).toString('utf8');
  } catch (error) {
    throw new OrganisationError('ERR_ORGANISATION_DAMAGED', `Cannot read "${path}": ${errorMessage(error)}`, {
      cause: error,
      details: {path},
    });
  }
}

function stateOf(
  record: IssuedRecord,
  {revoked, nowMs}: {readonly revoked: ReadonlySet<string>; readonly nowMs: number},
): MemberState {
  if (revoked.has(record.serial)) return 'revoked';
  return record.expiresAtMs <= nowMs ? 'expired' : 'valid';
}

export interface RenewOptions {
  readonly directory: string;
  /** Members by name; users with or without `.mcollective`. Empty: everybody whose certificate ends within `withinMs`. */
  readonly names: readonly string[];
  readonly withinMs: number;
  readonly validityMs?: number;
}

/** New certificates for the same keys: no private key is needed or touched, and each file changes at once. */
export async function renewMembers(
  platform: OrganisationPlatform,
  options: RenewOptions,
): Promise<readonly AddedMember[]> {
  const {files, clock} = platform;
  const {directory} = options;
  checkValidity(options.validityMs);
  const {organisation, members} = await organisationStatus(platform, directory);
  const chosen =
    options.names.length === 0
      ? members.filter((member) => member.state !== 'revoked' && member.expiresAtMs - clock.nowMs() < options.withinMs)
      : options.names.map((name) => renewable(name, members));
  const records = await readRecords(files, directory);
  const authority = await readAuthority(files, organisation);
  const renewed: AddedMember[] = [];
  for (const member of chosen) {
    const last = records.findLast((record) => record.kind === member.kind && record.name === member.name);
    if (last === undefined) continue;
    const issued = await issueMember(platform, {
      authority,
      collectives: organisation.collectives,
      renewed: last,
      kind: member.kind,
      name: member.name,
      ...(member.role === undefined ? {} : {role: member.role}),
      ...(options.validityMs === undefined ? {} : {validityMs: options.validityMs}),
    });
    const {record} = issued;
    await writeRecord(files, directory, record);
    const place = join(directory, memberFolder(member.kind, member.name));
    await files.makeDirectory(place, {mode: 0o700, recursive: true});
    for (const file of planCredentials(issued)) {
      const path = join(place, file.path);
      try {
        await files.writeAtomic(path, file.text, {mode: file.mode});
      } catch (error) {
        throw writeFailed(path, error);
      }
    }
    renewed.push({kind: member.kind, name: member.name, directory: place, expiresAtMs: record.expiresAtMs});
  }
  return renewed;
}

function renewable(name: string, members: readonly MemberStatus[]): MemberStatus {
  const member = findMember(name, members);
  if (member.state !== 'revoked') return member;
  throw new OrganisationError(
    'ERR_ORGANISATION_MEMBER',
    `Cannot renew "${member.name}": it is revoked; give it a new key with choria init ${member.kind} ${member.name} --force`,
    {details: {name: member.name}},
  );
}

/** By its name, or a user's without its ending. */
export function findMember(name: string, members: readonly MemberStatus[]): MemberStatus {
  const found =
    members.find((member) => member.name === name) ??
    members.find((member) => member.kind === 'user' && member.name === `${name}.mcollective`);
  if (found !== undefined) return found;
  throw new OrganisationError(
    'ERR_ORGANISATION_MEMBER',
    `Cannot find ${JSON.stringify(name.slice(0, 100))} in the organisation: it has ${members.length} members, which choria init status lists`,
    {details: {name: name.slice(0, 100)}},
  );
}
