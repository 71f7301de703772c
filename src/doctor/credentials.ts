/** Certificates, keys and authorities: there, readable, private, fitting, valid, trusted, for this use and of this name. */
import {createPrivateKey, type KeyObject} from 'node:crypto';
import {join} from 'node:path';
import {keySpec} from '../config/index.ts';
import {
  type Certificate,
  createNameMatcher,
  defaultAllowedCallers,
  defaultPrivilegedCallers,
  puppetPaths,
  readCertificates,
} from '../crypto/index.ts';
import type {Platform} from '../lib/platform.ts';
import {type FileFact, inspectFile, textOf} from './files.ts';
import {dateText, finding, modeText, word} from './finding.ts';
import type {FindingCode} from './kinds.ts';
import {doctorLimits} from './limits.ts';
import type {Finding, Subject} from './types.ts';

type CredentialKind = 'certificate' | 'key' | 'ca';

interface CredentialFile {
  readonly kind: CredentialKind;
  /** The setting that names it. */
  readonly setting: string;
  /** Absent: not configured. */
  readonly file?: FileFact;
}

export interface CredentialFacts {
  readonly subject: Subject;
  /** Who this process says it is. */
  readonly certname: string;
  readonly files: readonly CredentialFile[];
  readonly isWindows: boolean;
}

/** Undefined for providers whose credentials are tokens, but for brokers: they need a certificate in any case. */
export async function collectCredentials(subject: Subject, platform: Platform): Promise<CredentialFacts | undefined> {
  const {config} = subject;
  const provider = config.get('plugin.security.provider');
  if (provider !== 'file' && provider !== 'puppet' && provider !== 'choria') return undefined;
  if (provider === 'choria' && subject.role !== 'broker') return undefined;
  const certname = certnameOf(subject, platform);
  const paths = provider === 'puppet' ? puppetFiles(subject, {platform, certname}) : configuredPaths(subject, provider);
  const files = await Promise.all(
    paths.map(async ({kind, setting, path}): Promise<CredentialFile> => {
      if (path === '') return {kind, setting};
      return {
        kind,
        setting,
        file: await inspectFile(platform.files, path, {limitBytes: doctorLimits.credentialBytesMax}),
      };
    }),
  );
  return {subject, certname, files, isWindows: platform.host.platform === 'win32'};
}

interface CredentialPath {
  readonly kind: CredentialKind;
  readonly setting: string;
  readonly path: string;
}

function configuredPaths({config}: Subject, provider: 'file' | 'choria'): readonly CredentialPath[] {
  return (['certificate', 'key', 'ca'] as const).map((kind) => {
    const setting = `plugin.security.${provider}.${kind}` as const;
    return {kind, setting, path: config.get(setting)};
  });
}

function puppetFiles(
  {config}: Subject,
  {platform, certname}: {readonly platform: Platform; readonly certname: string},
): readonly CredentialPath[] {
  const {host} = platform;
  const own = host.uid !== 0 && host.homeDirectory !== undefined;
  const standard = own ? join(host.homeDirectory ?? '', '.puppetlabs/etc/puppet/ssl') : '/etc/puppetlabs/puppet/ssl';
  const directory = config.get('plugin.choria.ssldir') || standard;
  const {certificatePath, keyPath, caPath} = puppetPaths(directory, certname);
  const setting = 'plugin.choria.ssldir';
  return [
    {kind: 'certificate', setting, path: certificatePath},
    {kind: 'key', setting, path: keyPath},
    {kind: 'ca', setting, path: caPath},
  ];
}

/** As the providers choose it: the variable, for callers the user's name, else the identity. */
function certnameOf({config, role}: Subject, platform: Platform): string {
  const {env, host} = platform;
  const override = env['MCOLLECTIVE_CERTNAME'] ?? '';
  if (override !== '') return override;
  const user = env['USER'] ?? '';
  const isUser = role === 'client' && user !== '';
  if (config.get('plugin.security.provider') === 'puppet')
    return isUser ? `${user}.mcollective` : config.get('identity');
  return isUser && host.uid !== 0 && host.platform !== 'win32' ? `${user}.mcollective` : config.get('identity');
}

