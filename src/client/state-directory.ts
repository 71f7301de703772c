/** Where a client keeps what it remembers between two runs: private to the user. */
import {join} from 'node:path';
import type {Config} from '../config/types.ts';
import type {Platform} from '../lib/platform.ts';

/** Undefined where the user has no home and nothing is configured: then nothing is remembered. */
export function clientStateDirectory(config: Config, {host, env}: Pick<Platform, 'host' | 'env'>): string | undefined {
  const configured = config.get('plugin.choria.client.state_directory');
  if (configured !== '') return configured;
  const stateHome = env['XDG_STATE_HOME'];
  if (stateHome !== undefined && stateHome.startsWith('/')) return join(stateHome, 'choria');
  return host.homeDirectory === undefined ? undefined : join(host.homeDirectory, '.local', 'state', 'choria');
}
