/** Computed defaults, after every file has been read. Rules: spec/config.md section 6. */
import {dirname, join} from 'node:path';
import type {Platform} from '../lib/platform.ts';
import type {ConfigBuilder} from './builder.ts';
import {ConfigError} from './errors.ts';
import {findIdentity} from './identity.ts';

export interface VerifySwitches {
  readonly disableTlsVerify: boolean;
  readonly disableSecurityVerify: boolean;
}

export async function normalise(
  builder: ConfigBuilder,
  options: {readonly platform: Platform; readonly path: string | undefined},
): Promise<VerifySwitches> {
  const {platform, path} = options;
  const {values} = builder;
  if (builder.list('collectives').length === 0) {
    values.set('collectives', [builder.text('plugin.security.provider') === 'choria' ? 'choria' : 'mcollective']);
  }
  if (builder.text('main_collective') === '') values.set('main_collective', builder.list('collectives')[0] ?? '');
  if (builder.text('registration_collective') === '') {
    values.set('registration_collective', builder.text('main_collective'));
  }
  if (builder.text('loglevel') === '') values.set('loglevel', 'debug');
  if (platform.host.platform === 'win32') values.set('color', false);
  warnOfCollective(builder);
  const anonymousClient = useAnonymousClient(builder);
  const anonymousServer = useAnonymousServer(builder, path);
  if (builder.text('identity') === '') values.set('identity', await identityOf(platform));
  const disabled = anonymousClient || anonymousServer;
  return {disableTlsVerify: disabled, disableSecurityVerify: disabled};
}

function warnOfCollective(builder: ConfigBuilder): void {
  const main = builder.text('main_collective');
  const collectives = builder.list('collectives');
  if (collectives.includes(main)) return;
  builder.warnings.add(
    `"main_collective" is ${JSON.stringify(main)}, which is none of the collectives (${collectives.join(', ')}); expected one of them`,
  );
}

function useAnonymousClient(builder: ConfigBuilder): boolean {
  if (!builder.isTrue('plugin.security.client_anon_tls')) return false;
  const hasSigner =
    builder.text('plugin.choria.security.request_signer.url') !== '' ||
    builder.isTrue('plugin.choria.security.request_signer.service');
  if (hasSigner) return true;
  throw new ConfigError(
    'ERR_CONFIG_SIGNER_MISSING',
    'anonymous TLS can only be enabled when a remote signer is configured',
    {details: {key: 'plugin.security.client_anon_tls'}},
  );
}

function useAnonymousServer(builder: ConfigBuilder, path: string | undefined): boolean {
  if (!builder.isTrue('plugin.security.server_anon_tls')) return false;
  const places = [
    {key: 'plugin.choria.security.server.token_file', name: 'server.jwt', what: 'token'},
    {key: 'plugin.choria.security.server.seed_file', name: 'server.seed', what: 'seed'},
  ] as const;
  for (const {key, name, what} of places) {
    if (builder.text(key) !== '') continue;
    if (path === undefined) {
      throw new ConfigError('ERR_CONFIG_TOKEN_PLACE_UNKNOWN', `cannot determine path to server ${what} file`, {
        details: {key},
      });
    }
    builder.values.set(key, join(dirname(path), name));
  }
  return true;
}

async function identityOf(platform: Platform): Promise<string> {
  const identity = await findIdentity(platform);
  if (identity !== '') return identity;
  throw new ConfigError(
    'ERR_CONFIG_IDENTITY_UNKNOWN',
    'Cannot tell the name of this node: "identity" is not set and the host has no name, expected "identity = NAME" in the configuration',
  );
}
