/** `choria broker server check ...`: one line for Nagios, with figures, and its exit codes. */
import {goDuration} from './go-duration.ts';
import {CliError} from '../errors.ts';
import {errorMessage} from '../../lib/errors.ts';
import {compileRegex} from '../../lib/regex.ts';
import {inertLine} from '../render/inert.ts';
import type {CliContext, ParsedArguments} from '../types.ts';
import {withBroker} from './broker-connection.ts';
import {ask, fieldsOf, listOf, number, text} from './broker-server-ask.ts';
import {isGiven, numberFlag, textFlag} from './network.ts';

/** What a check found; the worst decides. */
class Findings {
  readonly #name: string;
  readonly #ok: string[] = [];
  readonly #warnings: string[] = [];
  readonly #criticals: string[] = [];
  readonly #figures: string[] = [];

  constructor(name: string) {
    this.#name = name;
  }

  ok(text: string): void {
    this.#ok.push(text);
  }

  critical(text: string): void {
    this.#criticals.push(text);
  }

  /** A figure with thresholds; where critical is the smaller of the two, less is worse. */
  figure(
    name: string,
    value: number,
    how: {readonly shown: string; readonly warn?: number | undefined; readonly critical?: number | undefined},
  ): void {
    const {warn, critical} = how;
    const limits = warn === undefined && critical === undefined ? '' : `;${warn ?? ''};${critical ?? ''}`;
    this.#figures.push(`${name}=${how.shown}${limits}`);
    const isInverted = warn !== undefined && critical !== undefined && critical < warn;
    const passes = (limit: number | undefined): boolean =>
      limit !== undefined && (isInverted ? value <= limit : value >= limit);
    if (passes(critical)) this.#criticals.push(`${name} ${how.shown}`);
    else if (passes(warn)) this.#warnings.push(`${name} ${how.shown}`);
  }

  get exit(): number {
    return this.#criticals.length > 0 ? 2 : this.#warnings.length > 0 ? 1 : 0;
  }

