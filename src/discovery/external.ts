/**
 * Asks a program of the site: request and reply are files, their names are arguments and environment variables.
 *
 * Rules: the client digest, section 2.5. The program gets nothing of our environment but PATH.
 */
import {basename} from './paths.ts';
import type {Logger} from '../lib/logger.ts';
import type {Platform} from '../lib/platform.ts';
import {errorMessage} from '../lib/errors.ts';
import {DiscoveryError} from './errors.ts';
import {checkedIdentities} from './identities.ts';
import {discoveryLimits} from './limits.ts';
import {splitShellWords} from './shell-words.ts';
import type {DiscoveryMethod, DiscoveryRequest, DiscoveryResult} from './types.ts';

const requestProtocol = 'io.choria.choria.discovery.v1.external_request';
const replyProtocol = 'io.choria.choria.discovery.v1.external_reply';
const requestSchema = 'https://choria.io/schemas/choria/discovery/v1/external_request.json';

export interface ExternalOptions {
  readonly platform: Platform;
  readonly logger: Logger;
  /** `plugin.choria.discovery.external.command`; the option `command` of a request beats it. */
  readonly command: string | undefined;
}

export function createExternalMethod(options: ExternalOptions): DiscoveryMethod {
  return {name: 'external', discover: (request) => discoverExternally(request, options)};
}

async function discoverExternally(request: DiscoveryRequest, options: ExternalOptions): Promise<DiscoveryResult> {
  const {platform} = options;
  const [program, ...args] = splitShellWords(request.options['command'] ?? options.command ?? '');
  if (program === undefined) {
    throw new DiscoveryError(
      'ERR_DISCOVERY_SOURCE',
      'Cannot discover nodes by the method external: no command was given, expected --do command="..." or plugin.choria.discovery.external.command',
    );
  }
  const directory = await platform.files.makeTempDirectory('request-');
  try {
    const files = {request: `${directory}/request.json`, reply: `${directory}/reply.json`};
    await platform.files.writeAtomic(files.request, JSON.stringify(requestDocument(request)), {mode: 0o600});
    await platform.files.writeAtomic(files.reply, '', {mode: 0o600});
    await runCommand({program, args: [...args, files.request, files.reply, requestProtocol], files, request}, options);
    return {identities: await readReply(files.reply, options), complete: true};
  } finally {
    await platform.files.remove(directory, {recursive: true});
  }
}

function timeoutFor(request: DiscoveryRequest): number {
  return Math.max(request.timeoutMs, discoveryLimits.externalTimeoutMsMin);
}

function requestDocument(request: DiscoveryRequest): unknown {
  const {command: _command, ...options} = request.options;
  const {filter} = request;
  return {
    protocol: requestProtocol,
    collective: request.collective,
    filter: {
      fact: filter.facts.map(({fact, operator, value}) => ({fact, operator, value})),
      cf_class: filter.classes,
      agent: filter.agents,
      identity: filter.identities,
      compound: filter.compounds,
    },
    federations: request.federations.length === 0 ? null : request.federations,
    options,
    $schema: requestSchema,
    timeout: timeoutFor(request) / 1000,
  };
}

interface Job {
  readonly program: string;
  readonly args: readonly string[];
  readonly files: {readonly request: string; readonly reply: string};
  readonly request: DiscoveryRequest;
}

async function runCommand(job: Job, options: ExternalOptions): Promise<void> {
  const {platform} = options;
  const logger = options.logger.child({component: 'external_discovery'});
  const timeoutMs = timeoutFor(job.request);
  if (timeoutMs !== job.request.timeoutMs)
    logger.warn(`Forcing discovery timeout to minimum ${timeoutMs / 1000} second`);
  const result = await platform.processes
    .run({
      command: job.program,
      args: job.args,
      env: {
        CHORIA_EXTERNAL_REQUEST: job.files.request,
        CHORIA_EXTERNAL_REPLY: job.files.reply,
        CHORIA_EXTERNAL_PROTOCOL: requestProtocol,
        PATH: platform.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin',
      },
      cwd: platform.host.tempDirectory,
      timeoutMs,
      outputBytesMax: discoveryLimits.externalOutputBytesMax,
      signal: job.request.signal,
      onLine: (stream, line) => (stream === 'stdout' ? logger.info(line) : logger.error(line)),
    })
    .catch((error: unknown) => {
      throw failed(`executing ${quote(job.program)} failed: ${errorMessage(error)}`, error);
    });
  if (result.timedOut) {
    throw failed(
      `executing ${basename(job.program)} failed: exit status -1: it did not end within ${timeoutMs} ms and was killed`,
    );
  }
  if (result.exitCode !== 0) {
    const how =
      result.exitCode === null ? `signal ${result.signalName ?? 'unknown'}` : `exit status ${result.exitCode}`;
    throw failed(`executing ${basename(job.program)} failed: ${how}`);
  }
}

async function readReply(path: string, options: ExternalOptions): Promise<readonly string[]> {
  const bytes = await options.platform.files.read(path, {limitBytes: discoveryLimits.externalReplyBytesMax});
  const value = parseReply(bytes);
  const {protocol, nodes, error} = value;
  if (protocol !== replyProtocol) {
    throw failed(`invalid response received, expected protocol "${replyProtocol}" got ${quote(protocol ?? '')}`);
  }
  if (typeof error === 'string' && error !== '') throw failed(error);
  if (nodes === undefined || nodes === null) return [];
  if (!Array.isArray(nodes) || !nodes.every((node) => typeof node === 'string')) {
    throw failed('invalid response received, "nodes" is not a list of names');
  }
  return checkedIdentities(nodes, 'the external discovery command');
}

function parseReply(bytes: Buffer): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw failed(`failed to decode reply json: ${errorMessage(error)}`, error);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw failed('failed to decode reply json: expected an object');
  }
  return value as Readonly<Record<string, unknown>>;
}

function quote(value: unknown): string {
  return JSON.stringify(value);
}

function failed(message: string, cause?: unknown): DiscoveryError {
  return new DiscoveryError('ERR_DISCOVERY_EXTERNAL', message, cause === undefined ? {} : {cause});
}