export function judgeCredentials(facts: CredentialFacts): readonly Finding[] {
  const findings: Finding[] = facts.files.flatMap((item) => judgeFile(item, facts));
  const certificates = parsed(facts, 'certificate');
  const authorities = parsed(facts, 'ca');
  const leaf = typeof certificates === 'string' ? undefined : certificates?.[0];
  const key = privateKey(facts);
  if (typeof certificates === 'string') findings.push(unreadable('certificate', facts, certificates));
  if (typeof authorities === 'string') findings.push(unreadable('ca', facts, authorities));
  if (typeof key === 'string') findings.push(unreadable('key', facts, key));
  if (typeof key === 'object') findings.push(...judgeKey(key, {leaf, facts}));
  if (leaf !== undefined) findings.push(...judgeCertificate(leaf, facts));
  if (typeof authorities === 'object') {
    findings.push(...judgeAuthorities(authorities, facts));
    if (leaf !== undefined && !isIssued(certificates as readonly Certificate[], authorities)) {
      findings.push(
        finding('certificate-untrusted', {
          cause: `"${leaf.commonName}" in ${pathOf(facts, 'certificate')} was not issued by an authority in ${pathOf(facts, 'ca')}`,
          fix: `openssl verify -CAfile ${word(pathOf(facts, 'ca'))} ${word(pathOf(facts, 'certificate'))}`,
        }),
      );
    }
  }
  return findings;
}

function fileOf(facts: CredentialFacts, kind: CredentialKind): FileFact | undefined {
  return facts.files.find((item) => item.kind === kind)?.file;
}

function pathOf(facts: CredentialFacts, kind: CredentialKind): string {
  return fileOf(facts, kind)?.path ?? '';
}

const titles: Readonly<Record<CredentialKind, string>> = {
  certificate: 'certificate',
  key: 'private key',
  ca: 'authority',
};

function judgeFile({kind, setting, file}: CredentialFile, facts: CredentialFacts): readonly Finding[] {
  const {configPath} = facts.subject;
  if (file === undefined) {
    const cause = `${setting} is not set in ${configPath}`;
    return [finding(`${kind}-not-configured`, {cause, fix: `${setting} = PATH`})];
  }
  const {path} = file;
  if (file.state === 'missing') {
    const fix = `choria init renew or copy the ${titles[kind]} to ${word(path)}; or ${setting} = PATH`;
    return [finding(`${kind}-missing`, {cause: `${path} does not exist`, fix})];
  }
  if (file.state === 'unreadable') {
    return [
      finding(`${kind}-unreadable`, {
        cause: `${path}: ${file.reason ?? 'it cannot be read'}`,
        fix: `ls -l ${word(path)}`,
      }),
    ];
  }
  const mode = file.info?.mode ?? 0;
  if (kind !== 'key' || facts.isWindows || (mode & 0o077) === 0) return [];
  return [finding('key-mode', {cause: `${path} has mode ${modeText(mode)}`, fix: `chmod 600 ${word(path)}`})];
}

/** Certificates of a file; a text says why there are none. */
function parsed(facts: CredentialFacts, kind: 'certificate' | 'ca'): readonly Certificate[] | string | undefined {
  const file = fileOf(facts, kind);
  if (file?.state !== 'present') return undefined;
  try {
    const found = readCertificates(textOf(file), 256);
    return found.length === 0 ? 'it holds no certificate in PEM text' : found;
  } catch (error) {
    return (error as Error).message;
  }
}

/** The message of the library is left out: it may quote from the key. */
function privateKey(facts: CredentialFacts): KeyObject | string | undefined {
  const file = fileOf(facts, 'key');
  if (file?.state !== 'present') return undefined;
  try {
    return createPrivateKey(textOf(file));
  } catch {
    return 'it holds no private key in PEM text without a passphrase';
  }
}

function unreadable(kind: CredentialKind, facts: CredentialFacts, reason: string): Finding {
  const path = pathOf(facts, kind);
  const tool = kind === 'key' ? 'pkey -noout' : 'x509 -noout -subject';
  return finding(`${kind}-unreadable`, {cause: `${path}: ${reason}`, fix: `openssl ${tool} -in ${word(path)}`});
}

const rsaBitsMin = 2_048;

function judgeKey(
  key: KeyObject,
  {leaf, facts}: {readonly leaf: Certificate | undefined; readonly facts: CredentialFacts},
): readonly Finding[] {
  const path = pathOf(facts, 'key');
  if (leaf !== undefined && !leaf.x509.checkPrivateKey(key)) {
    return [
      finding('key-mismatch', {
        cause: `${path} is not the key of "${leaf.commonName}" in ${pathOf(facts, 'certificate')}`,
        fix: `copy the key that was made with ${word(pathOf(facts, 'certificate'))}, or choria init user|node NAME --force`,
      }),
    ];
  }
  const {role} = facts.subject;
  const kind = key.asymmetricKeyType ?? 'unknown';
  if (role === 'client' && kind !== 'rsa') {
    return [finding('key-kind', {cause: `${path} is a key of type ${kind}`, fix: 'choria init user NAME --force'})];
  }
  const bits = key.asymmetricKeyDetails?.modulusLength ?? rsaBitsMin;
  if (kind === 'rsa' && bits < rsaBitsMin) {
    return [finding('key-weak', {cause: `${path} has ${bits} bits`, fix: 'choria init user NAME --force'})];
  }
  return [];
}

