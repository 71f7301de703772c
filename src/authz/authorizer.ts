/** Picks the authorizer that the configuration asks for. */
import {posix} from 'node:path';
import type {Config} from '../config/types.ts';
import type {Logger} from '../lib/logger.ts';
import type {Platform} from '../lib/platform.ts';
import {type ActionPolicy, createActionPolicy} from './action-policy.ts';
import type {AuthzNode, AuthzRequest, AuthzVerdict} from './types.ts';

/** Decides whether a caller may run an action; never rejects, and whatever it cannot judge is denied. */
export interface ActionAuthorizer {
  readonly name: string;
  authorize(request: AuthzRequest, node: AuthzNode): Promise<AuthzVerdict>;
}

export interface AuthorizerOptions {
  readonly platform: Pick<Platform, 'files'>;
  readonly logger: Logger;
}

/** @returns undefined when `rpcauthorization` is off */
export async function createAuthorizer(
  config: Config,
  options: AuthorizerOptions,
): Promise<ActionAuthorizer | undefined> {
  if (!config.get('rpcauthorization')) return undefined;
  const provider = config.get('rpcauthprovider');
  if (provider.toLowerCase() === 'action_policy') return actionPolicyOf(config, options);
  const reason = `Unsupported authorization provider: ${provider}`;
  options.logger.error(`${reason}, every request is denied`);
  return {name: provider, authorize: async () => ({allowed: false, reason})};
}

/** The action policy of this configuration, also for `policy explain`. */
export function actionPolicyOf(config: Config, {platform, logger}: AuthorizerOptions): ActionPolicy {
  const {path} = config;
  const useDefault = isTrue(config.raw('plugin.actionpolicy.enable_default'));
  return createActionPolicy({
    files: platform.files,
    logger,
    directory: path === undefined ? undefined : posix.join(posix.dirname(path), 'policies'),
    defaultName: useDefault ? (config.raw('plugin.actionpolicy.default_name') ?? 'default') : undefined,
    allowUnconfigured: isTrue(config.raw('plugin.actionpolicy.allow_unconfigured')),
    classesKnown: config.get('classesfile') !== '',
  });
}

/** The words that switch something on; everything else leaves it off. */
function isTrue(text: string | undefined): boolean {
  return ['1', 'yes', 'true', 'y', 't'].includes((text ?? '').trim().toLowerCase());
}
