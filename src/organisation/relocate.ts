/** Tells everybody in an organisation's folder that its broker is elsewhere now. */
import {join} from 'node:path';
import {errorMessage} from '../lib/errors.ts';
import type {Files} from '../lib/platform.ts';
import {brokerAddressText} from './configuration.ts';
import {OrganisationError} from './errors.ts';
import {configName, manifestName, privateMode, provisioningFolder, publicMode} from './layout.ts';
import {organisationLimits} from './limits.ts';
import {nodeFolders} from './members.ts';
import {manifestText, readOrganisation} from './records.ts';
import {codeOf, exists} from './staging.ts';
import type {BrokerAddress} from './types.ts';

const setting = 'plugin.choria.middleware_hosts';

/** Writes the address into the manifest and into the line of each node's and user's configuration that names it. */
export async function moveBroker(files: Files, directory: string, broker: BrokerAddress): Promise<void> {
  const organisation = {...(await readOrganisation(files, directory)), broker};
  await files.writeAtomic(join(directory, manifestName), manifestText(organisation), {mode: publicMode});
  const configurations = [
    ...(await nodeFolders(files, directory)).map((folder) => join(folder, 'server.conf')),
    ...(await userFolders(files, directory)).map((folder) => join(folder, 'client.conf')),
    ...((await exists(files, join(directory, provisioningFolder)))
      ? [join(directory, provisioningFolder, configName('provisioner'))]
      : []),
  ];
  for (const path of configurations) await replaceAddress(files, path, brokerAddressText(broker));
}

async function userFolders(files: Files, directory: string): Promise<readonly string[]> {
  try {
    const entries = await files.list(join(directory, 'users'));
    return entries.filter((entry) => entry.kind === 'directory').map((entry) => join(directory, 'users', entry.name));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

async function replaceAddress(files: Files, path: string, address: string): Promise<void> {
  let text: string;
  try {
    text = (await files.read(path, {limitBytes: organisationLimits.recordBytesMax})).toString('utf8');
  } catch (error) {
    throw new OrganisationError('ERR_ORGANISATION_DAMAGED', `Cannot read "${path}": ${errorMessage(error)}`, {
      cause: error,
      details: {path},
    });
  }
  const lines = text.split('\n').map((line) => (line.startsWith(`${setting} =`) ? `${setting} = ${address}` : line));
  await files.writeAtomic(path, lines.join('\n'), {mode: privateMode});
}