/** Ends within a month, or within a quarter of its life when that is shorter. */
export function endsSoon(nowMs: number, life: {readonly startMs: number; readonly endMs: number}): boolean {
  return life.endMs - nowMs < Math.min(doctorLimits.expirySoonMs, (life.endMs - life.startMs) / 4);
}

function judgeCertificate(leaf: Certificate, facts: CredentialFacts): readonly Finding[] {
  return [...judgeDates(leaf, facts), ...judgeUsage(leaf, facts), ...judgeName(leaf, facts)];
}

function judgeDates(leaf: Certificate, facts: CredentialFacts): readonly Finding[] {
  const {nowMs} = facts.subject;
  const what = `"${leaf.commonName}" in ${pathOf(facts, 'certificate')}`;
  const fix = `choria init renew ${word(leaf.commonName)}`;
  if (nowMs >= leaf.notAfterMs) {
    return [finding('certificate-expired', {cause: `${what} ended ${dateText(leaf.notAfterMs)}`, fix})];
  }
  if (nowMs < leaf.notBeforeMs) {
    const cause = `${what} begins ${dateText(leaf.notBeforeMs)}, and it is ${dateText(nowMs)} here`;
    return [finding('certificate-future', {cause, fix: 'timedatectl status'})];
  }
  if (!endsSoon(nowMs, {startMs: leaf.notBeforeMs, endMs: leaf.notAfterMs})) return [];
  return [finding('certificate-expiring', {cause: `${what} ends ${dateText(leaf.notAfterMs)}`, fix})];
}

const usages = {clientAuth: '1.3.6.1.5.5.7.3.2', serverAuth: '1.3.6.1.5.5.7.3.1', any: '2.5.29.37.0'} as const;

function judgeUsage(leaf: Certificate, facts: CredentialFacts): readonly Finding[] {
  const wanted = facts.subject.role === 'broker' ? 'serverAuth' : 'clientAuth';
  const allowed = leaf.extendedKeyUsages;
  if (allowed === undefined || allowed.includes(usages[wanted]) || allowed.includes(usages.any)) return [];
  const cause = `"${leaf.commonName}" in ${pathOf(facts, 'certificate')} is not for ${wanted}`;
  return [finding('certificate-usage', {cause, fix: `issue it anew with extendedKeyUsage = ${wanted}`})];
}

function judgeName(leaf: Certificate, facts: CredentialFacts): readonly Finding[] {
  const {role, config, configPath} = facts.subject;
  const names = [leaf.commonName, ...leaf.dnsNames].filter((name) => name !== '');
  const path = pathOf(facts, 'certificate');
  const shown = names.map((name) => JSON.stringify(name)).join(', ');
  if (role === 'broker') return judgeBrokerName(names, facts);
  const patterns = [
    ...config.get('plugin.choria.security.certname_whitelist'),
    ...config.get('plugin.choria.security.privileged_users'),
  ];
  const callers = createNameMatcher(
    patterns.length === 0 ? [...defaultAllowedCallers, ...defaultPrivilegedCallers] : patterns,
  );
  const findings: Finding[] = [];
  if (!names.includes(facts.certname)) {
    const fix =
      role === 'client'
        ? `export MCOLLECTIVE_CERTNAME=${word(leaf.commonName)}`
        : `identity = ${leaf.commonName} in ${configPath}`;
    findings.push(
      finding('certificate-name', {cause: `${path} is for ${shown}, and this ${role} is "${facts.certname}"`, fix}),
    );
  } else if (role === 'client' && !callers.matches(facts.certname)) {
    const cause = `"${facts.certname}" matches none of ${callers.patterns.join(', ')}`;
    findings.push(finding('certificate-not-caller', {cause, fix: 'choria init user NAME'}));
  }
  const caller = names.find((name) => callers.matches(name));
  if (role === 'server' && caller !== undefined) {
    const cause = `${path} is for ${shown}, and "${caller}" is the name of a caller`;
    findings.push(
      finding('certificate-node-is-caller', {cause, fix: 'choria init node NAME, and use its certificate'}),
    );
  }
  return findings;
}

