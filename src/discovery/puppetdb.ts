/**
 * Asks PuppetDB, with our own certificate.
 *
 * Rules: the client digest, section 2.2. A node is active when its `deactivated` is null, false or missing; anything else, such as the
 * time that PuppetDB writes there, leaves it out.
 */
import {errorMessage} from '../lib/errors.ts';
import {HttpError} from '../lib/http-errors.ts';
import type {HttpClient, HttpResponse} from '../lib/http.ts';
import {jsonSyntaxError} from '../lib/json-syntax.ts';
import type {TlsMaterial} from '../lib/network.ts';
import {plainIdentities} from './broadcast.ts';
import {DiscoveryError} from './errors.ts';
import {checkedIdentities} from './identities.ts';
import {discoveryLimits} from './limits.ts';
import {pqlOf, puppetDbQuery} from './pql.ts';
import {isRecord} from './source.ts';
import type {DiscoveryMethod, DiscoveryRequest} from './types.ts';

export interface PuppetDbOptions {
  readonly http: HttpClient;
  /** `host:port` of each server to try, best first. */
  readonly servers: (signal: AbortSignal) => Promise<readonly string[]>;
  readonly tls: () => Promise<TlsMaterial>;
}

export function createPuppetDbMethod(options: PuppetDbOptions): DiscoveryMethod {
  return {
    name: 'choria',
    discover: async (request) => {
      const {filter} = request;
      const named = filter.identities.some((identity) => pqlOf(identity) !== undefined)
        ? undefined
        : plainIdentities(filter);
      if (named !== undefined) return {identities: named, complete: true};
      const query = puppetDbQuery(filter, request.collective);
      const response = await ask(query, {request, options});
      if (response.status !== 200) {
        throw failed(`invalid PuppetDB response: ${response.status} ${response.statusText}`);
      }
      return {identities: checkedIdentities(activeNames(response.body), 'PuppetDB'), complete: true};
    },
  };
}

interface Job {
  readonly request: DiscoveryRequest;
  readonly options: PuppetDbOptions;
}

/** Only a server that could not be reached is passed over for the next: one that answered has decided. */
async function ask(query: string, {request, options}: Job): Promise<HttpResponse> {
  const {signal} = request;
  const material = await options.tls();
  const servers = (await options.servers(signal)).slice(0, discoveryLimits.puppetDbServersMax);
  let problem: unknown;
  for (const server of servers) {
    try {
      return await options.http.request({
        url: `https://${server}/pdb/query/v4?query=${formEncoded(query)}`,
        tls: {material},
        timeoutMs: discoveryLimits.puppetDbTimeoutMs,
        responseBytesMax: discoveryLimits.puppetDbReplyBytesMax,
        signal,
      });
    } catch (error) {
      if (!(error instanceof HttpError)) throw error;
      problem = error;
      if (error.code !== 'ERR_HTTP_CONNECT') break;
    }
  }
  throw failed(`could not query PuppetDB on ${servers.join(', ')}: ${errorMessage(problem)}`, problem);
}

/** As Go's form encoding writes it, which proxies in front of PuppetDB may match. */
function formEncoded(text: string): string {
  const strict = encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return strict.replaceAll('%20', '+');
}

function activeNames(body: Buffer): readonly string[] {
  const problem = jsonSyntaxError(body);
  if (problem !== undefined) throw failed(`could not read the answer of PuppetDB: ${problem}`);
  const nodes: unknown = JSON.parse(body.toString('utf8'));
  if (!Array.isArray(nodes)) throw failed('could not read the answer of PuppetDB: expected a list of nodes');
  return nodes.flatMap((node: unknown) => {
    const name: unknown = isRecord(node) ? node['certname'] : undefined;
    if (!isRecord(node) || typeof name !== 'string') {
      throw failed('could not read the answer of PuppetDB: a node has no "certname"');
    }
    const deactivated: unknown = node['deactivated'];
    return deactivated === undefined || deactivated === null || deactivated === false ? [name] : [];
  });
}

function failed(message: string, cause?: unknown): DiscoveryError {
  return new DiscoveryError('ERR_DISCOVERY_PUPPETDB', message, cause === undefined ? {} : {cause});
}
