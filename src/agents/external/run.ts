/**
 * Runs the program of an external agent once: request file, reply file, facts file, five variables, no shell.
 *
 * The files are private (0600) in a directory of their own (0700) with a random name, so nobody can put something in their way, and
 * they go when the call ends, however it does. Vectors: `agents/external.json`.
 */
import {errorMessage} from '../../lib/errors.ts';
import type {Logger} from '../../lib/logger.ts';
import type {FileInfo, Files, Platform, ProcessResult} from '../../lib/platform.ts';
import {AgentsError} from '../errors.ts';
import {loggedLinesMax, outputBytesMax, replyBytesMax} from '../limits.ts';

export const rpcProtocol = 'io.choria.mcorpc.external.v1.rpc_request';
export const dataProtocol = 'io.choria.mcorpc.external.v1.data_request';
export const activationProtocol = 'io.choria.mcorpc.external.v1.activation_request';

export interface ExternalRun {
  readonly agent: string;
  readonly executable: string;
  readonly protocol: typeof rpcProtocol | typeof activationProtocol | typeof dataProtocol;
  readonly request: Readonly<Record<string, unknown>>;
  /** JSON text; empty for activation. */
  readonly facts: Uint8Array;
  /** `<config dir>/plugin.d/AGENT`, which scripts read as they always did. */
  readonly configPath: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly platform: Platform;
  readonly logger: Logger;
}

/**
 * @returns the bytes of the reply file, or undefined when the time was over
 * @throws {AgentsError} `ERR_AGENT_EXECUTABLE` | `ERR_AGENT_CALL` | `ERR_AGENT_REPLY`
 */
export async function runExternal(run: ExternalRun): Promise<Buffer | undefined> {
  const {files, host} = run.platform;
  await checkExecutable(files, {path: run.executable, uid: host.uid});
  const directory = await files.makeTempDirectory('choria-agent-');
  try {
    return await runIn(directory, run);
  } finally {
    await files.remove(directory, {recursive: true}).catch((error: unknown) => {
      run.logger.warn(`Could not remove temporary files in ${directory}: ${errorMessage(error)}`);
    });
  }
}

async function runIn(directory: string, run: ExternalRun): Promise<Buffer | undefined> {
  const {platform} = run;
  const random = (): string => platform.random.bytes(6).toString('hex');
  const request = `${directory}/request${random()}`;
  const reply = `${directory}/reply${random()}`;
  const facts = `${directory}/facts${random()}`;
  await writePrivate(platform.files, request, Buffer.from(JSON.stringify(run.request), 'utf8'));
  await writePrivate(platform.files, reply, Buffer.alloc(0));
  await writePrivate(platform.files, facts, run.facts);
  const result = await start(run, {request, reply, facts});
  if (result.timedOut || run.signal.aborted) return undefined;
  if (result.exitCode !== 0) {
    throw new AgentsError('ERR_AGENT_CALL', `executing ${run.agent} failed: exit status ${result.exitCode ?? -1}`);
  }
  return readReply(platform.files, reply);
}

async function start(
  run: ExternalRun,
  paths: {readonly request: string; readonly reply: string; readonly facts: string},
): Promise<ProcessResult> {
  const {platform, logger, agent} = run;
  let lines = 0;
  try {
    return await platform.processes.run({
      command: run.executable,
      // The reference gives this protocol even when it asks about activation; only the variable tells the truth.
      args: [paths.request, paths.reply, run.protocol === dataProtocol ? dataProtocol : rpcProtocol],
      env: {
        CHORIA_EXTERNAL_REQUEST: paths.request,
        CHORIA_EXTERNAL_REPLY: paths.reply,
        CHORIA_EXTERNAL_PROTOCOL: run.protocol,
        CHORIA_EXTERNAL_CONFIG: run.configPath,
        CHORIA_EXTERNAL_FACTS: paths.facts,
        PATH: platform.env['PATH'] ?? '',
      },
      cwd: platform.host.tempDirectory,
      timeoutMs: run.timeoutMs,
      outputBytesMax,
      signal: run.signal,
      onLine: (stream, line) => {
        lines++;
        if (lines > loggedLinesMax) return;
        if (stream === 'stdout') logger.info(line, {agent});
        else logger.error(line, {agent});
        if (lines === loggedLinesMax)
          logger.warn(`Agent ${agent} wrote ${lines} lines: further ones are left out`, {agent});
      },
    });
  } catch (error) {
    if (run.signal.aborted) throw error;
    throw new AgentsError('ERR_AGENT_CALL', `executing ${agent} failed: ${errorMessage(error)}`, {cause: error});
  }
}

/** Appends instead of writing atomically: the file is new and private, and nothing needs to survive a power cut. */
async function writePrivate(files: Files, path: string, content: Uint8Array): Promise<void> {
  const handle = await files.openAppend(path, {mode: 0o600});
  try {
    if (content.length > 0) await handle.append(content);
  } finally {
    await handle.close();
  }
}

async function readReply(files: Files, path: string): Promise<Buffer> {
  try {
    // A link would let an agent's reply be any file that the server may read.
    const info = await files.lstat(path);
    if (info.kind !== 'file') throw new AgentsError('ERR_AGENT_REPLY', `${path} is not a regular file`);
    return await files.read(path, {limitBytes: replyBytesMax});
  } catch (error) {
    const isMissing = (error as {code?: unknown}).code === 'ENOENT';
    const reason = isMissing ? `open ${path}: no such file or directory` : errorMessage(error);
    throw new AgentsError('ERR_AGENT_REPLY', `failed to read reply json: ${reason}`, {cause: error});
  }
}

/**
 * Asked before every run, because files change: a program that anybody may rewrite would let anybody act as the server.
 *
 * @throws {AgentsError} `ERR_AGENT_EXECUTABLE`
 */
export async function checkExecutable(
  files: Files,
  options: {readonly path: string; readonly uid: number},
): Promise<void> {
  const info = await checkProgramFile(files, options);
  if ((info.mode & 0o111) === 0) throw refuseProgram(options.path, 'it is not executable');
}

function refuseProgram(path: string, problem: string): AgentsError {
  return new AgentsError('ERR_AGENT_EXECUTABLE', `Cannot run "${path}": ${problem}`, {details: {path}});
}

/**
 * The same of a file that an interpreter reads.
 *
 * @throws {AgentsError} `ERR_AGENT_EXECUTABLE`
 */
export async function checkProgramFile(
  files: Files,
  options: {readonly path: string; readonly uid: number},
): Promise<FileInfo> {
  const {path, uid} = options;
  const refuse = (problem: string): AgentsError => refuseProgram(path, problem);
  let resolved: string;
  try {
    resolved = await files.realPath(path);
  } catch (error) {
    throw refuse(errorMessage(error));
  }
  const info = await files.lstat(resolved);
  if (info.kind !== 'file') throw refuse('it is not a regular file');
  if ((info.mode & 0o002) !== 0) throw refuse('everybody may write to it, expected a file that only its owner changes');
  if (uid === 0 && info.uid !== 0) throw refuse(`it belongs to user ${info.uid} and the server runs as root`);
  return info;
}
