/**
 * Sends a configured node back to waiting: a short configuration that asks for it, in place of the one it has.
 *
 * Unlike the reference the node keeps its name, so whoever sent it back finds it again.
 */
import type {Config} from '../config/types.ts';
import {errorMessage} from '../lib/errors.ts';
import type {Platform} from '../lib/platform.ts';
import {ActionFailure} from '../rpc/index.ts';
import type {RpcRequest} from '../rpc/types.ts';

const keptKeys = [
  'identity',
  'logfile',
  'plugin.choria.server.state_directory',
  'plugin.choria.registration.file_content.data',
  'plugin.choria.registration.file_content.target',
] as const;

/** @throws {ActionFailure} and the configuration is as before */
export async function reprovisionNode(options: {
  readonly platform: Platform;
  readonly config: Config;
  readonly configPath: string;
  readonly request: RpcRequest;
}): Promise<void> {
  const {platform, config, configPath, request} = options;
  const kept = keptKeys.flatMap((key) => {
    const value = key === 'identity' ? config.get(key) : (config.raw(key) ?? '');
    return value === '' ? [] : [`${key}=${value}`];
  });
  const isRegistering = config.raw('plugin.choria.registration.file_content.data') !== undefined;
  const lines = [
    `# sent back to provisioning mode in request ${request.requestId} at ${new Date(platform.clock.nowMs()).toISOString()}`,
    'plugin.choria.server.provision=1',
    'loglevel=debug',
    ...(isRegistering ? ['registration=file_content'] : []),
    ...kept,
  ];
  try {
    const path = await platform.files.realPath(configPath);
    await platform.files.writeAtomic(path, `${lines.join('\n')}\n`, {mode: 0o600});
  } catch (cause) {
    throw new ActionFailure(`Could not write configuration: ${errorMessage(cause)}`, {cause});
  }
}
