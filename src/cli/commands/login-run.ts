import {chooseSecurityProvider, credentialPaths, loginToAaa, signerAuthority} from '../../connect/index.ts';
import {errorMessage} from '../../lib/errors.ts';
import {findProgram} from '../../lib/find-program.ts';
import {CliError} from '../errors.ts';
import {askText} from '../prompt.ts';
import {inertLine} from '../render/inert.ts';
import {openCommand} from '../setup.ts';
import type {CliContext, ParsedArguments} from '../types.ts';

/** A site's own login program, when there is one on the PATH. */
const ownProgram = 'choria-login';

export async function runLogin(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const {platform} = context;
  const program = await findProgram(ownProgram, platform);
  if (program !== undefined && context.runInTerminal !== undefined) {
    const exitCode = await context.runInTerminal(program);
    if (exitCode === 0) return 0;
    throw new CliError('ERR_CLI_FAILED', `exit status ${exitCode}`);
  }
  const {config, logger} = await openCommand(context, parsed);
  const urls = config.get('plugin.login.aaasvc.login.url');
  if (urls.length === 0) {
    throw new CliError('ERR_CLI_FAILED', 'please configure a login server URL using plugin.login.aaasvc.login.url');
  }
  const {tokenPath, seedPath} = credentialPaths(config);
  if (tokenPath === '') throw new CliError('ERR_CLI_FAILED', 'no token file defined');
  const username = await askText(context, 'Username: ', {preset: platform.env['USER'] ?? ''});
  const password = await askText(context, 'Password: ', {isSecret: true});
  const caPem = (await signerAuthority(config, platform.files)) ?? (await authority());
  await loginToAaa({
    platform,
    urls,
    username,
    password,
    tokenPath,
    seedPath,
    tls: caPem === undefined ? {} : {caPem},
    signal: context.signal,
  });
  context.stdout.write(`Token saved to ${inertLine(tokenPath)}\n`);
  return 0;

  /** Before the first login there may be neither token nor certificate; only the authority matters here. */
  async function authority(): Promise<string | undefined> {
    try {
      return (await chooseSecurityProvider(config, {platform, mode: 'client', logger})).tls.caPem;
    } catch (error) {
      logger.debug(`No authority for the login service: ${errorMessage(error)}`);
      return undefined;
    }
  }
}
