/** A broker's own settings and ports, and what the kernel of its machine allows. */
import {BrokerError, readSettings} from '../broker/index.ts';
import {errorMessage} from '../lib/errors.ts';
import type {Platform} from '../lib/platform.ts';
import {codeOf, inspectFile, textOf} from './files.ts';
import {finding} from './finding.ts';
import {doctorLimits} from './limits.ts';
import type {Finding, Subject} from './types.ts';

export interface BrokerSetupFacts {
  readonly subject: Subject;
  /** Why the broker would not start with these settings. */
  readonly problem?: string;
  /** Why it could not listen; absent when it could, or does already. */
  readonly listen?: {readonly code: string; readonly message: string};
  readonly kernel: {readonly backlog?: number; readonly synBacklog?: number; readonly openFiles?: number};
}

export async function collectBrokerSetup(
  subject: Subject,
  options: {readonly platform: Platform; readonly isOffline: boolean},
): Promise<BrokerSetupFacts | undefined> {
  if (subject.role !== 'broker') return undefined;
  const {platform, isOffline} = options;
  const kernel = await collectKernel(platform);
  try {
    const {host, port} = readSettings(subject.config);
    const listen = isOffline || port === 0 ? undefined : await tryListening(platform, {host, port});
    return {subject, kernel, ...(listen === undefined ? {} : {listen})};
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error;
    return {subject, kernel, problem: errorMessage(error)};
  }
}

/** A port that is taken by a broker is in use as it should be. */
async function tryListening(
  platform: Platform,
  address: {readonly host: string; readonly port: number},
): Promise<BrokerSetupFacts['listen']> {
  try {
    const listener = await platform.network.listen(address, (stream) => stream.destroy());
    await listener.close();
    return undefined;
  } catch (error) {
    const details = (error as {readonly details?: Readonly<Record<string, unknown>>}).details;
    const cause = error instanceof Error ? codeOf(error.cause) : '';
    const told = details?.['code'];
    const code = cause === '' ? (typeof told === 'string' ? told : codeOf(error)) : cause;
    if (code === 'EADDRINUSE' && (await greetsAsBroker(platform, address))) return undefined;
    return {code, message: errorMessage(error)};
  }
}

const anyAddress: Readonly<Record<string, string>> = {'::': 'localhost', '0.0.0.0': '127.0.0.1'};

function greetsAsBroker(
  platform: Platform,
  {host, port}: {readonly host: string; readonly port: number},
): Promise<boolean> {
  return new Promise((resolve) => {
    const connecting = platform.network.connect({
      host: anyAddress[host] ?? host,
      port,
      timeoutMs: doctorLimits.connectTimeoutMs,
    });
    connecting.then(
      (stream) => {
        const done = (isBroker: boolean): void => {
          timer.cancel();
          stream.destroy();
          resolve(isBroker);
        };
        const timer = platform.clock.setTimer(() => done(false), doctorLimits.connectTimeoutMs, {background: true});
        stream.onClose = () => done(false);
        stream.onData = (chunk) => done(chunk.toString('latin1', 0, 5).toUpperCase() === 'INFO ');
      },
      () => resolve(false),
    );
  });
}

/** Only Linux tells. */
async function collectKernel(platform: Platform): Promise<BrokerSetupFacts['kernel']> {
  if (platform.host.platform !== 'linux') return {};
  const limitBytes = 65_536;
  const read = async (path: string): Promise<string> => textOf(await inspectFile(platform.files, path, {limitBytes}));
  const number = (text: string): number | undefined => (/^\d+$/.test(text.trim()) ? Number(text.trim()) : undefined);
  const backlog = number(await read('/proc/sys/net/core/somaxconn'));
  const synBacklog = number(await read('/proc/sys/net/ipv4/tcp_max_syn_backlog'));
  // The hard limit: Node raises the soft one to it.
  const openFiles = number(/^Max open files\s+\S+\s+(\d+)/m.exec(await read('/proc/self/limits'))?.[1] ?? '');
  return {
    ...(backlog === undefined ? {} : {backlog}),
    ...(synBacklog === undefined ? {} : {synBacklog}),
    ...(openFiles === undefined ? {} : {openFiles}),
  };
}

export function judgeBrokerSetup(facts: BrokerSetupFacts): readonly Finding[] {
  const {subject, problem} = facts;
  const {config, configPath} = subject;
  const findings: Finding[] = [];
  if (problem !== undefined)
    findings.push(finding('broker-setting', {cause: problem, fix: `change the setting in ${configPath}`}));
  if (config.get('plugin.choria.network.open_certificates')) {
    const key = 'plugin.choria.network.open_certificates';
    findings.push(finding('broker-open', {cause: `${key} is on in ${configPath}`, fix: `${key} = false`}));
  }
  const user = 'plugin.choria.network.system.user';
  const password = 'plugin.choria.network.system.password';
  if (config.get(user) !== '' && config.get(password) === '') {
    findings.push(
      finding('broker-password-empty', {
        cause: `${user} is set in ${configPath}, and ${password} is not`,
        fix: `${password} = PASSWORD`,
      }),
    );
  }
  return [...findings, ...judgeListening(facts), ...judgeKernel(facts)];
}

function judgeListening({subject, listen}: BrokerSetupFacts): readonly Finding[] {
  if (listen === undefined) return [];
  const port = subject.config.get('plugin.choria.network.client_port');
  const {code, message: cause} = listen;
  if (code === 'EADDRINUSE') return [finding('port-taken', {cause, fix: `ss -ltnp 'sport = :${port}'`})];
  if (code === 'EACCES') return [finding('port-privileged', {cause, fix: 'plugin.choria.network.client_port = 4222'})];
  return [finding('listen-address', {cause, fix: 'plugin.choria.network.listen_address = ::'})];
}

function judgeKernel({kernel}: BrokerSetupFacts): readonly Finding[] {
  const {acceptBacklogMin, synBacklogMin, openFilesMin} = doctorLimits;
  const findings: Finding[] = [];
  const low = (value: number | undefined, least: number): value is number => value !== undefined && value < least;
  if (low(kernel.backlog, acceptBacklogMin)) {
    const cause = `net.core.somaxconn is ${kernel.backlog}`;
    findings.push(finding('kernel-backlog', {cause, fix: 'sysctl -w net.core.somaxconn=4096'}));
  }
  if (low(kernel.synBacklog, synBacklogMin)) {
    const cause = `net.ipv4.tcp_max_syn_backlog is ${kernel.synBacklog}`;
    findings.push(finding('kernel-syn-backlog', {cause, fix: 'sysctl -w net.ipv4.tcp_max_syn_backlog=4096'}));
  }
  if (low(kernel.openFiles, openFilesMin)) {
    const cause = `this process may open ${kernel.openFiles} files`;
    findings.push(
      finding('open-files', {cause, fix: 'LimitNOFILE=65536 in the unit of the broker, or ulimit -n 65536'}),
    );
  }
  return findings;
}
