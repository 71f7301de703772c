/** Why a caller may or may not run an action: the policy that the configuration asks for, asked without a word in the log. */
import type {Config} from '../config/types.ts';
import {errorMessage} from '../lib/errors.ts';
import {actionPolicyOf, type AuthorizerOptions, regoEngineOf, regoPolicyOf} from './authorizer.ts';
import type {PolicyWarning} from './policy-text.ts';
import {serverQuery, tokenQuery} from './rego/query.ts';
import {createTokenPolicy, policiesOf} from './token-policy.ts';
import type {AuthzNode, AuthzRequest, AuthzVerdict} from './types.ts';

/** One line of a policy; `decided` marks the one that counts. */
export interface ExplainedLine {
  readonly line: number;
  readonly text: string;
  /** Such as `matched`, `other caller`, or `holds`. */
  readonly outcome: string;
  readonly detail?: string;
}

export interface DecisionExplanation extends AuthzVerdict {
  /** Empty when authorisation is off. */
  readonly provider: string;
  /** Path or name of the policy; undefined when there is none. */
  readonly policy: string | undefined;
  /** The line that decided, where one did. */
  readonly line: number | undefined;
  readonly lines: readonly ExplainedLine[];
  /** What the policy says and does not do. */
  readonly warnings: readonly PolicyWarning[];
}

/** Never rejects: what goes wrong is the reason of a no. */
export async function explainDecision(
  config: Config,
  question: {readonly request: AuthzRequest; readonly node: AuthzNode; readonly options: AuthorizerOptions},
): Promise<DecisionExplanation> {
  const {request, node, options} = question;
  const nothing = {policy: undefined, line: undefined, lines: [], warnings: []};
  if (!config.get('rpcauthorization')) {
    return {...nothing, provider: '', allowed: true, reason: 'rpcauthorization is off: every action is allowed'};
  }
  const provider = config.get('rpcauthprovider').toLowerCase();
  if (provider === 'action_policy') {
    const found = await actionPolicyOf(config, options).explain(request, node);
    const {allowed, reason, file, line, steps, warnings} = found;
    return {provider, allowed, reason, policy: file, line, lines: steps, warnings};
  }
  if (provider === 'rego_policy') return explainRego(config, question);
  if (provider === 'aaasvc' || provider === 'aaasvc_policy') return explainToken(config, question);
  return {...nothing, provider, allowed: false, reason: `Unsupported authorization provider: ${provider}`};
}

async function explainRego(
  config: Config,
  {
    request,
    node,
    options,
  }: {readonly request: AuthzRequest; readonly node: AuthzNode; readonly options: AuthorizerOptions},
): Promise<DecisionExplanation> {
  const engine = options.engine ?? regoEngineOf(config, options);
  try {
    const {allowed, reason, file, text, input} = await regoPolicyOf(config, {...options, engine}).explain(
      request,
      node,
    );
    const lines =
      text === undefined || input === undefined
        ? []
        : await holdingLines(text, () => engine.coveredLines(text, {query: serverQuery, input}));
    return {provider: 'rego_policy', allowed, reason, policy: file, line: undefined, lines, warnings: []};
  } finally {
    await engine.close();
  }
}

async function holdingLines(
  text: string,
  covered: () => Promise<readonly number[]>,
): Promise<readonly ExplainedLine[]> {
  try {
    const texts = text.split('\n');
    return (await covered()).map((line) => ({line, text: texts[line - 1] ?? '', outcome: 'holds'}));
  } catch (error) {
    return [{line: 0, text: '', outcome: 'unknown', detail: errorMessage(error)}];
  }
}

async function explainToken(
  config: Config,
  {request, options}: {readonly request: AuthzRequest; readonly options: AuthorizerOptions},
): Promise<DecisionExplanation> {
  const engine = options.engine ?? regoEngineOf(config, options);
  try {
    const {allowed, reason} = await createTokenPolicy({engine, site: 'server', logger: options.logger}).authorize(
      request,
    );
    const {agents, rego} = policiesOf(request.claims ?? {});
    const index = agents.findIndex(
      (entry) => entry === '*' || entry === `${request.agent}.*` || entry === `${request.agent}.${request.action}`,
    );
    const lines = agents.map((entry, position) => ({
      line: position + 1,
      text: String(entry),
      outcome: position === index ? 'matched' : 'other agent or action',
    }));
    const policy = rego === '' ? 'the agents of the token' : `the Rego policy of the token (${tokenQuery.packageName})`;
    return {
      provider: 'aaasvc',
      allowed,
      reason,
      policy,
      line: allowed && index >= 0 ? index + 1 : undefined,
      lines,
      warnings: [],
    };
  } finally {
    await engine.close();
  }
}
