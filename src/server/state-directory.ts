/** Where a server keeps what must survive a restart. */
import {join} from 'node:path';
import type {Config} from '../config/types.ts';
import {errorMessage} from '../lib/errors.ts';
import type {Platform} from '../lib/platform.ts';
import {ServerError} from './errors.ts';
import {fileNameOf} from './instance-lock.ts';

export interface ServerStatePaths {
  readonly directory: string;
  /** The requests that were executed. */
  readonly replay: string;
}

export function serverStatePaths(config: Config, platform: Pick<Platform, 'host' | 'env'>): ServerStatePaths {
  const directory = config.get('plugin.choria.server.state_directory') || defaultDirectory(platform);
  const configured = config.get('plugin.choria.security.replay_store');
  return {directory, replay: configured || join(directory, `replay-${fileNameOf(config.get('identity'))}.log`)};
}

function defaultDirectory({host, env}: Pick<Platform, 'host' | 'env'>): string {
  if (host.uid === 0) return '/var/lib/choria';
  const stateHome = env['XDG_STATE_HOME'];
  if (stateHome !== undefined && stateHome.startsWith('/')) return join(stateHome, 'choria');
  if (host.homeDirectory !== undefined) return join(host.homeDirectory, '.local', 'state', 'choria');
  throw new ServerError(
    'ERR_SERVER_STATE_DIRECTORY',
    'Cannot tell where to remember executed requests: this user has no home directory; set plugin.choria.server.state_directory',
  );
}

/** @throws {ServerError} `ERR_SERVER_STATE_DIRECTORY` */
export async function prepareStateDirectory(directory: string, platform: Pick<Platform, 'files'>): Promise<void> {
  try {
    await platform.files.makeDirectory(directory, {mode: 0o700, recursive: true});
  } catch (cause) {
    throw new ServerError(
      'ERR_SERVER_STATE_DIRECTORY',
      `Cannot make the directory "${directory}", in which the server remembers executed requests: ${errorMessage(cause)}; set plugin.choria.server.state_directory to one that can be written`,
      {cause, details: {directory}},
    );
  }
}

/** As `serverStatePaths`, for programs that only look; undefined when there is no place. */
export function serverStateDirectory(config: Config, platform: Pick<Platform, 'host' | 'env'>): string | undefined {
  try {
    return serverStatePaths(config, platform).directory;
  } catch (error) {
    if (error instanceof ServerError) return undefined;
    throw error;
  }
}
