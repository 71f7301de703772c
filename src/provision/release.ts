/**
 * `release_update`: replaces the program by another release of a repository (server.md 14.4).
 *
 * A release is a program in one file, packed with bzip2. This program does not come as one file, so there is nothing that such a
 * release could replace: the answer says so, in the form that provisioners know for an update that changed nothing.
 */
import type {Logger} from '../lib/logger.ts';
import type {Platform} from '../lib/platform.ts';
import {ActionFailure} from '../rpc/index.ts';

/** @throws {ActionFailure} when the release is not in place; then the old one is */
export async function updateRelease(options: {
  readonly platform: Platform;
  readonly logger: Logger;
  readonly repository: string;
  readonly version: string;
}): Promise<void> {
  const {repository, version, logger} = options;
  if (!/^https?:\/\/[^\s]+$/.test(repository)) {
    throw new ActionFailure(`Cannot update: ${JSON.stringify(repository.slice(0, 100))} is no http or https address`);
  }
  logger.warn(
    `A provisioner asked for version ${JSON.stringify(version.slice(0, 32))}, which cannot be installed over this one`,
  );
  throw new ActionFailure(
    `Update to version ${version.slice(0, 32)} failed, release rolled back: this server is not a program in one file; install the version with its package manager`,
  );
}
