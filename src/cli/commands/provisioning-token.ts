/** Where images keep the token by which new servers find who configures them. */
import type {Platform} from '../../lib/platform.ts';

const usualPath = '/etc/choria/provisioning.jwt';
/** For other places. */
const variable = 'CHORIA_PROVISIONING_JWT';

export function provisioningTokenFile({env}: Pick<Platform, 'env'>): string {
  return env[variable] || usualPath;
}