  line(): string {
    const words = ['OK', 'WARNING', 'CRITICAL'][this.exit] ?? 'UNKNOWN';
    const parts = [
      ...this.#criticals.map((item) => `Crit:${item}`),
      ...this.#warnings.map((item) => `Warn:${item}`),
      ...(this.exit === 0 ? this.#ok.map((item) => `OK:${item}`) : []),
    ];
    const figures = this.#figures.length === 0 ? '' : ` | ${this.#figures.join(' ')}`;
    return `${words} ${[this.#name, ...parts].join(' ')}${figures}\n`;
  }
}

function finish(context: CliContext, findings: Findings): number {
  context.stdout.write(findings.line());
  return findings.exit;
}

/** As in the reference, which never gave this check a connection of its own: `broker rtt` measures one. */
export function runCheckConnection(context: CliContext): Promise<number> {
  const findings = new Findings('Connection');
  findings.critical('Check failed: connection checks are not supported when a connection is supplied');
  return Promise.resolve(finish(context, findings));
}

export function runCheckServer(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const name = textFlag(parsed, 'name');
  return withBroker(context, parsed, {
    systemCommand: 'server check server',
    run: async ({connection}) => {
      const found = new Findings(inertLine(name ?? ''));
      const [answer] = await ask(context, connection, {
        subject: '$SYS.REQ.SERVER.PING.VARZ',
        body: name === undefined ? {} : {server_name: name},
        expected: 1,
      });
      if (answer === undefined) {
        found.critical('no server responded');
        return finish(context, found);
      }
      const {body} = answer;
      const startMs = Date.parse(text(body, 'start'));
      const uptime = Math.max(0, (context.platform.clock.nowMs() - startMs) / 1000);
      const seconds = (flag: string): number | undefined => {
        const ms = numberFlag(parsed, flag);
        return ms === undefined ? undefined : ms / 1000;
      };
      const limits = (flag: string) => ({
        warn: numberFlag(parsed, `${flag}-warn`),
        critical: numberFlag(parsed, `${flag}-critical`),
      });
      found.figure('uptime', uptime, {
        shown: `${uptime.toFixed(4)}s`,
        warn: seconds('uptime-warn'),
        critical: seconds('uptime-critical'),
      });
      found.figure('cpu', number(body, 'cpu'), {shown: `${Math.round(number(body, 'cpu'))}%`, ...limits('cpu')});
      found.figure('mem', number(body, 'mem'), {shown: String(number(body, 'mem')), ...limits('mem')});
      const connections = number(body, 'connections');
      found.figure('connections', connections, {shown: String(connections), ...limits('conn')});
      const subscriptions = number(body, 'subscriptions');
      found.figure('subscriptions', subscriptions, {shown: String(subscriptions), ...limits('subs')});
      if (isGiven(parsed, 'auth-required') && body['auth_required'] !== true)
        found.critical('authentication not required');
      if (isGiven(parsed, 'tls-required') && body['tls_required'] !== true) found.critical('TLS not required');
      if (isGiven(parsed, 'js-required') && Object.keys(fieldsOf(fieldsOf(body['jetstream'])['config'])).length === 0) {
        found.critical('JetStream not enabled');
      }
      return finish(context, found);
    },
  });
}

export function runCheckMeta(context: CliContext, parsed: ParsedArguments): Promise<number> {
  return withBroker(context, parsed, {
    systemCommand: 'server check meta',
    run: async ({connection}) => {
      const found = new Findings('JetStream Meta Cluster');
      const answers = await ask(context, connection, {
        subject: '$SYS.REQ.SERVER.PING.JSZ',
        body: {leader_only: true},
        expected: 1,
      });
      const [meta] = answers
        .map(({body}) => fieldsOf(body['meta_cluster']))
        .filter((cluster) => text(cluster, 'leader') !== '');
      if (meta === undefined) {
        found.critical('no meta leader');
        return finish(context, found);
      }
      const peers = listOf(meta, 'replicas');
      const count = peers.length + 1;
      found.figure('peers', count, {shown: String(count)});
      const expected = numberFlag(parsed, 'expect');
      if (expected !== undefined && expected !== count) found.critical(`${count} peers of expected ${expected}`);
      const lagMax = numberFlag(parsed, 'lag-critical') ?? Infinity;
      const seenMaxMs = numberFlag(parsed, 'seen-critical') ?? Infinity;
      const lagged = peers.filter((peer) => number(peer, 'lag') >= lagMax).length;
      const unseen = peers.filter((peer) => number(peer, 'active') / 1e6 >= seenMaxMs).length;
      const offline = peers.filter((peer) => peer['offline'] === true).length;
      found.figure('peer_offline', offline, {shown: String(offline)});
      found.figure('peer_inactive', unseen, {shown: String(unseen)});
      found.figure('peer_lagged', lagged, {shown: String(lagged)});
      if (offline > 0) found.critical(`${offline} offline`);
      if (unseen > 0) found.critical(`${unseen} not seen`);
      if (lagged > 0) found.critical(`${lagged} lagged`);
      found.ok(`${count} peers led by ${inertLine(text(meta, 'leader'))}`);
      return finish(context, found);
    },
  });
}

export function runCheckRequest(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const subject = textFlag(parsed, 'subject') ?? '';
  if (subject === '') throw new CliError('ERR_CLI_USAGE', 'required flag --subject not provided');
  return withBroker(context, parsed, {
    run: async ({connection}) => {
      const {clock} = context.platform;
      const found = new Findings(inertLine(subject));
      const startMs = clock.monotonicMs();
      const timeoutMs = Number(parsed.flags['connect-timeout']);
      try {
        const answer = await connection.request(subject, Buffer.from(textFlag(parsed, 'payload') ?? ''), {timeoutMs});
        const elapsedMs = clock.monotonicMs() - startMs;
        found.figure('time', elapsedMs, {
          shown: `${(elapsedMs / 1000).toFixed(4)}s`,
          warn: numberFlag(parsed, 'response-warn'),
          critical: numberFlag(parsed, 'response-critical'),
        });
        const match = textFlag(parsed, 'match-payload');
        if (match !== undefined && !compileRegex(match).test(answer.payload.toString('utf8'))) {
          found.critical(`the payload does not match ${JSON.stringify(match)}`);
        }
        found.ok(`answered in ${goDuration(Math.round(elapsedMs * 1e6))}`);
      } catch (error) {
        found.critical(`could not send request: ${errorMessage(error)}`);
      }
      return finish(context, found);
    },
  });
}
