/**
 * SIGHUP of a server: the log file is opened again, as log rotation wants it; a configuration that changed is taken over by stopping and
 * starting inside this process. What runs ends first, and a configuration that cannot be used changes nothing.
 */
import {type Config, loadConfig} from '../../config/index.ts';
import {errorMessage} from '../../lib/errors.ts';
import type {Logger} from '../../lib/logger.ts';
import type {Platform} from '../../lib/platform.ts';

export interface HangupOptions {
  readonly platform: Platform;
  readonly config: Config;
  readonly configPath: string;
  readonly logger: Logger & {reopen(): void};
  /** Waits for its configuration from a provisioner: the file is not ours to read. */
  readonly isProvisioning: boolean;
  /** Asks for the start with what is in the file now. */
  readonly reload: () => void;
}

/** What SIGHUP does; hangups that come while one is handled are one. */
export function createHangupHandler(options: HangupOptions): () => void {
  let busy = false;
  const handle = async (): Promise<void> => {
    const {logger, platform, config, configPath, isProvisioning} = options;
    try {
      logger.reopen();
      if (isProvisioning) {
        logger.info('Opened the log again; the configuration is left alone, as it comes from a provisioner');
        return;
      }
      const fresh = await loadConfig({platform, mode: 'server', path: configPath});
      const changed = changedSettings(config, fresh);
      if (changed.length === 0) {
        logger.info('Opened the log again; the configuration is as it was');
        return;
      }
      logger.warn(
        `Changed settings: ${changed.join(', ')}. They need a new start, which happens now inside this process when what runs has ended`,
      );
      options.reload();
    } catch (error) {
      logger.error(`Could not take the changed configuration over, the earlier one stays: ${errorMessage(error)}`);
    }
  };
  return () => {
    if (busy) return;
    busy = true;
    void handle().finally(() => {
      busy = false;
    });
  };
}

/** Names of settings that were added, removed or changed; values may be secrets. */
export function changedSettings(before: Config, after: Config): readonly string[] {
  const old = before.rawEntries();
  const now = after.rawEntries();
  return [...new Set([...old.keys(), ...now.keys()])].filter((key) => old.get(key) !== now.get(key)).sort();
}
