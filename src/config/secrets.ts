/**
 * Masks secret settings wherever they are shown. A setting is secret when the registry says so; of settings that nobody registered, when
 * its name says so; and passwords inside URLs are masked in any setting.
 */
import {isConfigKey, keySpec} from './registry.ts';

export const maskedText = '********';

const secretName = /(?:^|[._-])(?:password|passwd|passphrase|pass|secret|token|api_?key|apikey)$/i;

export function isSecretKey(key: string): boolean {
  return isConfigKey(key) ? keySpec(key).secret === true : secretName.test(key);
}

/**
 * The text of a setting as it may be shown to people, logs and remote callers.
 *
 * @example
 * displayValue('plugin.nats.pass', 'hunter2'); // "********"
 */
export function displayValue(key: string, text: string): string {
  if (isSecretKey(key)) return text === '' ? '' : maskedText;
  return text.replace(/([a-z][a-z0-9+.-]*:\/\/[^\s:/@,]*):[^\s/@,]+@/gi, `$1:${maskedText}@`);
}
