/** Where the commands find agent and data descriptions: built in, in the configured library directories, in the registry's cache. */
import type {Config} from '../config/index.ts';
import {createDdlResolver, type DdlResolver} from '../ddl/index.ts';
import type {CliContext} from './types.ts';
import {version} from './version.ts';

export interface DescriptionOptions {
  /** Told of every file that could not be used. */
  readonly onProblem?: (message: string) => void;
}

export function openDescriptions(context: CliContext, config: Config, options: DescriptionOptions = {}): DdlResolver {
  const cacheDirectory = config.get('plugin.choria.services.registry.cache');
  const directories = [...config.get('libdir'), ...config.get('plugin.choria.agent_provider.mcorpc.libdir')];
  return createDdlResolver({
    files: context.platform.files,
    directories: [...new Set(directories)],
    version,
    ...(cacheDirectory ? {cacheDirectory} : {}),
    ...options,
  });
}
