/** `choria jwt check`: a check of one token for a monitoring system. Exit code 0 or 2. */
import {compileExpression, evaluateCondition, exprTypes, type ExprValue} from '../../lang/index.ts';
import {
  isHexKey,
  ed25519PublicKey,
  decodeToken,
  readToken,
  type Token,
  type TokenPurpose,
  verifyToken,
  verifyTrustChain,
} from '../../crypto/index.ts';
import {msToNs, renderDuration} from '../../lib/duration.ts';
import {errorMessage} from '../../lib/errors.ts';
import {formatFixed} from '../../lib/go-number.ts';
import {inertLine} from '../render/inert.ts';
import {renderTable} from '../render/table.ts';
import type {CliContext, ParsedArguments} from '../types.ts';
import {listFlag, readTokenFile, textArgument, textFlag} from './jwt-files.ts';

const purposeNames: ReadonlyMap<string, string> = new Map([
  ['choria_client_id', 'client'],
  ['choria_server', 'server'],
  ['choria_provisioning', 'provisioning'],
]);

interface CheckResult {
  readonly name: string;
  readonly criticals: readonly string[];
  readonly oks: readonly string[];
  readonly expiresSeconds: number | undefined;
}

export async function runJwtCheck(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const name = textArgument(parsed, 'file');
  const text = await readTokenFile(context, name);
  const result = check(text, {name, parsed, nowMs: context.platform.clock.nowMs()});
  const format = textFlag(parsed, 'format');
  const write = {nagios, json, prometheus, text: plainText}[format as 'nagios' | 'json' | 'prometheus' | 'text'];
  context.stdout.write(write(result));
  return result.criticals.length === 0 ? 0 : 2;
}

interface CheckOptions {
  readonly name: string;
  readonly parsed: ParsedArguments;
  readonly nowMs: number;
}

function check(text: string, options: CheckOptions): CheckResult {
  let token: Token;
  try {
    token = readToken(text);
  } catch (error) {
    const criticals = [`could not parse token: ${errorMessage(error)}`];
    return {name: options.name, criticals, oks: [], expiresSeconds: undefined};
  }
  const left = token.expiresAtMs === undefined ? undefined : token.expiresAtMs - options.nowMs;
  const kind = purposeNames.get(token.purpose);
  const criticals = [
    ...purposeProblems(token, options.parsed),
    ...validityProblems(left, options.parsed),
    ...contentProblems(token, options.parsed),
    ...issuerProblems(text, {token, options}),
    ...queryProblems(token, options.parsed),
  ];
  const oks = [kind === undefined ? 'token of an unknown purpose' : `${kind} token`];
  return {name: options.name, criticals, oks, expiresSeconds: left === undefined ? undefined : left / 1_000};
}

function purposeProblems(token: Token, parsed: ParsedArguments): readonly string[] {
  const wanted = textFlag(parsed, 'purpose').replace(/^provisioner$/, 'provisioning');
  const found = purposeNames.get(token.purpose) ?? token.purpose;
  return wanted === '' || wanted === found ? [] : [`${token.purpose} purpose`];
}

function validityProblems(leftMs: number | undefined, parsed: ParsedArguments): readonly string[] {
  const minimum = parsed.flags['validity-min'];
  const maximum = parsed.flags['validity-max'];
  const shown = (ms: number): string => renderDuration(msToNs(Math.floor(ms / 1_000) * 1_000));
  if (leftMs === undefined) return typeof maximum === 'number' ? ['does not expire'] : [];
  if (leftMs <= 0) return [`expired ${shown(-leftMs)} ago`];
  const isShort = typeof minimum === 'number' && leftMs < minimum;
  const isLong = typeof maximum === 'number' && leftMs > maximum;
  return isShort || isLong ? [`expires in ${shown(leftMs)}`] : [];
}

function contentProblems(token: Token, parsed: ParsedArguments): readonly string[] {
  const identity = textFlag(parsed, 'identity');
  const missing = (claim: string, wanted: readonly string[]): readonly string[] => {
    const held = token.claims[claim];
    return wanted.filter((item) => !(Array.isArray(held) && held.includes(item)));
  };
  return [
    ...(identity === '' || identity === token.name ? [] : [`identity ${token.name}`]),
    ...(parsed.flags['client-opa'] === true && typeof token.claims['opa_policy'] !== 'string' ? ['no opa policy'] : []),
    ...missing('sub_subjects', listFlag(parsed, 'sub')).map((subject) => `no subscription to ${subject}`),
    ...missing('pub_subjects', listFlag(parsed, 'pub')).map((subject) => `no publishing to ${subject}`),
  ];
}

function issuerProblems(
  text: string,
  what: {readonly token: Token; readonly options: CheckOptions},
): readonly string[] {
  const {token, options} = what;
  const {parsed} = options;
  const problems: string[] = [];
  const {iss, tcs} = token.claims;
  const isChainIssuer = typeof iss === 'string' && iss.startsWith('I-') && typeof tcs === 'string' && tcs !== '';
  if (parsed.given.has('chain-issuer') && (parsed.flags['chain-issuer'] === true) !== isChainIssuer) {
    problems.push(isChainIssuer ? 'is a chain issuer' : 'is not a chain issuer');
  }
  const issuer = textFlag(parsed, 'issuer');
  if (issuer === '') return problems;
  const reason = signedBy(text, {issuer, token, isChainIssuer, nowMs: options.nowMs});
  return reason === undefined ? problems : [...problems, `issuer: ${reason}`];
}

