/** The brokers that a node asks to be configured: those of its token, or those of the SRV records that the token names. */
import {ConnectError, orderSrv, type ServerSource} from '../connect/index.ts';
import {errorMessage} from '../lib/errors.ts';
import type {Platform} from '../lib/platform.ts';
import {provisionLimits} from './limits.ts';
import type {ProvisioningTarget} from './token.ts';

export function provisioningServers(
  target: ProvisioningTarget,
  platform: Pick<Platform, 'names' | 'clock' | 'random'>,
): ServerSource {
  if (target.urls.length > 0) return async () => target.urls;
  const record = `_choria-provisioner._tcp.${target.srvDomain}`;
  return async ({signal}) => {
    const limit = new AbortController();
    const timer = platform.clock.setTimer(
      () => limit.abort(new Error(`no answer in ${provisionLimits.srvTimeoutMs} ms`)),
      provisionLimits.srvTimeoutMs,
    );
    try {
      const found = await platform.names.resolveSrv(record, {signal: AbortSignal.any([signal, limit.signal])});
      const ordered = orderSrv(found, () => platform.random.float());
      return {inOrder: ordered.map(({name, port}) => `nats://${name.replace(/\.$/, '')}:${port}`)};
    } catch (cause) {
      throw new ConnectError(
        'ERR_NO_SERVERS',
        `Cannot find the provisioning brokers in ${record}: ${errorMessage(cause)}`,
        {
          cause,
        },
      );
    } finally {
      timer.cancel();
    }
  };
}
