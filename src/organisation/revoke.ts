/** Takes a member's certificates back: all that were ever issued to it and have not ended yet. */
import {join} from 'node:path';
import type {Files} from '../lib/platform.ts';
import {revocationListName, revokedName} from './configuration.ts';
import type {OrganisationPlatform} from './create.ts';
import {OrganisationError} from './errors.ts';
import {publicMode, revocationListFile, revokedFile} from './layout.ts';
import {findMember, nodeFolders, organisationStatus, readAuthority, rolesOf, writeGroups} from './members.ts';
import {callerIdOf} from './names.ts';
import {readRecords} from './records.ts';
import {readRevocations, revocationLine, revocationListPem, revocationText} from './revocations.ts';
import {exists, writeFailed} from './staging.ts';

export interface RevokeResult {
  readonly name: string;
  /** Serial numbers that count no longer; empty when all had been revoked before. */
  readonly serials: readonly string[];
  /** The lists that were written, here. */
  readonly written: readonly string[];
}

/**
 * The list of the authority is written first, then those of the broker and the nodes whose folders are here. Running it again finishes what
 * was interrupted.
 *
 * @throws {OrganisationError} `ERR_ORGANISATION_MEMBER` for a name that nobody has, and for the broker: without it nobody could be told
 */
export async function revokeMember(
  platform: OrganisationPlatform,
  options: {readonly directory: string; readonly name: string},
): Promise<RevokeResult> {
  const {files, clock} = platform;
  const {directory} = options;
  const {organisation, members} = await organisationStatus(platform, directory);
  // A machine may be the broker and a node; then the node is meant.
  const isBroker = (item: {readonly kind: string}): boolean => item.kind === 'broker';
  const member = findMember(options.name, [...members.filter((item) => !isBroker(item)), ...members.filter(isBroker)]);
  if (isBroker(member)) {
    throw new OrganisationError(
      'ERR_ORGANISATION_MEMBER',
      `Cannot revoke the broker "${member.name}": nobody could be told. Set up a new organisation with choria init --force, and copy its files to everybody`,
      {details: {name: member.name}},
    );
  }
  const records = await readRecords(files, directory);
  const taken = records.filter(
    // What has the same name is taken back with it: earlier versions let a user and a node share one.
    (record) => record.kind !== 'broker' && record.name === member.name && record.expiresAtMs > clock.nowMs(),
  );
  const before = await readRevocations(files, directory);
  const lines = [...before, ...taken.map(revocationLine)];
  const serials = taken.filter((record) => !before.includes(revocationLine(record))).map((record) => record.serial);
  const written: string[] = [];
  const write = async (path: string, text: string): Promise<void> => {
    await writeList(files, path, text);
    written.push(path);
  };
  const text = revocationText(lines);
  await write(join(directory, revokedFile), text);
  const folders: string[] = [];
  for (const folder of [join(directory, 'broker'), ...(await nodeFolders(files, directory))]) {
    if (await exists(files, folder)) folders.push(folder);
  }
  for (const folder of folders) await write(join(folder, revokedName), text);
  const list = revocationListPem(lines, {
    authority: await readAuthority(files, organisation),
    security: organisation.security,
    nowMs: clock.nowMs(),
  });
  if (list !== undefined) {
    await write(join(directory, revocationListFile), list);
    for (const folder of folders) await write(join(folder, revocationListName), list);
  }
  if (member.kind === 'user') {
    const left = rolesOf(records, organisation.security).filter(
      (item) => item.callerId !== callerIdOf(organisation.security, member.name),
    );
    written.push(...(await writeGroups(files, directory, left)));
  }
  return {name: member.name, serials, written};
}

async function writeList(files: Files, path: string, text: string): Promise<void> {
  try {
    await files.writeAtomic(path, text, {mode: publicMode});
  } catch (error) {
    throw writeFailed(path, error);
  }
}