function signedBy(
  text: string,
  what: {
    readonly issuer: string;
    readonly token: Token;
    readonly isChainIssuer: boolean;
    readonly nowMs: number;
  },
): string | undefined {
  if (!isHexKey(what.issuer)) return 'expected a public key of 64 hex characters';
  const raw = Buffer.from(what.issuer, 'hex');
  try {
    // The dates are the business of the other checks; here an ended token may still be one of the issuer.
    const issuedMs = Number(what.token.claims['nbf'] ?? what.token.claims['iat'] ?? 0) * 1_000;
    const end = what.token.expiresAtMs ?? what.nowMs + 1;
    const nowMs = what.nowMs < end ? what.nowMs : Math.min(issuedMs, end - 1);
    verifyToken(text, {key: ed25519PublicKey(raw), purpose: what.token.purpose as TokenPurpose, nowMs});
    if (what.isChainIssuer) verifyTrustChain(decodeToken(text).claims, raw);
    return undefined;
  } catch (error) {
    return errorMessage(error);
  }
}

/** Expressions see the content of the token. */
function queryProblems(token: Token, parsed: ParsedArguments): readonly string[] {
  return listFlag(parsed, 'query').flatMap((query) => {
    try {
      const values = Object.fromEntries(Object.entries(token.claims).map(([name, value]) => [name, exprValue(value)]));
      const variables = Object.fromEntries(Object.keys(values).map((name) => [name, exprTypes.any]));
      return evaluateCondition(compileExpression(query, {variables}), {variables: values}) ? [] : [`query ${query}`];
    } catch (error) {
      return [`query ${query}: ${errorMessage(error)}`];
    }
  });
}

/** Objects are maps to expressions, whole numbers are exact. */
function exprValue(value: unknown): ExprValue {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (Array.isArray(value)) return value.map(exprValue);
  if (typeof value !== 'object' || value === null) return null;
  return new Map(Object.entries(value).map(([name, item]): [string, ExprValue] => [name, exprValue(item)]));
}

function status(result: CheckResult): string {
  return result.criticals.length === 0 ? 'OK' : 'CRITICAL';
}

function nagios(result: CheckResult): string {
  const parts = [
    status(result),
    inertLine(result.name),
    ...(result.criticals.length === 0 ? [] : [`Crit:${result.criticals.map(inertLine).join(', ')}`]),
    ...(result.oks.length === 0 ? [] : [`OK:${result.oks.join(', ')}`]),
    ...(result.expiresSeconds === undefined ? [] : [`| expires=${formatFixed(result.expiresSeconds, 4)}s`]),
  ];
  return `${parts.join(' ')}\n`;
}

function json(result: CheckResult): string {
  const document = {
    status: status(result),
    check_suite: 'jwt',
    check_name: result.name,
    ...(result.criticals.length === 0 ? {} : {critical: result.criticals}),
    ...(result.oks.length === 0 ? {} : {ok: result.oks}),
    ...(result.expiresSeconds === undefined
      ? {}
      : {perf_data: [{name: 'expires', value: result.expiresSeconds, warning: 0, critical: 0, unit: 's'}]}),
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

function prometheus(result: CheckResult): string {
  const item = JSON.stringify(result.name);
  const code = result.criticals.length === 0 ? 0 : 2;
  const expires =
    result.expiresSeconds === undefined
      ? []
      : [
          '# HELP choria_jwt_expires Seconds until expiry',
          '# TYPE choria_jwt_expires gauge',
          `choria_jwt_expires{item=${item}} ${shortest(result.expiresSeconds)}`,
        ];
  const lines = [
    ...expires,
    '# HELP choria_jwt_status_code Nagios compatible status code for jwt',
    '# TYPE choria_jwt_status_code gauge',
    `choria_jwt_status_code{item=${item},status="${status(result)}"} ${code}`,
  ];
  return `${lines.join('\n')}\n\n`;
}

/** As the exposition format's own writer: an exponent of two digits from a million on. */
function shortest(value: number): string {
  if (Math.abs(value) < 1_000_000) return String(value);
  return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2');
}

function plainText(result: CheckResult): string {
  const rows = [
    ...result.criticals.map((message): readonly string[] => ['Critical', message]),
    ...result.oks.map((message): readonly string[] => ['OK', message]),
  ];
  const detail = renderTable({headers: ['Status', 'Message'], rows});
  const head = `${inertLine(result.name)}: ${status(result)}\n\nStatus Detail\n\n${detail}\n`;
  if (result.expiresSeconds === undefined) return head;
  const metrics = renderTable({
    headers: ['Metric', 'Value', 'Unit', 'Critical Threshold', 'Warning Threshold', 'Description'],
    rows: [['expires', withCommas(result.expiresSeconds), 's', '0', '0', 'Seconds until expiry']],
  });
  return `${head}Check Metrics\n\n${metrics}\n`;
}

function withCommas(value: number): string {
  const [whole = '', fraction = ''] = formatFixed(value, 3).split('.');
  return `${whole.replace(/\B(?=(?:\d{3})+$)/g, ',')}.${fraction}`;
}
