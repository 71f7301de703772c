/**
 * A PKCS#11 device with a private key and a certificate, through the optional module graphene-pk11.
 *
 * The module is compiled when it is installed and is therefore never a dependency: it is loaded when a configuration asks for it, and its absence is
 * an error that says how to get it. The PIN goes to the device and nowhere else.
 * Edge file: loads native code.
 */
import {createRequire} from 'node:module';
import {isAbsolute, join} from 'node:path';
import {ChoriaError, errorMessage} from './errors.ts';

export const pkcs11ErrorCodes = {
  ERR_PKCS11_MODULE: 'The optional module that talks to PKCS#11 devices is not installed or cannot be used.',
  ERR_PKCS11_DRIVER: 'The driver of a PKCS#11 device cannot be loaded, or the device has no such slot.',
  ERR_PKCS11_LOGIN: 'A PKCS#11 device did not accept the PIN.',
  ERR_PKCS11_OBJECT: 'A PKCS#11 device holds no usable private key or certificate, or did not sign.',
} as const;

export type Pkcs11ErrorCode = keyof typeof pkcs11ErrorCodes;

export class Pkcs11Error extends ChoriaError<Pkcs11ErrorCode> {}

export interface Pkcs11Options {
  /** The device's library, such as `/usr/lib/softhsm/libsofthsm2.so`. */
  readonly driverPath: string;
  /** When there is no such slot and only one in all, that one is used. */
  readonly slot: number;
  readonly pin: string;
  /** Absolute folder of the module; empty: beside this program. */
  readonly modulePath: string;
}

export interface Pkcs11Device {
  /** DER. */
  readonly certificate: Buffer;
  /** The raw RSA PKCS#1 v1.5 operation (CKM_RSA_PKCS): `input` is a whole DigestInfo. */
  sign(input: Uint8Array): Buffer;
  close(): void;
}

/** What we use of graphene-pk11 2.3. */
interface Graphene {
  readonly Module: {load(path: string, name: string): GrapheneModule};
  readonly ObjectClass: {readonly PRIVATE_KEY: number; readonly CERTIFICATE: number};
  readonly SessionFlag: {readonly SERIAL_SESSION: number};
}

interface GrapheneModule {
  initialize(): void;
  getSlots(withToken: boolean): Collection<GrapheneSlot>;
}

interface Collection<Item> {
  readonly length: number;
  items(index: number): Item;
}

interface GrapheneSlot {
  readonly handle: Buffer;
  open(flags: number): GrapheneSession;
}

interface GrapheneSession {
  login(pin: string): void;
  logout(): void;
  close(): void;
  find(template: Readonly<Record<string, unknown>>): Collection<GrapheneObject>;
  createSign(mechanism: string, key: unknown): {once(data: Buffer): Buffer};
}

interface GrapheneObject {
  toType(): unknown;
  getAttribute(template: Readonly<Record<string, null>>): Readonly<Record<string, unknown>>;
}

const moduleName = 'graphene-pk11';
const slotsMax = 1024;

/** @throws {Pkcs11Error} with what to do, never with the PIN */
export function openPkcs11Device(options: Pkcs11Options): Pkcs11Device {
  const graphene = loadModule(options.modulePath);
  const slot = findSlot(graphene, options);
  const session = openSession(slot, graphene);
  try {
    logIn(session, options);
    const key = firstObject(session, {type: graphene.ObjectClass.PRIVATE_KEY, title: 'private key'}).toType();
    const stored = firstObject(session, {type: graphene.ObjectClass.CERTIFICATE, title: 'certificate'});
    const {value} = stored.getAttribute({value: null});
    if (!Buffer.isBuffer(value)) throw new Pkcs11Error('ERR_PKCS11_OBJECT', 'The certificate on the device is empty');
    return {
      certificate: value,
      sign: (input) => signRaw(session, key, input),
      close: () => session.close(),
    };
  } catch (error) {
    session.close();
    throw error;
  }
}

