/** Puts one message into the spool of the server on this machine and shows its id (server.md 12). */
import {ChoriaError, errorMessage} from '../../lib/errors.ts';
import {createSubmissionSpool, submissionLimits} from '../../submission/index.ts';
import {CliError} from '../errors.ts';
import {loadCommandConfig} from '../setup.ts';
import type {CliContext, ParsedArguments} from '../types.ts';

export async function runToolSubmit(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const {platform, stdout} = context;
  const config = await loadCommandConfig(context, parsed);
  const directory = config.get('plugin.choria.submission.spool');
  if (directory === '')
    throw new CliError('ERR_CLI_FAILED', 'spool is not configured: set plugin.choria.submission.spool');
  const {flags} = parsed;
  const payload = await readPayload(context, String(parsed.arguments['payload']));
  if (payload.length === 0) throw new CliError('ERR_CLI_FAILED', 'payload is empty');
  const sender = flags['sender'];
  try {
    const messagesMax = config.get('plugin.choria.submission.max_spool_size');
    const spool = await createSubmissionSpool({platform, directory, messagesMax});
    const id = await spool.submit({
      subject: String(parsed.arguments['subject']),
      payload,
      sender: typeof sender === 'string' && sender !== '' ? sender : `user ${platform.host.uid}`,
      identity: config.get('identity'),
      reliable: flags['reliable'] === true,
      priority: Number(flags['priority']),
      ttlMs: Number(flags['ttl']),
      maxTries: Number(flags['tries']),
      sign: flags['sign'] === true,
      headers: readHeaders(flags['header']),
    });
    stdout.write(`${id}\n`);
    return 0;
  } catch (error) {
    if (!(error instanceof ChoriaError)) throw error;
    throw new CliError('ERR_CLI_FAILED', `could not submit the message: ${errorMessage(error)}`, {cause: error});
  }
}

async function readPayload(context: CliContext, path: string): Promise<Buffer> {
  const limitBytes = submissionLimits.payloadBytesMax;
  try {
    return path === '-'
      ? await context.stdin.readAll(limitBytes)
      : await context.platform.files.read(path, {limitBytes});
  } catch (cause) {
    throw new CliError('ERR_CLI_FAILED', `could not read the payload: ${errorMessage(cause)}`, {cause});
  }
}

/** `K:V` or `K=V`; the same name again adds a value. */
function readHeaders(given: unknown): Readonly<Record<string, readonly string[]>> {
  const headers = new Map<string, string[]>();
  for (const text of Array.isArray(given) ? given.map(String) : []) {
    const at = text.search(/[:=]/);
    if (at < 1)
      throw new CliError('ERR_CLI_FAILED', `could not use the header ${JSON.stringify(text)}: expected NAME:VALUE`);
    const name = text.slice(0, at).trim();
    headers.set(name, [...(headers.get(name) ?? []), text.slice(at + 1).trim()]);
  }
  return Object.fromEntries(headers);
}