function judgeBrokerName(names: readonly string[], facts: CredentialFacts): readonly Finding[] {
  const {config} = facts.subject;
  const url = config.get('plugin.choria.network.public_url');
  const wanted = [config.get('identity'), ...(url === '' ? [] : [url.replace(/:\d+$/, '')])];
  const missing = wanted.filter((name) => !names.some((item) => coversName(item, name)));
  if (missing.length === 0) return [];
  return [
    finding('certificate-broker-name', {
      cause: `${pathOf(facts, 'certificate')} is for ${names.join(', ')}, and the broker is ${missing.join(', ')}`,
      fix: `issue it anew with subjectAltName = ${missing.map((name) => `DNS:${name}`).join(', ')}`,
    }),
  ];
}

function coversName(pattern: string, name: string): boolean {
  const [a, b] = [pattern.toLowerCase(), name.toLowerCase()];
  return a === b || (a.startsWith('*.') && b.includes('.') && b.slice(b.indexOf('.')) === a.slice(1));
}

function judgeAuthorities(authorities: readonly Certificate[], facts: CredentialFacts): readonly Finding[] {
  const {nowMs} = facts.subject;
  const path = pathOf(facts, 'ca');
  const judged = (code: FindingCode, cause: string, fix: string): Finding => finding(code, {cause, fix});
  const real = authorities.filter((item) => item.isAuthority && item.maySignCertificates);
  if (real.length === 0) {
    const shown = authorities.map((item) => JSON.stringify(item.commonName)).join(', ');
    return [
      judged(
        'ca-not-authority',
        `${path} holds ${shown}, which may not issue certificates`,
        `copy the authority to ${word(path)}`,
      ),
    ];
  }
  // Old authorities may stay in a bundle beside their successors.
  const last = real.reduce((a, b) => (a.notAfterMs >= b.notAfterMs ? a : b));
  const what = `"${last.commonName}" in ${path}`;
  if (nowMs >= last.notAfterMs) {
    return [
      judged(
        'ca-expired',
        `${what} ended ${dateText(last.notAfterMs)}`,
        'choria init --force, and copy the new files to everybody',
      ),
    ];
  }
  if (!endsSoon(nowMs, {startMs: last.notBeforeMs, endMs: last.notAfterMs})) return [];
  return [
    judged(
      'ca-expiring',
      `${what} ends ${dateText(last.notAfterMs)}`,
      'plan a new authority: both can stand in one file',
    ),
  ];
}

const depthMax = 8;

/** Whether signatures lead from the leaf to a root; dates and uses are judged on their own. */
function isIssued(chain: readonly Certificate[], roots: readonly Certificate[]): boolean {
  let current = chain[0];
  for (let depth = 0; current !== undefined && depth < depthMax; depth += 1) {
    const child: Certificate = current;
    if (roots.some((root) => signed(child, root))) return true;
    current = chain.slice(1).find((item) => signed(child, item));
  }
  return false;
}

export function signed(child: Certificate, parent: Certificate): boolean {
  return child.issuerDer.equals(parent.subjectDer) && child.x509.verify(parent.publicKey());
}

export function judgeProvider(subject: Subject): readonly Finding[] {
  const provider = subject.config.get('plugin.security.provider');
  if (keySpec('plugin.security.provider').allowed?.includes(provider) === true) return [];
  const cause = `plugin.security.provider is "${provider}" in ${subject.configPath}`;
  return [finding('provider-unknown', {cause, fix: 'plugin.security.provider = file'})];
}

const cipherForm = /^TLS_[A-Z0-9_]+$/;
const curves: readonly string[] = ['X25519', 'CurveP256', 'CurveP384', 'CurveP521'];

/** Settings of TLS and of who may call. */
export function judgeTrustSettings({config}: Subject): readonly Finding[] {
  const ciphers = config.get('plugin.security.cipher_suites').filter((name) => !cipherForm.test(name));
  const unknownCurves = config.get('plugin.security.ecc_curves').filter((name) => !curves.includes(name));
  const findings: Finding[] = [];
  if (ciphers.length > 0) {
    const cause = `plugin.security.cipher_suites has ${ciphers.join(', ')}`;
    findings.push(finding('tls-setting-unknown', {cause, fix: 'remove plugin.security.cipher_suites'}));
  }
  if (unknownCurves.length > 0) {
    const cause = `plugin.security.ecc_curves has ${unknownCurves.join(', ')}`;
    findings.push(finding('tls-setting-unknown', {cause, fix: `plugin.security.ecc_curves = ${curves.join(',')}`}));
  }
  for (const key of ['plugin.choria.security.certname_whitelist', 'plugin.choria.security.privileged_users'] as const) {
    const {invalid} = createNameMatcher(config.get(key));
    if (invalid.length === 0) continue;
    const cause = `${key} has ${invalid.map((pattern) => JSON.stringify(pattern)).join(', ')}`;
    findings.push(finding('caller-pattern-invalid', {cause, fix: `${key} = \\.mcollective$`}));
  }
  return findings;
}
