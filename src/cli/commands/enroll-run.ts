import {enrollWithPuppet, puppetCertname, puppetSslDirectory, resolveSrv} from '../../connect/index.ts';
import type {Config} from '../../config/index.ts';
import {CliError} from '../errors.ts';
import {inertLine} from '../render/inert.ts';
import {openCommand} from '../setup.ts';
import type {CliContext, ParsedArguments} from '../types.ts';
import {textFlag} from './jwt-files.ts';

const authorityRecords = ['_x-puppet-ca._tcp', '_x-puppet._tcp'];

export async function runEnroll(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const {platform, stdout} = context;
  const {config, logger} = await openCommand(context, parsed);
  const security = {platform, mode: 'client', logger, certnameOverride: textFlag(parsed, 'certname')} as const;
  const certname = puppetCertname(config, security);
  stdout.write(`Enrolling with the Security System using certname ${inertLine(certname)}\n`);
  const provider = config.get('plugin.security.provider');
  if (provider !== 'puppet') {
    throw new CliError(
      'ERR_CLI_VALUE',
      `Could not enroll: the ${provider} security provider does not support enrollment`,
    );
  }
  stdout.write('\n');
  const isNew = await enrollWithPuppet({
    platform,
    sslDirectory: await puppetSslDirectory(config, security),
    certname,
    authority: await authorityUrl(config, context),
    signal: context.signal,
    events: {
      authority: (fingerprint) =>
        stdout.write(`Fetched the CA certificate, unverified, with fingerprint ${fingerprint}\n\n`),
      requested: (fingerprint) => stdout.write(`Certificate request fingerprint: ${fingerprint}\n\n`),
      attempt: (number) =>
        stdout.write(`Attempting to download certificate for ${inertLine(certname)}, try ${number}\n`),
      warning: (message) => logger.warn(message),
    },
  });
  if (!isNew) throw new CliError('ERR_CLI_VALUE', 'Could not enroll: already have all files needed for SSL operations');
  return 0;
}

/** Either setting in the file says where the CA is; without one DNS is asked. */
async function authorityUrl(config: Config, context: CliContext): Promise<string> {
  const host = config.get('plugin.choria.puppetca_host');
  const port = config.get('plugin.choria.puppetca_port');
  const isSet = config.has('plugin.choria.puppetca_host') || config.has('plugin.choria.puppetca_port');
  const [found] = isSet
    ? []
    : await resolveSrv(config, {platform: context.platform, records: authorityRecords, signal: context.signal});
  if (found === undefined) return `https://${host}:${port}`;
  return `https://${found.name.replace(/\.$/, '')}:${found.port}`;
}
