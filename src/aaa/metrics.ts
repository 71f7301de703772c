/** What the service counts, in the form of Prometheus. */
import type {Counter, Registry} from 'prom-client';

export type LoginResult = 'ok' | 'refused' | 'failed' | 'limited';
export type SignResult = 'signed' | 'denied' | 'refused' | 'failed' | 'limited';

export interface AaaMetrics {
  login(result: LoginResult): void;
  sign(result: SignResult): void;
  /** The exposition text. */
  text(): Promise<string>;
  readonly contentType: string;
}

export async function createMetrics(site: string): Promise<AaaMetrics> {
  const {Counter: CounterClass, Registry: RegistryClass} = await import('prom-client');
  const registry: Registry = new RegistryClass();
  const make = (name: string, help: string): Counter<'site' | 'result'> =>
    new CounterClass({name, help, labelNames: ['site', 'result'], registers: [registry]});
  const logins = make('choria_aaa_logins_total', 'Logins by their result');
  const signatures = make('choria_aaa_signatures_total', 'Requests to sign by their result');
  return {
    login: (result) => logins.inc({site, result}),
    sign: (result) => signatures.inc({site, result}),
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}
