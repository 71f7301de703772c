/** Tokens, seeds and who may have issued them: the credentials of the `choria` provider. */
import {
  type ChoriaTrust,
  CryptoError,
  ed25519PublicFromSeed,
  ed25519PublicKey,
  isHexKey,
  parseSeed,
  readToken,
  type Token,
  type TokenPurpose,
  verifyToken,
} from '../crypto/index.ts';
import {seedBeside} from '../connect/index.ts';
import {fileExists} from '../lib/file-exists.ts';
import type {Platform} from '../lib/platform.ts';
import {endsSoon} from './credentials.ts';
import {type FileFact, inspectFile, textOf} from './files.ts';
import {dateText, finding, modeText, word} from './finding.ts';
import {doctorLimits} from './limits.ts';
import type {Finding, Subject} from './types.ts';

export interface TokenFacts {
  readonly subject: Subject;
  readonly token: FileFact;
  readonly seed: FileFact;
  /** Configured and not there. */
  readonly missing: readonly {readonly kind: 'certificate' | 'key' | 'ca'; readonly path: string}[];
  readonly isWindows: boolean;
}

/** Undefined for providers whose credentials are certificates. */
export async function collectTokens(subject: Subject, platform: Platform): Promise<TokenFacts | undefined> {
  const {config} = subject;
  if (config.get('plugin.security.provider') !== 'choria') return undefined;
  const tokenPath = config.get('plugin.security.choria.token_file');
  const seedPath = config.get('plugin.security.choria.seed_file') || seedBeside(tokenPath);
  const inspect = (path: string): Promise<FileFact> =>
    path === ''
      ? Promise.resolve({path, state: 'missing'})
      : inspectFile(platform.files, path, {limitBytes: doctorLimits.credentialBytesMax});
  const [token, seed] = await Promise.all([inspect(tokenPath), inspect(seedPath)]);
  const missing = await missingCertificates(subject, platform);
  return {subject, token, seed, missing, isWindows: platform.host.platform === 'win32'};
}

/** Beside tokens certificates need not be, but those that are configured count on being there. */
async function missingCertificates({config}: Subject, {files}: Platform): Promise<TokenFacts['missing']> {
  const missing: {kind: 'certificate' | 'key' | 'ca'; path: string}[] = [];
  for (const kind of ['certificate', 'key', 'ca'] as const) {
    const path = config.get(`plugin.security.choria.${kind}`);
    if (path !== '' && !(await fileExists(files, path))) missing.push({kind, path});
  }
  return missing;
}

export function judgeTokens(facts: TokenFacts): readonly Finding[] {
  const token = readable(facts.token);
  const publicKey = seedKey(facts);
  return [
    ...judgePresence(facts),
    ...(typeof token === 'string'
      ? [
          finding('token-unreadable', {
            cause: `${facts.token.path}: ${token}`,
            fix: `choria jwt view ${word(facts.token.path)}`,
          }),
        ]
      : token === undefined
        ? []
        : judgeToken(token, facts)),
    ...judgeSeed(facts, publicKey),
    ...(typeof token === 'object' && publicKey !== undefined && token.publicKey?.equals(publicKey) === false
      ? [
          finding('seed-mismatch', {
            cause: `${facts.seed.path} is not the seed of the token in ${facts.token.path}`,
            fix: `copy the seed that was made with ${word(facts.token.path)}`,
          }),
        ]
      : []),
  ];
}

function judgePresence({subject, token, seed, missing: absent}: TokenFacts): readonly Finding[] {
  const findings: Finding[] = absent.map(({kind, path}) =>
    finding(`${kind}-missing`, {cause: `${path} does not exist`, fix: `plugin.security.choria.${kind} = PATH`}),
  );
  const missing = (path: string, setting: string): string =>
    path === '' ? `${setting} is not set in ${subject.configPath}` : `${path} does not exist`;
  if (token.state === 'missing') {
    const setting = 'plugin.security.choria.token_file';
    findings.push(finding('token-missing', {cause: missing(token.path, setting), fix: `${setting} = PATH`}));
  }
  if (seed.state === 'missing' && seed.path !== '') {
    const setting = 'plugin.security.choria.seed_file';
    findings.push(finding('seed-missing', {cause: missing(seed.path, setting), fix: `${setting} = PATH`}));
  }
  return findings;
}

