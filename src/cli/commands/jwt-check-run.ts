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
import {fileExists} from '../../lib/file-exists.ts';
import {msToNs, renderDuration} from '../../lib/duration.ts';
import {errorMessage} from '../../lib/errors.ts';
import {formatFixed} from '../../lib/go-number.ts';
import {inertJson, inertLine} from '../render/inert.ts';
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
  const isThere = await fileExists(context.platform.files, name);
  const result = isThere
    ? check(await readTokenFile(context, name), {name, parsed, nowMs: context.platform.clock.nowMs()})
    : useless(name, ['token not found']);
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

/** What cannot be looked at any further. */
function useless(name: string, criticals: readonly string[]): CheckResult {
  return {name, criticals, oks: [], expiresSeconds: undefined};
}

function check(text: string, options: CheckOptions): CheckResult {
  const {name, parsed, nowMs} = options;
  let token: Token;
  try {
    token = readToken(text);
  } catch (error) {
    return useless(name, [...purposeProblems('', parsed), `could not parse token: ${errorMessage(error)}`]);
  }
  const purpose = purposeProblems(token.purpose, parsed);
  const kind = purposeNames.get(token.purpose);
  if (kind === undefined) return useless(name, [...purpose, 'unknown token purpose']);
  const issuer = issuerProblem(text, {token, options});
  if (issuer !== undefined) return useless(name, [...purpose, issuer]);
  const left = token.expiresAtMs === undefined ? undefined : token.expiresAtMs - nowMs;
  const criticals = [
    ...purpose,
    ...contentProblems(token, {kind, parsed}),
    ...validityProblems(left, parsed),
    ...(typeof token.claims['jti'] === 'string' && token.claims['jti'] !== '' ? [] : ['no id']),
    ...(left === undefined ? ['no expiry'] : []),
    ...(typeof token.claims['nbf'] === 'number' ? [] : ['no not before']),
    ...queryProblems(token, parsed),
  ];
  return {name, criticals, oks: [`${kind} token`], expiresSeconds: left === undefined ? undefined : left / 1_000};
}

function purposeProblems(purpose: string, parsed: ParsedArguments): readonly string[] {
  const wanted = textFlag(parsed, 'purpose').replace(/^provisioner$/, 'provisioning');
  return wanted === '' || wanted === purposeNames.get(purpose) ? [] : [`${purpose} purpose`];
}

function validityProblems(leftMs: number | undefined, parsed: ParsedArguments): readonly string[] {
  const minimum = parsed.flags['validity-min'];
  const maximum = parsed.flags['validity-max'];
  if (leftMs === undefined) return ['no expires time'];
  if (leftMs <= 0) return ['expired'];
  const shown = `expires in ${renderDuration(msToNs(Math.floor(leftMs / 1_000) * 1_000))}`;
  const isShort = typeof minimum === 'number' && minimum > 0 && leftMs < minimum;
  const isLong = typeof maximum === 'number' && maximum > 0 && leftMs > maximum;
  return [...(isShort ? [shown] : []), ...(isLong ? [shown] : [])];
}

/** What each kind of token has to hold; provisioning tokens have neither holder nor subjects. */
function contentProblems(
  token: Token,
  {kind, parsed}: {readonly kind: string; readonly parsed: ParsedArguments},
): readonly string[] {
  if (kind === 'provisioning') return [];
  const isClient = kind === 'client';
  const identity = textFlag(parsed, 'identity');
  const missing = (claim: string, wanted: readonly string[]): readonly string[] => {
    const held = token.claims[claim];
    return wanted.filter((item) => !(Array.isArray(held) && held.includes(item)));
  };
  const isIssuer = isChainIssuer(token);
  const isOtherIssuer = parsed.given.has('chain-issuer') && (parsed.flags['chain-issuer'] === true) !== isIssuer;
  const policy = token.claims['opa_policy'];
  const lacksPolicy = parsed.flags['client-opa'] === true && (typeof policy !== 'string' || policy === '');
  return [
    ...(identity === '' || identity === token.name ? [] : [`identity ${token.name}`]),
    ...(token.publicKey === undefined ? ['no public key'] : []),
    ...(isClient && isOtherIssuer ? [`chain issuer: ${isIssuer}`] : []),
    ...(isClient && lacksPolicy ? ['no OPA policy'] : []),
    ...(isClient ? missing('sub_subjects', listFlag(parsed, 'sub')).map((subject) => `subscribe ${subject}`) : []),
    // The word for subjects of clients is the one that scripts know.
    ...missing('pub_subjects', listFlag(parsed, 'pub')).map(
      (subject) => `${isClient ? 'subscribe' : 'publish'} ${subject}`,
    ),
  ];
}

function isChainIssuer({claims: {iss, tcs}}: Token): boolean {
  return typeof iss === 'string' && iss.startsWith('I-') && typeof tcs === 'string' && tcs !== '';
}

/** A token of another issuer is not looked at any further. */
function issuerProblem(
  text: string,
  {token, options}: {readonly token: Token; readonly options: CheckOptions},
): string | undefined {
  const issuer = textFlag(options.parsed, 'issuer');
  if (issuer === '') return undefined;
  if (!isHexKey(issuer)) return 'invalid issuer: expected a public key of 64 hex characters';
  const raw = Buffer.from(issuer, 'hex');
  try {
    // The dates are the business of the other checks; here an ended token may still be one of the issuer.
    const issuedMs = Number(token.claims['nbf'] ?? token.claims['iat'] ?? 0) * 1_000;
    const end = token.expiresAtMs ?? options.nowMs + 1;
    const nowMs = options.nowMs < end ? options.nowMs : Math.min(issuedMs, end - 1);
    verifyToken(text, {key: ed25519PublicKey(raw), purpose: token.purpose as TokenPurpose, nowMs});
    if (isChainIssuer(token)) verifyTrustChain(decodeToken(text).claims, raw);
    return undefined;
  } catch (error) {
    return `could not parse token: ${errorMessage(error)}`;
  }
}

/** Expressions see the content of the token. */
function queryProblems(token: Token, parsed: ParsedArguments): readonly string[] {
  return listFlag(parsed, 'query').flatMap((query) => {
    try {
      const values = Object.fromEntries(Object.entries(token.claims).map(([name, value]) => [name, exprValue(value)]));
      const variables = Object.fromEntries(Object.keys(values).map((name) => [name, exprTypes.any]));
      return evaluateCondition(compileExpression(query, {variables}), {variables: values}) ? [] : [query];
    } catch (error) {
      return [`invalid query: ${query}: ${errorMessage(error)}`];
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
  return `${inertJson(JSON.stringify(document, null, 2))}\n`;
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
