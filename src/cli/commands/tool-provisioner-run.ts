/** Resolves the brokers of provisioning as a server that starts would (server.md 14.1); unlike a start it changes nothing. */
import {errorMessage} from '../../lib/errors.ts';
import {provisionLimits, provisioningServers, readProvisioningToken} from '../../provision/index.ts';
import {CliError} from '../errors.ts';
import {inertLine} from '../render/inert.ts';
import type {CliContext, ParsedArguments} from '../types.ts';
import {provisioningTokenFile} from './provisioning-token.ts';

export async function runToolProvisioner(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const path = parsed.flags['config'];
  if (typeof path !== 'string' || path === '') {
    throw new CliError('ERR_CLI_CONFIGURE', 'please specify the server configuration using --config');
  }
  const {platform, stdout, signal} = context;
  const target = readProvisioningToken(await readTokenFile(context));
  stdout.write('Attempting provisioner resolution using: Choria JWT Resolver\n');
  const found = await provisioningServers(target, platform)({signal});
  const servers = 'inOrder' in found ? found.inOrder : found;
  stdout.write(`Provisioning using ${servers.length} broker(s):\n\n`);
  stdout.write(`${servers.map((server) => `\t${inertLine(server)}\n`).join('')}\n`);
  return 0;
}

async function readTokenFile({platform}: CliContext): Promise<string> {
  const place = provisioningTokenFile(platform);
  try {
    return (await platform.files.read(place, {limitBytes: provisionLimits.tokenBytesMax})).toString('utf8');
  } catch (cause) {
    throw new CliError(
      'ERR_CLI_FAILED',
      `this machine is not set up for provisioning: cannot read the provisioning token "${place}": ${errorMessage(cause)}`,
      {cause},
    );
  }
}