/** A text says why the token cannot be read. */
function readable(file: FileFact): Token | string | undefined {
  if (file.state === 'missing') return undefined;
  if (file.state === 'unreadable') return file.reason ?? 'it cannot be read';
  try {
    return readToken(textOf(file).trim());
  } catch (error) {
    return error instanceof CryptoError ? error.message : 'it is no token';
  }
}

function seedKey({seed}: TokenFacts): Buffer | undefined {
  if (seed.state !== 'present') return undefined;
  try {
    return Buffer.from(ed25519PublicFromSeed(parseSeed(textOf(seed))));
  } catch (error) {
    if (error instanceof CryptoError) return undefined;
    throw error;
  }
}

function judgeSeed({seed, isWindows}: TokenFacts, publicKey: Buffer | undefined): readonly Finding[] {
  if (seed.state === 'missing') return [];
  const findings: Finding[] = [];
  if (seed.state === 'unreadable' || publicKey === undefined) {
    const reason = seed.reason ?? 'it is not 64 hexadecimal digits';
    findings.push(finding('seed-unreadable', {cause: `${seed.path}: ${reason}`, fix: `wc -c ${word(seed.path)}`}));
  }
  const mode = seed.info?.mode ?? 0;
  if (!isWindows && (mode & 0o077) !== 0) {
    findings.push(
      finding('seed-mode', {cause: `${seed.path} has mode ${modeText(mode)}`, fix: `chmod 600 ${word(seed.path)}`}),
    );
  }
  return findings;
}

function judgeToken(token: Token, facts: TokenFacts): readonly Finding[] {
  const {role, config, nowMs} = facts.subject;
  const {path} = facts.token;
  const purpose: TokenPurpose = role === 'client' ? 'choria_client_id' : 'choria_server';
  if (token.purpose !== purpose) {
    const cause = `${path} has the purpose "${token.purpose}", and this is a ${role}`;
    return [finding('token-purpose', {cause, fix: `choria init ${role === 'client' ? 'user' : 'node'} NAME`})];
  }
  const findings: Finding[] = [];
  if (role === 'server' && token.name !== config.get('identity')) {
    const cause = `${path} is for "${token.name}", and this server is "${config.get('identity')}"`;
    findings.push(finding('token-name', {cause, fix: `identity = ${token.name}`}));
  }
  if (role === 'server') findings.push(...judgeTokenCollectives(token, facts));
  findings.push(...judgeTokenDates(token, {path, nowMs}));
  if (!isTrusted(facts, purpose)) {
    findings.push(
      finding('token-untrusted', {
        cause: `${path} is signed by nobody that ${facts.subject.configPath} trusts`,
        fix: `choria jwt view ${word(path)}`,
      }),
    );
  }
  return findings;
}

/** The broker lets a server listen in the collectives that its token names, and nowhere else. */
function judgeTokenCollectives(token: Token, {subject, token: {path}}: TokenFacts): readonly Finding[] {
  const {config} = subject;
  const named = token.claims['collectives'];
  const allowed: readonly unknown[] = Array.isArray(named) ? named : [];
  const missing = config.get('collectives').filter((name) => !allowed.includes(name));
  if (missing.length === 0) return [];
  const cause = `${path} is for ${allowed.length === 0 ? 'no collective' : allowed.join(', ')}, and this server is in ${missing.join(', ')}`;
  return [
    finding('token-collective', {
      cause,
      fix: `collectives = ${allowed.length === 0 ? 'NAME' : allowed.join(',')}, or a token of its collectives`,
    }),
  ];
}

