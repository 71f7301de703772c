/** The provider `pkcs11` from the configuration: finds the PIN, opens the device. */
import type {Config} from '../config/types.ts';
import {
  createDeviceProvider,
  cryptoLimits,
  type DeviceProviderOptions,
  type SecurityProvider,
} from '../crypto/index.ts';
import {errorMessage} from '../lib/errors.ts';
import type {Platform} from '../lib/platform.ts';
import {ConnectError} from './errors.ts';
import {textOf} from './settings.ts';

/** @throws {ConnectError} `ERR_CONNECT_SETTING` with what to do */
export async function createPkcs11Provider(
  config: Config,
  options: {
    readonly platform: Pick<Platform, 'files' | 'askSecret'>;
    readonly common: Omit<DeviceProviderOptions, 'device' | 'caPath'>;
  },
): Promise<SecurityProvider> {
  const driverPath = textOf(config.get('plugin.security.pkcs11.driver_file'));
  if (driverPath === '') {
    throw refused('plugin.security.pkcs11.driver_file is not set: expected the library of the device', 'driver_file');
  }
  const pin = await findPin(config, options.platform);
  // Native code is loaded only where a device is asked for.
  const {openPkcs11Device, Pkcs11Error} = await import('../lib/node-pkcs11.ts');
  try {
    const device = openPkcs11Device({
      driverPath,
      slot: config.get('plugin.security.pkcs11.slot'),
      pin,
      modulePath: textOf(config.get('plugin.security.pkcs11.module')),
    });
    return await createDeviceProvider({
      ...options.common,
      device,
      caPath: textOf(config.get('plugin.security.file.ca')),
      certificatePath: textOf(config.get('plugin.security.file.certificate')),
      keyPath: textOf(config.get('plugin.security.file.key')),
    });
  } catch (cause) {
    if (!(cause instanceof Pkcs11Error)) throw cause;
    throw new ConnectError('ERR_CONNECT_SETTING', cause.message, {cause, details: {reason: cause.code}});
  }
}

/** From a file for programs that run by themselves, else from whoever sits at the terminal. */
async function findPin(config: Config, platform: Pick<Platform, 'files' | 'askSecret'>): Promise<string> {
  const path = textOf(config.get('plugin.security.pkcs11.pin_file'));
  if (path !== '') {
    try {
      return (await platform.files.read(path, {limitBytes: cryptoLimits.credentialFileBytesMax}))
        .toString('utf8')
        .trim();
    } catch (cause) {
      throw refused(`Cannot read the PIN in "${path}": ${errorMessage(cause)}`, 'pin_file');
    }
  }
  const answer = await platform.askSecret?.('PIN');
  if (answer !== undefined && answer !== '') return answer;
  throw refused(
    'There is no PIN for the PKCS#11 device: nobody is at a terminal to be asked, expected plugin.security.pkcs11.pin_file',
    'pin_file',
  );
}

function refused(message: string, name: string): ConnectError {
  return new ConnectError('ERR_CONNECT_SETTING', message, {details: {setting: `plugin.security.pkcs11.${name}`}});
}
