/** The server's part in submissions: local programs write into the spool, the server publishes in its own name (server.md 12). */
import {dirname, join} from 'node:path';
import type {Config} from '../config/types.ts';
import type {Connection} from '../connect/index.ts';
import {parseSeed, signEd25519} from '../crypto/index.ts';
import {errorMessage} from '../lib/errors.ts';
import type {Logger} from '../lib/logger.ts';
import type {Platform} from '../lib/platform.ts';
import {
  createSubmissionDelivery,
  createSubmissionSpool,
  type SubmissionDelivery,
  type SubmissionSigner,
} from '../submission/index.ts';
import {serverLimits} from './limits.ts';

/** Undefined when no spool is configured, or it cannot be used: that is logged and stops nothing else. */
export async function startSubmission(options: {
  readonly config: Config;
  readonly platform: Platform;
  readonly logger: Logger;
  readonly connection: Connection;
}): Promise<SubmissionDelivery | undefined> {
  const {config, platform, logger, connection} = options;
  const directory = config.get('plugin.choria.submission.spool');
  if (directory === '') return undefined;
  try {
    await createSubmissionSpool({
      platform,
      directory,
      messagesMax: config.get('plugin.choria.submission.max_spool_size'),
    });
    const signer = await readSigner(config, platform);
    const delivery = createSubmissionDelivery({
      platform,
      connection,
      logger,
      directory,
      collective: config.get('main_collective'),
      identity: config.get('identity'),
      ...(signer === undefined ? {} : {signer}),
    });
    delivery.start();
    return delivery;
  } catch (error) {
    logger.error(`Submissions are not sent: ${errorMessage(error)}`);
    return undefined;
  }
}

/** The seed and token that servers with tokens have; without them nothing can be signed. */
async function readSigner(config: Config, platform: Platform): Promise<SubmissionSigner | undefined> {
  const directory = config.path === undefined ? undefined : dirname(config.path);
  const place = (key: 'seed' | 'token', name: string): string | undefined =>
    config.get(`plugin.choria.security.server.${key}_file`) ||
    (directory === undefined ? undefined : join(directory, name));
  const [seed, token] = await Promise.all(
    [place('seed', 'server.seed'), place('token', 'server.jwt')].map((path) => readText(path, platform)),
  );
  if (seed === undefined || token === undefined) return undefined;
  const raw = parseSeed(seed.trim());
  return {token: token.trim(), sign: (payload) => signEd25519(raw, payload)};
}

async function readText(path: string | undefined, platform: Platform): Promise<string | undefined> {
  if (path === undefined) return undefined;
  try {
    return (await platform.files.read(path, {limitBytes: serverLimits.credentialBytesMax})).toString('utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