function judgeTokenDates(token: Token, options: {readonly path: string; readonly nowMs: number}): readonly Finding[] {
  const {path, nowMs} = options;
  const fix = `choria init renew ${word(token.name)}`;
  const starts = token.claims['nbf'];
  const startMs = typeof starts === 'number' ? starts * 1_000 : 0;
  if (nowMs < startMs) {
    return [
      finding('token-future', {
        cause: `${path} begins ${dateText(startMs)}, and it is ${dateText(nowMs)} here`,
        fix: 'timedatectl status',
      }),
    ];
  }
  const endMs = token.expiresAtMs;
  if (endMs === undefined) return [];
  if (nowMs >= endMs) return [finding('token-expired', {cause: `${path} ended ${dateText(endMs)}`, fix})];
  if (!endsSoon(nowMs, {startMs, endMs})) return [];
  return [finding('token-expiring', {cause: `${path} ends ${dateText(endMs)}`, fix})];
}

/** Whether a key of the configuration signed it, as of a moment in its own life: dates are judged on their own. */
function isTrusted({subject, token}: TokenFacts, purpose: TokenPurpose): boolean {
  const trust = trustOf(subject);
  const keys = [...Object.values(trust.issuers ?? {}), ...(trust.trustedSigners ?? [])].filter(isHexKey);
  // Clients of issuers need not know them.
  if (keys.length === 0) return true;
  const text = textOf(token).trim();
  const {claims} = readToken(text);
  const startsAt = claims['nbf'] ?? claims['iat'];
  const nowMs = typeof startsAt === 'number' ? startsAt * 1_000 + 1 : subject.nowMs;
  return keys.some((key) => {
    try {
      verifyToken(text, {key: ed25519PublicKey(Buffer.from(key, 'hex')), purpose, nowMs});
      return true;
    } catch (error) {
      if (error instanceof CryptoError) return false;
      throw error;
    }
  });
}

function trustOf({config}: Subject): ChoriaTrust {
  const issuers = config
    .get('plugin.security.issuer.names')
    .map((name): [string, string] => [name, config.raw(`plugin.security.issuer.${name}.public`) ?? '']);
  return {issuers: Object.fromEntries(issuers), trustedSigners: config.get('plugin.security.choria.trusted_signers')};
}

/** Issuers and signers, of any program that may judge tokens. */
export function judgeTrust(subject: Subject): readonly Finding[] {
  const {config, role, configPath} = subject;
  const {issuers = {}, trustedSigners = []} = trustOf(subject);
  const findings: Finding[] = [];
  for (const [name, key] of Object.entries(issuers)) {
    const setting = `plugin.security.issuer.${name}.public`;
    if (key === '')
      findings.push(
        finding('issuer-missing', {cause: `${setting} is not set in ${configPath}`, fix: `${setting} = PUBLIC KEY`}),
      );
    else if (!isHexKey(key))
      findings.push(
        finding('issuer-invalid', {cause: `${setting} is no key`, fix: `${setting} = 64 hexadecimal digits`}),
      );
  }
  const bad = trustedSigners.filter((key) => !isHexKey(key));
  if (bad.length > 0) {
    const setting = 'plugin.security.choria.trusted_signers';
    findings.push(
      finding('issuer-invalid', {
        cause: `${setting} has ${bad.length} that ${bad.length === 1 ? 'is no key' : 'are no keys'}`,
        fix: `${setting} = 64 hexadecimal digits`,
      }),
    );
  }
  if (Object.keys(issuers).length > 0 && trustedSigners.length > 0) {
    findings.push(
      finding('issuer-conflict', {
        cause: `${configPath} has plugin.security.issuer.names and plugin.security.choria.trusted_signers`,
        fix: 'remove one of the two',
      }),
    );
  }
  const isChoria = config.get('plugin.security.provider') === 'choria';
  if (isChoria && role === 'server' && Object.keys(issuers).length === 0 && trustedSigners.length === 0) {
    findings.push(
      finding('trust-missing', {
        cause: `${configPath} names no issuer and no trusted signer`,
        fix: 'plugin.security.issuer.names = choria',
      }),
    );
  }
  return findings;
}
