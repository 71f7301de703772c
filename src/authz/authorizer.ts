/** Picks the authorizer that the configuration asks for. */
import {posix} from 'node:path';
import type {Config} from '../config/types.ts';
import type {Logger} from '../lib/logger.ts';
import type {Platform} from '../lib/platform.ts';
import {type ActionPolicy, createActionPolicy} from './action-policy.ts';
import {createRegoEngine, type RegoEngine} from './rego/engine.ts';
import {createRegoRunner} from './rego/node-runner.ts';
import {createOpaCompiler} from './rego/opa.ts';
import {createRegoPolicy, type RegoPolicy} from './rego-policy.ts';
import {createTokenPolicy} from './token-policy.ts';
import type {AuthzNode, AuthzRequest, AuthzVerdict} from './types.ts';

/** Decides whether a caller may run an action; never rejects, and whatever it cannot judge is denied. */
export interface ActionAuthorizer {
  readonly name: string;
  authorize(request: AuthzRequest, node: AuthzNode): Promise<AuthzVerdict>;
}

export interface AuthorizerOptions {
  readonly platform: Pick<Platform, 'files' | 'processes' | 'env' | 'host' | 'clock'>;
  readonly logger: Logger;
  /** Where compiled policies are kept across restarts; in memory only when left out. */
  readonly cacheDirectory?: string;
  /** In place of an own engine, for programs with several servers. */
  readonly engine?: RegoEngine;
}

/** @returns undefined when `rpcauthorization` is off */
export async function createAuthorizer(
  config: Config,
  options: AuthorizerOptions,
): Promise<ActionAuthorizer | undefined> {
  if (!config.get('rpcauthorization')) return undefined;
  const provider = config.get('rpcauthprovider');
  switch (provider.toLowerCase()) {
    case 'action_policy':
      return actionPolicyOf(config, options);
    case 'rego_policy':
      return regoPolicyOf(config, options);
    case 'aaasvc':
    case 'aaasvc_policy':
      return createTokenPolicy({
        engine: options.engine ?? regoEngineOf(config, options),
        site: 'server',
        logger: options.logger,
      });
    default: {
      const reason = `Unsupported authorization provider: ${provider}`;
      options.logger.error(`${reason}, every request is denied`);
      return {name: provider, authorize: async () => ({allowed: false, reason})};
    }
  }
}

/** The action policy of this configuration, also for `policy explain`. */
export function actionPolicyOf(
  config: Config,
  {platform, logger}: {readonly platform: Pick<Platform, 'files'>; readonly logger: Logger},
): ActionPolicy {
  const directory = policiesDirectory(config);
  const useDefault = isTrue(config.raw('plugin.actionpolicy.enable_default'));
  return createActionPolicy({
    files: platform.files,
    logger,
    directory,
    defaultName: useDefault ? (config.raw('plugin.actionpolicy.default_name') ?? 'default') : undefined,
    allowUnconfigured: isTrue(config.raw('plugin.actionpolicy.allow_unconfigured')),
    classesKnown: config.get('classesfile') !== '',
  });
}

/** The Rego policies of this configuration, also for `policy explain`. */
export function regoPolicyOf(config: Config, options: AuthorizerOptions): RegoPolicy {
  const directory = policiesDirectory(config);
  return createRegoPolicy({
    files: options.platform.files,
    logger: options.logger,
    directory: directory === undefined ? undefined : posix.join(directory, 'rego'),
    engine: options.engine ?? regoEngineOf(config, options),
    isTracing: isTrue(config.raw('plugin.regopolicy.tracing')) || config.get('loglevel') === 'debug',
  });
}

/** The engine for Rego that this configuration describes; nothing starts before the first policy. */
export function regoEngineOf(config: Config, options: Omit<AuthorizerOptions, 'engine' | 'logger'>): RegoEngine {
  const program = config.get('plugin.regopolicy.opa');
  return createLocalRegoEngine({...options, ...(program === '' ? {} : {program})});
}

/** @param options.program  the opa program; `opa` on the PATH when left out */
export function createLocalRegoEngine(
  options: Omit<AuthorizerOptions, 'engine' | 'logger'> & {readonly program?: string},
): RegoEngine {
  const {platform, cacheDirectory, program} = options;
  return createRegoEngine({
    clock: platform.clock,
    runner: createRegoRunner({clock: platform.clock}),
    compiler: createOpaCompiler({
      platform,
      ...(program === undefined ? {} : {program}),
      ...(cacheDirectory === undefined ? {} : {cacheDirectory}),
    }),
  });
}

function policiesDirectory(config: Config): string | undefined {
  return config.path === undefined ? undefined : posix.join(posix.dirname(config.path), 'policies');
}

/** The words that switch something on; everything else leaves it off. */
function isTrue(text: string | undefined): boolean {
  return ['1', 'yes', 'true', 'y', 't'].includes((text ?? '').trim().toLowerCase());
}
