/** Settings that a server has while it waits to be configured, whatever its file says (server.md 14.3). */
import {dirname, join} from 'node:path';
import type {Config} from '../config/types.ts';
import type {ProvisioningTarget} from './token.ts';

/** The collective of nodes that wait. */
export const provisioningCollective = 'provisioning';

/** Name in lifecycle events; the provisioner listens for it. */
export const provisioningComponent = 'provision_mode_server';

const registrationSeconds = 120;

export function provisioningSettings(target: ProvisioningTarget, configPath: string): Parameters<Config['with']>[0] {
  const isRegistering = target.registrationFile !== '';
  return {
    collectives: [provisioningCollective],
    main_collective: provisioningCollective,
    registration_collective: provisioningCollective,
    rpcauthorization: false,
    'plugin.choria.federation.collectives': [],
    'plugin.yaml': target.factsFile,
    registration: isRegistering ? ['file_content'] : [],
    registerinterval: registrationSeconds,
    registration_splay: false,
    'plugin.choria.registration.file_content.data': target.registrationFile,
    'plugin.choria.registration.file_content.target': isRegistering ? 'provisioning.registration.data' : '',
    'plugin.security.provider': target.isVersion2 ? 'choria' : 'file',
    'plugin.choria.ssldir': join(dirname(configPath), 'ssl'),
    'plugin.choria.status_update_interval': 10,
  };
}
