/**
 * What a machine becomes that asks to be provisioned.
 *
 * Whoever holds the token of an image may ask. It becomes a node of a name that nobody has: a name that was given out stays with its key until it is revoked.
 */
import {join} from 'node:path';
import {
  createCertificateVerifier,
  issueCertificate,
  parseCertificateRequest,
  readCertificates,
} from '../crypto/index.ts';
import {isJsonObject, jsonField, parseJson} from '../lib/json.ts';
import {configurationText} from './configuration.ts';
import type {OrganisationPlatform} from './create.ts';
import {OrganisationError} from './errors.ts';
import type {Authority} from './issue.ts';
import {organisationLimits} from './limits.ts';
import {readAuthority, rolesOf, writeRecord} from './members.ts';
import {checkHostName} from './names.ts';
import {policiesByCaller} from './policies.ts';
import {readOrganisation, readRecords} from './records.ts';
import {readRevocations, revokedSerials} from './revocations.ts';
import type {IssuedRecord, Organisation} from './types.ts';

/** What the provisioner tells of a node; read with suspicion, because most of it is the node's own word. */
interface NodeQuestion {
  readonly identity: string;
  /** Hex, with tokens. */
  readonly publicKey: string | undefined;
  /** PEM, with certificates. */
  readonly request: string | undefined;
  /** Absolute folder of the node's configuration. */
  readonly directory: string;
}

/**
 * The answer of a provisioner's helper for one node, as JSON text; a node that cannot be one is deferred, with the reason.
 *
 * @throws {OrganisationError} when the organisation cannot be read, or the question cannot be understood
 */
export async function answerProvisioner(
  platform: OrganisationPlatform,
  options: {readonly directory: string; readonly question: Uint8Array},
): Promise<string> {
  const {files, clock} = platform;
  const {directory} = options;
  const organisation = await readOrganisation(files, directory);
  const question = readQuestion(options.question);
  const records = await readRecords(files, directory);
  const withdrawn = revokedSerials(await readRevocations(files, directory));
  const inForce = records.filter((record) => !withdrawn.has(record.serial) && record.expiresAtMs > clock.nowMs());
  const problem = problemOf(question, {organisation, inForce});
  if (problem !== undefined) return JSON.stringify({defer: true, msg: problem});
  const authority = await readAuthority(files, organisation);
  const policies = policiesByCaller(
    rolesOf(
      records.filter((record) => !withdrawn.has(record.serial)),
      organisation.security,
    ),
  );
  const given =
    organisation.security === 'jwt'
      ? await becomeByToken(platform, {directory, question, authority})
      : await becomeByCertificate(platform, {directory, question, authority});
  return JSON.stringify({
    configuration: settingsOf(question, organisation),
    ca: authority.certificatePem,
    ssldir: join(question.directory, 'ssl'),
    action_policies: policies,
    ...given,
  });
}

function readQuestion(bytes: Uint8Array): NodeQuestion {
  const invalid = (reason: string): OrganisationError =>
    new OrganisationError('ERR_ORGANISATION_MEMBER', `Cannot answer the provisioner: ${reason}`);
  let document: unknown;
  try {
    document = parseJson(bytes, {bytesMax: organisationLimits.questionBytesMax});
  } catch (cause) {
    throw new OrganisationError(
      'ERR_ORGANISATION_MEMBER',
      'Cannot answer the provisioner: expected JSON on standard input',
      {cause},
    );
  }
  if (!isJsonObject(document)) throw invalid('expected a JSON object on standard input');
  const text = (value: unknown, name: string): string | undefined => {
    const item = isJsonObject(value) ? jsonField(value, name) : undefined;
    return typeof item === 'string' && item !== '' ? item : undefined;
  };
  const [csr, key] = [jsonField(document, 'csr'), jsonField(document, 'ed25519_pubkey')];
  const sslDirectory = text(csr, 'ssldir');
  const place = text(key, 'directory') ?? (sslDirectory === undefined ? undefined : join(sslDirectory, '..'));
  if (place === undefined || !place.startsWith('/') || /[\u0000-\u001f\u007f:]/.test(place)) {
    throw invalid('the node gave neither a key nor a signing request with its folder');
  }
  return {
    identity: text(document, 'identity') ?? '',
    publicKey: text(key, 'public_key'),
    request: text(csr, 'csr'),
    directory: place,
  };
}