function loadModule(path: string): Graphene {
  try {
    const load = createRequire(path === '' ? import.meta.url : join(absolute(path), 'package.json'));
    return load(path === '' ? moduleName : absolute(path)) as Graphene;
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? '';
    const isMissing = code === 'MODULE_NOT_FOUND';
    throw new Pkcs11Error(
      'ERR_PKCS11_MODULE',
      `Cannot talk to PKCS#11 devices: the module ${moduleName} ${isMissing ? 'is not installed' : `cannot be loaded (${errorMessage(cause).slice(0, 200)})`}; install it beside this program with npm install ${moduleName}@2.3.6, or elsewhere and name its folder in plugin.security.pkcs11.module`,
      {cause},
    );
  }
}

function absolute(path: string): string {
  if (isAbsolute(path)) return path;
  throw new Pkcs11Error(
    'ERR_PKCS11_MODULE',
    `Cannot use "${path}" for plugin.security.pkcs11.module: expected an absolute folder`,
  );
}

function findSlot(graphene: Graphene, {driverPath, slot: wanted}: Pkcs11Options): GrapheneSlot {
  const failed = (reason: string, cause?: unknown): Pkcs11Error =>
    new Pkcs11Error('ERR_PKCS11_DRIVER', `Cannot use the PKCS#11 driver "${driverPath}": ${reason}`, {cause});
  let slots: Collection<GrapheneSlot>;
  try {
    const driver = graphene.Module.load(driverPath, 'choria');
    try {
      driver.initialize();
    } catch (error) {
      // Another connection of this process has it open already.
      if (!errorMessage(error).includes('ALREADY_INITIALIZED')) throw error;
    }
    slots = driver.getSlots(true);
  } catch (cause) {
    throw failed(errorMessage(cause).slice(0, 200), cause);
  }
  if (slots.length === 0) throw failed('it has no slot with a token in it');
  const ids: bigint[] = [];
  for (let index = 0; index < Math.min(slots.length, slotsMax); index++) {
    const slot = slots.items(index);
    const id = idOf(slot);
    if (id === BigInt(wanted)) return slot;
    ids.push(id);
  }
  if (slots.length === 1) return slots.items(0);
  throw failed(`it has no slot ${wanted}: expected one of ${ids.join(', ')} in plugin.security.pkcs11.slot`);
}

/** Handles are numbers of the machine's size, its first byte first. */
function idOf({handle}: GrapheneSlot): bigint {
  return handle.length === 8 ? handle.readBigUInt64LE() : BigInt(handle.readUInt32LE());
}

function openSession(slot: GrapheneSlot, graphene: Graphene): GrapheneSession {
  try {
    return slot.open(graphene.SessionFlag.SERIAL_SESSION);
  } catch (cause) {
    throw new Pkcs11Error(
      'ERR_PKCS11_DRIVER',
      `Cannot open a session with the PKCS#11 device: ${errorMessage(cause)}`,
      {
        cause,
      },
    );
  }
}

function logIn(session: GrapheneSession, {pin, slot}: Pkcs11Options): void {
  try {
    session.login(pin);
  } catch (error) {
    const reason = errorMessage(error);
    if (reason.includes('ALREADY_LOGGED_IN')) return;
    const name = /CKR_\w+/.exec(reason)?.[0] ?? 'the device gave no reason';
    // Without its cause: what a driver says is not ours to vouch for.
    throw new Pkcs11Error(
      'ERR_PKCS11_LOGIN',
      `Cannot log in to the PKCS#11 device in slot ${slot}: ${name}, expected its user PIN`,
    );
  }
}

function firstObject(
  session: GrapheneSession,
  {type, title}: {readonly type: number; readonly title: string},
): GrapheneObject {
  let found: Collection<GrapheneObject>;
  try {
    found = session.find({class: type});
  } catch (cause) {
    throw new Pkcs11Error('ERR_PKCS11_OBJECT', `Cannot look for a ${title} on the device: ${errorMessage(cause)}`, {
      cause,
    });
  }
  if (found.length > 0) return found.items(0);
  throw new Pkcs11Error('ERR_PKCS11_OBJECT', `The PKCS#11 device holds no ${title}: expected one of each`);
}

function signRaw(session: GrapheneSession, key: unknown, input: Uint8Array): Buffer {
  try {
    return session.createSign('RSA_PKCS', key).once(Buffer.from(input));
  } catch (cause) {
    throw new Pkcs11Error('ERR_PKCS11_OBJECT', `The PKCS#11 device did not sign: ${errorMessage(cause)}`, {cause});
  }
}
