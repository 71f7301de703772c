/**
 * Policies inside client tokens: a list of agents and actions, or Rego (spec security 8.3). The signing service judges by them, and
 * servers with `rpcauthprovider = aaasvc` do.
 */
import {errorMessage} from '../lib/errors.ts';
import {isJsonObject} from '../lib/json.ts';
import type {Logger} from '../lib/logger.ts';
import {AuthzError} from './errors.ts';
import {authzLimits} from './limits.ts';
import {policyTime, type RegoEngine} from './rego/engine.ts';
import {tokenQuery} from './rego/query.ts';
import type {AuthzNode, AuthzRequest, AuthzVerdict} from './types.ts';

/** What is judged: all of it from the request and the token that proved its caller. */
export type TokenRequest = Pick<
  AuthzRequest,
  'agent' | 'action' | 'senderId' | 'collective' | 'ttlSeconds' | 'sentAtMs' | 'rawData' | 'filter'
>;

export interface TokenPolicyOptions {
  readonly engine: RegoEngine;
  /** `server` on servers, the site of the service elsewhere. */
  readonly site: string;
}

/**
 * Judges by the list of agents; the first entry that fits decides, and one that cannot be understood before it denies.
 *
 * @throws {AuthzError} `ERR_TOKEN_POLICY`
 */
export function judgeAgentList(agents: readonly unknown[], request: Pick<TokenRequest, 'agent' | 'action'>): boolean {
  if (request.agent === 'discovery') return true;
  if (agents.length > authzLimits.tokenAgentsMax) {
    throw new AuthzError(
      'ERR_TOKEN_POLICY',
      `the token lists ${agents.length} agents, at most ${authzLimits.tokenAgentsMax} are judged`,
    );
  }
  for (const entry of agents) {
    if (entry === '*') return true;
    const parts = typeof entry === 'string' ? entry.split('.') : [];
    if (parts.length !== 2) {
      throw new AuthzError('ERR_TOKEN_POLICY', `invalid agent policy: ${JSON.stringify(entry)}, expected AGENT.ACTION`);
    }
    if (parts[0] === request.agent && (parts[1] === '*' || parts[1] === request.action)) return true;
  }
  return false;
}

/**
 * Judges by the Rego policy of a token.
 *
 * @throws {AuthzError} also when the policy cannot be used: deny then
 */
export function judgeTokenRego(
  policy: string,
  question: {
    readonly request: TokenRequest;
    readonly claims: Readonly<Record<string, unknown>>;
    readonly options: TokenPolicyOptions;
  },
): Promise<boolean> {
  const {request, claims, options} = question;
  const {rawData} = request;
  if (policy === '') throw new AuthzError('ERR_TOKEN_POLICY', 'invalid policy given: it is empty');
  if (!isJsonObject(rawData)) {
    throw new AuthzError('ERR_TOKEN_POLICY', 'the data of the request is no object, its policy cannot judge it');
  }
  const input = {
    agent: request.agent,
    action: request.action,
    sender: request.senderId ?? '',
    collective: request.collective ?? '',
    ttl: request.ttlSeconds ?? 0,
    time: policyTime(request.sentAtMs ?? 0),
    data: rawData,
    site: options.site,
    claims,
  };
  const {filter} = request;
  return options.engine.decide(policy, {query: tokenQuery, input, ...(filter === undefined ? {} : {filter})});
}

/** Reads a claim that is text or a list; null and empty are absent. */
export function policiesOf(claims: Readonly<Record<string, unknown>>): {
  readonly agents: readonly unknown[];
  readonly rego: string;
} {
  const agents: unknown = Object.hasOwn(claims, 'agents') ? claims['agents'] : undefined;
  const rego = Object.hasOwn(claims, 'opa_policy') ? claims['opa_policy'] : undefined;
  return {
    agents: Array.isArray(agents) ? (agents as readonly unknown[]) : [],
    rego: typeof rego === 'string' ? rego : '',
  };
}

/** Judges by whichever policy the token holds; there has to be exactly one. */
export async function judgeToken(
  claims: Readonly<Record<string, unknown>>,
  question: {readonly request: TokenRequest; readonly options: TokenPolicyOptions},
): Promise<AuthzVerdict> {
  const {request} = question;
  if (claims['purpose'] !== 'choria_client_id') {
    throw new AuthzError('ERR_TOKEN_POLICY', 'invalid token in request: not a client token');
  }
  if (request.agent === 'discovery') return {allowed: true, reason: 'Discovery is always allowed'};
  const {agents, rego} = policiesOf(claims);
  if (agents.length > 0 && rego !== '') {
    throw new AuthzError('ERR_TOKEN_POLICY', 'received agent list and rego policy, expected one of them');
  }
  if (agents.length === 0 && rego === '') throw new AuthzError('ERR_TOKEN_POLICY', 'no policy received in token');
  if (agents.length > 0) {
    const allowed = judgeAgentList(agents, request);
    return {allowed, reason: `${allowed ? 'Allowing' : 'Denying'} based on the agents of the token`};
  }
  const allowed = await judgeTokenRego(rego, {...question, claims});
  return {allowed, reason: `${allowed ? 'Allowing' : 'Denying'} based on the Rego policy of the token`};
}

export interface TokenPolicy {
  readonly name: string;
  authorize(request: AuthzRequest, node?: AuthzNode): Promise<AuthzVerdict>;
}

/** The provider `aaasvc` of servers: the token that proved the caller decides. Never rejects. */
export function createTokenPolicy(options: TokenPolicyOptions & {readonly logger: Logger}): TokenPolicy {
  return {
    name: 'aaasvc',
    async authorize(request) {
      try {
        const {claims} = request;
        if (claims === undefined) throw new AuthzError('ERR_TOKEN_POLICY', 'no policy received in request');
        return await judgeToken(claims, {request, options});
      } catch (error) {
        const reason = errorMessage(error);
        options.logger.error(`Could not process JWT policy: ${reason}`, {request: request.requestId});
        return {allowed: false, reason};
      }
    },
  };
}
