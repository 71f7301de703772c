/** Runs one job of the executor to its end (server.md 17). */
import type {Config} from '../../config/types.ts';
import {ExecutorError, executorLimits, type SubmitEvent, superviseJob} from '../../executor/index.ts';
import {errorMessage} from '../../lib/errors.ts';
import {createSubmissionSpool} from '../../submission/index.ts';
import {CliError} from '../errors.ts';
import type {CliContext, ParsedArguments} from '../types.ts';
import {loadServerConfig, openServerLogger} from './server-run-run.ts';

export async function runExecSupervisor(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const {platform, signal} = context;
  const config = await loadServerConfig(context, parsed);
  const logger = openServerLogger({context, parsed, config});
  const heartbeatMs = Number(parsed.flags['heartbeat']);
  try {
    const exit = await superviseJob({
      platform,
      logger,
      spool: config.get('plugin.choria.executor.spool'),
      id: String(parsed.flags['process']),
      heartbeatMs: heartbeatMs <= 0 ? 0 : Math.max(heartbeatMs, executorLimits.heartbeatMsMin),
      trackOutput: parsed.flags['track-output'] === true,
      submit: eventSubmitter(context, config),
      signal,
    });
    return exit.code === 0 ? 0 : 1;
  } catch (error) {
    if (!(error instanceof ExecutorError)) throw error;
    throw new CliError('ERR_CLI_FAILED', `could not start supervisor: ${error.message}`, {cause: error});
  } finally {
    logger.close();
  }
}

/** Events go first but for those of the server itself, as in the reference. A node without a spool runs its jobs all the same. */
function eventSubmitter(context: CliContext, config: Config): SubmitEvent {
  const directory = config.get('plugin.choria.submission.spool');
  if (directory === '') return () => Promise.resolve();
  const identity = config.get('identity');
  const opening = createSubmissionSpool({
    platform: context.platform,
    directory,
    messagesMax: config.get('plugin.choria.submission.max_spool_size'),
  });
  opening.catch((error: unknown) => context.stderr.write(`${errorMessage(error)}\n`));
  return async ({subject, payload}) =>
    (await opening).submit({subject, payload, sender: identity, identity, reliable: true, priority: 1});
}
