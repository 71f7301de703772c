/** The files that say what an organisation is and what was issued in it. Read with suspicion: people edit files. */
import {join} from 'node:path';
import {isJsonObject, type JsonObject, jsonField, parseJson} from '../lib/json.ts';
import {errorMessage} from '../lib/errors.ts';
import type {Files} from '../lib/platform.ts';
import {OrganisationError} from './errors.ts';
import {issuedFolder, manifestName, publicMode, recordPath} from './layout.ts';
import {organisationLimits} from './limits.ts';
import {codeOf} from './staging.ts';
import type {IssuedRecord, MemberKind, Organisation, PlannedFile, Role} from './types.ts';

const formatVersion = 1;

export function manifestText(organisation: Organisation): string {
  const {name, security, issuer, broker, collectives, createdAtMs} = organisation;
  const document = {
    version: formatVersion,
    name,
    security,
    ...(issuer === undefined ? {} : {issuer}),
    broker,
    collectives,
    created: new Date(createdAtMs).toISOString(),
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

export function recordFile(record: IssuedRecord): PlannedFile {
  return {path: recordPath(record.name, record.serial), text: recordText(record), mode: publicMode};
}

function recordText(record: IssuedRecord): string {
  const {kind, name, role, serial, issuedAtMs, expiresAtMs, certificatePem, publicKey} = record;
  const document = {
    version: formatVersion,
    kind,
    name,
    ...(role === undefined ? {} : {role}),
    serial,
    issued: new Date(issuedAtMs).toISOString(),
    expires: new Date(expiresAtMs).toISOString(),
    ...(certificatePem === undefined ? {} : {certificate: certificatePem}),
    ...(publicKey === undefined ? {} : {publicKey}),
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** @throws {OrganisationError} `ERR_ORGANISATION_MISSING` | `ERR_ORGANISATION_DAMAGED` */
export async function readOrganisation(files: Files, directory: string): Promise<Organisation> {
  const path = join(directory, manifestName);
  const document = await readDocument(files, path);
  if (document === undefined) {
    throw new OrganisationError(
      'ERR_ORGANISATION_MISSING',
      `Cannot find an organisation in "${directory}": there is no ${manifestName}; make one with choria init, or name its folder with --directory`,
      {details: {directory}},
    );
  }
  const broker = jsonField(document, 'broker');
  if (!isJsonObject(broker)) throw damaged(path, 'it does not say where the broker is');
  const port = jsonField(broker, 'port');
  if (typeof port !== 'number' || !Number.isInteger(port) || port < 0 || port > 65_535) {
    throw damaged(path, 'the port of its broker is no number from 0 to 65535');
  }
  const security = jsonField(document, 'security');
  const issuer = jsonField(document, 'issuer');
  const listenAddress = jsonField(broker, 'listenAddress');
  const collectives = jsonField(document, 'collectives');
  if (
    !Array.isArray(collectives) ||
    collectives.length === 0 ||
    !collectives.every((item) => typeof item === 'string')
  ) {
    throw damaged(path, 'it has no list of collectives');
  }
  return {
    directory,
    name: textField(document, 'name', path),
    security: security === 'jwt' ? 'jwt' : 'x509',
    ...(typeof issuer === 'string' ? {issuer} : {}),
    broker: {
      host: textField(broker, 'host', path),
      port,
      ...(typeof listenAddress === 'string' ? {listenAddress} : {}),
    },
    collectives,
    createdAtMs: dateField(document, 'created', path),
  };
}

/** Everything ever issued, oldest first. */
export async function readRecords(files: Files, directory: string): Promise<readonly IssuedRecord[]> {
  const folder = join(directory, issuedFolder);
  let names: readonly string[];
  try {
    names = (await files.list(folder)).map((entry) => entry.name).filter((name) => /^[^.].*\.json$/.test(name));
  } catch (error) {
    throw damaged(folder, errorMessage(error), error);
  }
  if (names.length > organisationLimits.recordsMax) throw damaged(folder, `it holds ${names.length} records`);
  const records: IssuedRecord[] = [];
  const step = 32;
  for (let start = 0; start < names.length; start += step) {
    const part = names.slice(start, start + step);
    records.push(...(await Promise.all(part.map((name) => readRecord(files, join(folder, name))))));
  }
  return records.sort((a, b) => a.issuedAtMs - b.issuedAtMs || (a.serial < b.serial ? -1 : 1));
}

async function readRecord(files: Files, path: string): Promise<IssuedRecord> {
  const document = await readDocument(files, path);
  if (document === undefined) throw damaged(path, 'it went away');
  const kind = textField(document, 'kind', path);
  if (!isMemberKind(kind)) throw damaged(path, `"${kind}" is no kind of member`);
  const role = jsonField(document, 'role');
  const certificatePem = jsonField(document, 'certificate');
  const publicKey = jsonField(document, 'publicKey');
  return {
    kind,
    name: textField(document, 'name', path),
    ...(isRole(role) ? {role} : {}),
    serial: textField(document, 'serial', path),
    issuedAtMs: dateField(document, 'issued', path),
    expiresAtMs: dateField(document, 'expires', path),
    ...(typeof certificatePem === 'string' ? {certificatePem} : {}),
    ...(typeof publicKey === 'string' ? {publicKey} : {}),
  };
}

function isMemberKind(value: unknown): value is MemberKind {
  return value === 'broker' || value === 'node' || value === 'user' || value === 'provisioner';
}

function isRole(value: unknown): value is Role {
  return value === 'operator' || value === 'reader';
}

async function readDocument(files: Files, path: string): Promise<JsonObject | undefined> {
  let bytes: Buffer;
  try {
    bytes = await files.read(path, {limitBytes: organisationLimits.recordBytesMax});
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(codeOf(error))) return undefined;
    throw damaged(path, errorMessage(error), error);
  }
  let value: unknown;
  try {
    value = parseJson(bytes, {bytesMax: organisationLimits.recordBytesMax, depthMax: 8});
  } catch (error) {
    throw damaged(path, errorMessage(error), error);
  }
  if (!isJsonObject(value)) throw damaged(path, 'it is not a JSON object');
  if (jsonField(value, 'version') !== formatVersion) {
    throw damaged(path, `its version is ${JSON.stringify(jsonField(value, 'version'))}, expected ${formatVersion}`);
  }
  return value;
}

function textField(document: JsonObject, name: string, path: string): string {
  const value = jsonField(document, name);
  if (typeof value === 'string' && value !== '') return value;
  throw damaged(path, `its field "${name}" is no text`);
}

function dateField(document: JsonObject, name: string, path: string): number {
  const atMs = Date.parse(textField(document, name, path));
  if (!Number.isNaN(atMs)) return atMs;
  throw damaged(path, `its field "${name}" is no date`);
}

function damaged(path: string, reason: string, cause?: unknown): OrganisationError {
  return new OrganisationError('ERR_ORGANISATION_DAMAGED', `Cannot read "${path}": ${reason}`, {
    cause,
    details: {path},
  });
}