function problemOf(
  {identity, publicKey, request}: NodeQuestion,
  {organisation, inForce}: {readonly organisation: Organisation; readonly inForce: readonly IssuedRecord[]},
): string | undefined {
  try {
    checkHostName('a node', identity);
  } catch (error) {
    if (error instanceof OrganisationError) return error.message;
    throw error;
  }
  const isJwt = organisation.security === 'jwt';
  if (isJwt && !/^[0-9a-f]{64}$/.test(publicKey ?? '')) return 'the node gave no ed25519 key';
  if (!isJwt && request === undefined) return 'the node gave no signing request';
  // Names of hosts are the same in any case, and so are names of folders on some machines.
  const isSame = (name: string): boolean => name.toLowerCase() === identity.toLowerCase();
  const known = inForce.find((record) => isSame(record.name));
  if (known === undefined || (isJwt && known.publicKey === publicKey && known.name === identity)) return undefined;
  return `there is a ${known.kind} ${known.name} already; when this is the same machine anew: choria init revoke ${known.name}`;
}

interface Becoming {
  readonly directory: string;
  readonly question: NodeQuestion;
  readonly authority: Authority;
}

/** The provisioner signs the token; what is remembered here is its key, by which it can be revoked. */
async function becomeByToken(
  platform: OrganisationPlatform,
  {directory, question, authority}: Becoming,
): Promise<object> {
  const {identity, publicKey = ''} = question;
  const nowMs = platform.clock.nowMs();
  await writeRecord(platform.files, directory, {
    kind: 'node',
    name: identity,
    serial: publicKey,
    issuedAtMs: nowMs,
    expiresAtMs: nowMs + organisationLimits.memberValidityMs,
    publicKey,
  });
  // A certificate is written only together with an authority: the authority's own stands in, for nodes with tokens have none.
  return {certificate: authority.certificatePem};
}

async function becomeByCertificate(
  platform: OrganisationPlatform,
  {directory, question, authority}: Becoming,
): Promise<object> {
  const {identity, request = ''} = question;
  const nowMs = platform.clock.nowMs();
  const asked = parseCertificateRequest(request);
  const {certificatePem} = await issueCertificate({
    authority,
    commonName: identity,
    dnsNames: [identity],
    usages: ['clientAuth'],
    nowMs,
    random: platform.random,
    validityMs: organisationLimits.memberValidityMs,
    publicKeyPem: asked.publicKey.export({type: 'spki', format: 'pem'}).toString(),
  });
  const [leaf] = readCertificates(certificatePem, 1);
  createCertificateVerifier(authority.certificatePem).verifyClient(certificatePem, nowMs);
  await writeRecord(platform.files, directory, {
    kind: 'node',
    name: identity,
    serial: leaf?.x509.serialNumber.toLowerCase() ?? '',
    issuedAtMs: nowMs,
    expiresAtMs: leaf?.notAfterMs ?? nowMs,
    certificatePem,
  });
  return {certificate: certificatePem};
}

/** The configuration of any node, with the files where provisioning puts them. */
function settingsOf({identity, directory}: NodeQuestion, organisation: Organisation): Readonly<Record<string, string>> {
  const text = configurationText('node', {organisation, name: identity, target: directory});
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const settings = Object.fromEntries(
    lines.map((line) => {
      const at = line.indexOf('=');
      return [line.slice(0, at).trim(), line.slice(at + 1).trim()];
    }),
  );
  const ssl = join(directory, 'ssl');
  const places =
    organisation.security === 'jwt'
      ? {
          'plugin.security.choria.token_file': join(directory, 'server.jwt'),
          'plugin.security.choria.seed_file': join(directory, 'server.seed'),
          'plugin.security.choria.ca': join(ssl, 'ca.pem'),
        }
      : {
          'plugin.security.file.certificate': join(ssl, 'certificate.pem'),
          'plugin.security.file.key': join(ssl, 'private.pem'),
          'plugin.security.file.ca': join(ssl, 'ca.pem'),
        };
  // Lists of revoked certificates come later, when somebody copies them.
  const {'plugin.security.crl_file': _list, ...rest} = settings;
  return {...rest, ...places, 'plugin.choria.server.provision': 'false'};
}
