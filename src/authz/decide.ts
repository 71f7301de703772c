/** Applies a parsed policy to one request. The first rule that matches decides; without one the default does; any error denies. */
import {errorMessage} from '../lib/errors.ts';
import {compileRegex, RegexError} from '../lib/regex.ts';
import {createPatternPool, matchClasses, matchFact, parseFactFilter, ProtocolError} from '../protocol/index.ts';
import {AuthzError} from './errors.ts';
import type {Groups} from './groups.ts';
import {isHalfPattern, type Policy, type PolicyRule} from './policy-text.ts';
import type {AuthzNode, AuthzRequest, PolicyExplanation, PolicyStep} from './types.ts';

export interface DecideOptions {
  readonly policy: Policy;
  /** Read when the first rule names callers. */
  readonly groups: () => Promise<Groups>;
  readonly node: AuthzNode;
  /** False when no classes file is configured: a rule with classes can then not be judged. */
  readonly classesKnown: boolean;
  /** The default of a file that has no default line. */
  readonly allowUnconfigured: boolean;
  /** Absolute path of the policy. */
  readonly path: string;
  /** Name of the policy file, for reasons. */
  readonly file: string;
  readonly onProblem: (message: string) => void;
}

export async function decide(request: AuthzRequest, options: DecideOptions): Promise<PolicyExplanation> {
  const steps: PolicyStep[] = [];
  const {policy, file} = options;
  const {warnings} = policy;
  let allow = options.allowUnconfigured;
  let defaultLine: number | undefined;
  for (const item of policy.lines) {
    const {line, text} = item;
    if (item.kind === 'ignored') {
      steps.push({line, text, outcome: 'ignored', detail: item.reason});
    } else if (item.kind === 'default') {
      allow = item.allow;
      defaultLine = line;
      steps.push({line, text, outcome: 'default'});
    } else {
      const outcome = await judgeRule(item, {request, options});
      steps.push({line, text, ...outcome});
      if (outcome.outcome === 'error')
        return {allowed: false, reason: outcome.detail ?? 'error', file, line, steps, warnings};
      if (outcome.outcome !== 'matched') continue;
      const allowed = item.effect === 'allow';
      const reason = allowed
        ? `Allowed by line ${line} in ${file}`
        : `Denying based on explicit 'deny' policy in ${file}`;
      return {allowed, reason, file, line, steps, warnings};
    }
  }
  const reason = allow ? `Allowed by the default policy in ${file}` : `Denying based on default policy in ${file}`;
  return {allowed: allow, reason, file, line: defaultLine, steps, warnings};
}

type Outcome = Pick<PolicyStep, 'outcome' | 'detail'>;

async function judgeRule(
  rule: PolicyRule,
  {request, options}: {readonly request: AuthzRequest; readonly options: DecideOptions},
): Promise<Outcome> {
  if (!(await matchesCaller(rule, {request, options}))) return {outcome: 'other caller'};
  if (rule.actions !== '*' && !rule.actions.split(' ').includes(request.action)) return {outcome: 'other action'};
  try {
    // Both are judged before they are combined, so that an error in either denies.
    const facts = await matchesFacts(rule.facts, options.node);
    const classes = await matchesClasses(rule.classes, options);
    return {outcome: facts && classes ? 'matched' : 'facts or classes do not match'};
  } catch (error) {
    return {outcome: 'error', detail: errorMessage(error)};
  }
}

async function matchesCaller(
  rule: PolicyRule,
  {request, options}: {readonly request: AuthzRequest; readonly options: DecideOptions},
): Promise<boolean> {
  if (rule.callers === '*') return true;
  const {members} = await options.groups();
  for (const word of rule.callers.split(' ')) {
    if (word === '') continue;
    if (members.get(word)?.has(request.callerId) === true || word === request.callerId) return true;
    if (!word.startsWith('/')) continue;
    if (isHalfPattern(word)) {
      options.onProblem(`Invalid CallerID matcher '${word}' found in policy file ${options.path}`);
      return false;
    }
    const verdict = testCaller(word.slice(1, -1), request.callerId);
    if (typeof verdict === 'string') {
      options.onProblem(
        `Could not compile regex found in CallerID '${word}' in policy file ${options.path}: ${verdict}`,
      );
      return false;
    }
    if (verdict) return true;
  }
  return false;
}

function testCaller(pattern: string, callerId: string): boolean | string {
  try {
    return compileRegex(pattern).test(callerId);
  } catch (error) {
    if (error instanceof RegexError) return error.message;
    throw error;
  }
}

async function matchesFacts(column: string, node: AuthzNode): Promise<boolean> {
  if (column === '*') return true;
  const filters = column.split(' ').map((word) => requireFact(word));
  const text = Buffer.from(await node.factsJson()).toString('utf8');
  const pool = createPatternPool();
  return filters.every((filter) => matchFact(filter, text, pool).matched);
}

function requireFact(word: string): ReturnType<typeof parseFactFilter> {
  try {
    return parseFactFilter(word);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    throw new AuthzError('ERR_POLICY_RULE', `invalid fact matcher: ${error.message}`, {cause: error});
  }
}

async function matchesClasses(column: string | undefined, options: DecideOptions): Promise<boolean> {
  if (column === '*') return true;
  if (column === undefined || column === '') throw new AuthzError('ERR_POLICY_RULE', 'empty classes policy found');
  if (!options.classesKnown) throw new AuthzError('ERR_POLICY_RULE', 'do not know how to resolve classes');
  const words = column.split(' ');
  if (words.some((word) => /^.+[<>=].+$/.test(word))) {
    throw new AuthzError('ERR_POLICY_RULE', 'fact found where class was expected');
  }
  return matchClasses(words, await options.node.classes(), createPatternPool());
}
