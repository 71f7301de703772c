/**
 * How a server differs while it waits to be configured (server.md 14.3): who it is to brokers and callers, which agents it has, and what
 * it leaves out.
 */
import type {Config} from '../config/types.ts';
import type {ConnectAuth, OpenConnectionOptions} from '../connect/index.ts';
import {createUnsignedProvider, type SecurityProvider} from '../crypto/index.ts';
import type {Platform} from '../lib/platform.ts';
import {
  createProvisionAgent,
  provisioningComponent,
  provisioningServers,
  type ProvisioningTarget,
  type ServerControl,
} from '../provision/index.ts';
import type {Agent} from '../rpc/types.ts';
import type {ServerDataPlugins} from './types.ts';

/** Given to servers of machines that have a provisioning token. */
export interface ServerProvisioning {
  readonly target: ProvisioningTarget;
  readonly configPath: string;
  /** Waits to be configured; otherwise the agent is there only to send the node back. */
  readonly isProvisioning: boolean;
  /** Called when the node is to start again with what is on disk then, and when it is to end. */
  readonly restart: (reason?: 'upgraded') => void;
  readonly shutdown: () => void;
}

/** Built-in agents that a waiting node does not have. */
const notWhileWaiting = ['scout', 'executor', 'choria_registry'];

export function provisionAgent(
  provisioning: ServerProvisioning,
  options: {readonly version: string; readonly publishEvent: ServerControl['publishEvent']},
): Agent {
  const {target, configPath, restart, shutdown} = provisioning;
  const {version, publishEvent} = options;
  return createProvisionAgent({version, target, configPath, control: {restart, shutdown, publishEvent}});
}

/** What of a server's options matters while it waits. */
export interface WaitingBasis {
  readonly config: Config;
  readonly platform: Platform;
  readonly provider?: SecurityProvider;
  readonly component?: string;
  readonly deniedAgents?: readonly string[];
  readonly connectOptions?: Partial<OpenConnectionOptions>;
  readonly insecure?: {readonly tls: boolean};
}

const noDataPlugins: ServerDataPlugins = {
  names: () => [],
  get: () => undefined,
  run: () => Promise.reject(new Error('there are no data plugins here')),
};

/**
 * What takes the place of a configured server's options while it waits.
 *
 * @param secureProvider what signs when the token asks for a secure protocol; made only then
 */
export async function waitingServerOptions(
  basis: WaitingBasis,
  provisioning: ServerProvisioning,
  secureProvider: () => Promise<SecurityProvider>,
): Promise<
  Required<Pick<WaitingBasis, 'provider' | 'component' | 'deniedAgents' | 'connectOptions'>> & {
    readonly agentProviders: readonly [];
    readonly data: ServerDataPlugins;
  }
> {
  const {target} = provisioning;
  const {config, platform} = basis;
  const unsigned = (): SecurityProvider =>
    createUnsignedProvider({
      certname: config.get('identity'),
      ...(target.isVersion2 ? {technology: 'ed25519+jwt' as const, credential: target.text} : {}),
    });
  const provider = basis.provider ?? (target.isSecure ? await secureProvider() : unsigned());
  return {
    provider,
    component: basis.component ?? provisioningComponent,
    deniedAgents: [...(basis.deniedAgents ?? []), ...notWhileWaiting],
    agentProviders: [],
    data: noDataPlugins,
    connectOptions: {
      ...waitingConnection({target, platform, provider, tls: basis.insecure?.tls !== false}),
      ...basis.connectOptions,
    },
  };
}

function waitingConnection(parts: {
  readonly target: ProvisioningTarget;
  readonly platform: Platform;
  readonly provider: SecurityProvider;
  readonly tls: boolean;
}): Partial<OpenConnectionOptions> {
  const {target, platform, provider} = parts;
  const auth: ConnectAuth = target.user === '' ? {token: target.text} : {user: target.user, password: target.password};
  // Nobody is known to such a node yet, so it can neither check the broker nor show a certificate of its own.
  const tls = {material: target.isSecure ? provider.tls : {}, verify: target.isSecure};
  return {servers: provisioningServers(target, platform), auth, ...(parts.tls ? {tls} : {})};
}
