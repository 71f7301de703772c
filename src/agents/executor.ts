/**
 * `executor`: watches and signals commands that run in the background. Vectors: `agents/rpc.json`.
 *
 * Unlike the reference, `list` gives the jobs, and `signal` is allowed to exactly those who may be told of the job.
 */
import {errorMessage} from '../lib/errors.ts';
import {ActionFailure, decodeInputs} from '../rpc/index.ts';
import type {RpcAction} from '../rpc/index.ts';
import type {Agent, NodeContext} from '../rpc/types.ts';
import {builtinAgent, ok} from './builtin.ts';
import {type Job, listJobs, loadJob} from '../executor/index.ts';

export function createExecutorAgent(version: string): Agent {
  return builtinAgent({
    name: 'executor',
    version,
    timeoutSeconds: 20,
    shouldActivate: async (node) => node.config.get('plugin.choria.executor.enabled'),
    actions: {status, signal, list},
  });
}

function spoolOf(node: NodeContext): string {
  const spool = node.config.get('plugin.choria.executor.spool');
  if (spool !== '') return spool;
  throw new ActionFailure('Executor spool is not configured');
}

async function load(node: NodeContext, id: string): Promise<Job> {
  const spool = spoolOf(node);
  try {
    return await loadJob(node.platform.files, {spool, id});
  } catch (error) {
    throw new ActionFailure(`Could not load job: ${errorMessage(error)}`, {cause: error});
  }
}

const status: RpcAction = async (request, {node}) => {
  const {id} = decodeInputs(request, {type: 'executor.StatusRequest', fields: {id: 'string'}});
  const job = await load(node, id);
  // The command line may hold secrets of the one who started it.
  const mayRead = job.caller === request.callerId;
  return ok({
    command: mayRead ? job.command : 'Not authorized',
    args: mayRead ? job.args.join(' ') : '',
    started: job.pid !== undefined,
    start_time: job.startTime,
    terminate_time: job.terminateTime,
    exit_code: job.exitCode ?? -1,
    exit_reason: job.exitReason,
    running: job.isRunning,
    agent: job.agent,
    action: job.action,
    requestid: job.requestId,
    caller: job.caller,
    pid: job.pid ?? -1,
    stdout_bytes: job.stdoutBytes,
    stderr_bytes: job.stderrBytes,
  });
};

const signal: RpcAction = async (request, {node, signal: abort}) => {
  const inputs = decodeInputs(request, {type: 'executor.SignalRequest', fields: {id: 'string', signal: 'int'}});
  if (inputs.signal < 0 || inputs.signal > 64) throw new ActionFailure('Signal is required');
  const job = await load(node, inputs.id);
  if (job.caller !== request.callerId) {
    throw new ActionFailure(`You are not authorized to call this ${job.agent}#${job.action}`);
  }
  if (!job.isRunning || job.pid === undefined) throw new ActionFailure(`Job ${inputs.id} is not running`);
  const sent = await node.platform.processes.run({
    command: '/bin/kill',
    args: [`-${inputs.signal}`, String(job.pid)],
    env: {PATH: node.platform.env['PATH'] ?? ''},
    cwd: '/',
    timeoutMs: 2_000,
    outputBytesMax: 4_096,
    signal: abort,
  });
  if (sent.exitCode !== 0) {
    throw new ActionFailure(`Could not send signal: ${sent.stderr.toString('utf8').trim() || 'kill failed'}`);
  }
  const after = await load(node, inputs.id);
  return ok({pid: job.pid, running: after.isRunning});
};

const list: RpcAction = async (request, {node}) => {
  const wanted = decodeInputs(request, {
    type: 'executor.ListRequest',
    fields: {
      action: 'string',
      agent: 'string',
      before: 'int64',
      caller: 'string',
      command: 'string',
      completed: 'bool',
      identity: 'string',
      requestid: 'string',
      running: 'bool',
      since: 'int64',
    },
  });
  const jobs = await listJobs(node.platform.files, {
    spool: spoolOf(node),
    onProblem: (id, error) => node.logger.warn(`Job ${id} cannot be read: ${errorMessage(error)}`),
  });
  const matching = jobs.filter((job) => {
    const created = Date.parse(job.createdTime) / 1000;
    return (
      [
        [wanted.action, job.action],
        [wanted.agent, job.agent],
        [wanted.caller, job.caller],
        [wanted.command, job.command],
        [wanted.identity, job.identity],
        [wanted.requestid, job.requestId],
      ].every(([asked, found]) => asked === '' || asked === found) &&
      (wanted.before === 0 || created < wanted.before) &&
      (wanted.since === 0 || created > wanted.since) &&
      (!wanted.running || job.isRunning) &&
      (!wanted.completed || job.exitCode !== undefined)
    );
  });
  return ok({jobs: Object.fromEntries(matching.map((job) => [job.id, listEntry(job, request.callerId)]))});
};

function listEntry(job: Job, callerId: string): Readonly<Record<string, unknown>> {
  return {
    action: job.action,
    agent: job.agent,
    command: job.caller === callerId ? job.command : 'Not authorized',
    id: job.id,
    identity: job.identity,
    requestid: job.requestId,
    start: job.startTime,
    terminate: job.terminateTime,
  };
}
