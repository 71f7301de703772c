import {describe, expect, test} from 'vitest';
import {createFakePlatform} from '../../../test/support/fake-platform.ts';
import {systemError} from '../../../test/support/fake-files.ts';
import type {HttpClient} from '../../lib/http.ts';
import type {Platform, ProcessResult, RunningProcess} from '../../lib/platform.ts';
import {callAction} from '../../rpc/call-action.ts';
import {createEmulatorController} from './controller.ts';

const natsServer = '/usr/bin/nats-server';

/** What clients fill in from the description. */
const defaults: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  start: {instances: 1, agents: 1, collectives: 1, monitor: 8080, tls: false},
  stop: {port: 8080},
  status: {port: 8080},
  start_nats: {port: 4222, monitor_port: 8222},
};

/** A machine whose programs run until a signal that they listen to. */
function machine(options: {readonly deafTo?: string} = {}) {
  const alive = new Map<string, {readonly args: readonly string[]; readonly signals: string[]}>();
  const started: {readonly command: string; readonly args: readonly string[]; readonly signals: string[]}[] = [];
  const http: HttpClient = {
    request: ({url}) => {
      const isEmulator = url.endsWith('/debug/vars') && alive.has('/usr/bin/node');
      const isNats = url.endsWith('/healthz') && alive.has(natsServer);
      if (!isEmulator && !isNats) return Promise.reject(systemError('ECONNREFUSED', url));
      const body = isEmulator
        ? JSON.stringify({name: 'e1', config: {pid: 4712, TLS: 0}, memstats: {Sys: 1000}})
        : JSON.stringify({status: 'ok'});
      return Promise.resolve({status: 200, statusText: 'OK', headers: new Map(), body: Buffer.from(body)});
    },
  };
  const fake = createFakePlatform({
    http,
    env: {PATH: '/usr/bin'},
    programs: {[natsServer]: () => ({stdoutText: 'nats-server: v2.15.2\n'})},
  });
  fake.files.put(natsServer, '#!', {mode: 0o755});
  const start = (request: {readonly command: string; readonly args: readonly string[]}): Promise<RunningProcess> => {
    const {command, args} = request;
    const signals: string[] = [];
    const program = {command, args, signals};
    started.push(program);
    alive.set(command, program);
    let end: (result: ProcessResult) => void = () => undefined;
    const exited = new Promise<ProcessResult>((resolve) => {
      end = resolve;
    });
    const signal = (name: string): void => {
      signals.push(name);
      if (name === options.deafTo) return;
      alive.delete(command);
      const nothing = Buffer.alloc(0);
      end({exitCode: 0, signalName: null, timedOut: false, stdout: nothing, stderr: nothing, droppedBytes: 0});
    };
    return Promise.resolve({pid: 4712, exited, signal});
  };
  const platform: Platform = {...fake.platform, processes: {...fake.platform.processes, start}};
  const controller = createEmulatorController({
    platform,
    configPath: '/etc/choria/emulator.conf',
    identity: 'm1.example.net',
    authority: ['--ca-key', '/etc/choria/ca.key'],
  });
  const call = async (action: string, data: Readonly<Record<string, unknown>> = {}) =>
    callAction(controller.agent, {action, data: {...defaults[action], ...data}});
  return {...fake, controller, started, call, alive};
}

describe('the agent emulator', () => {
  test('starts an emulator as it is told to, and says of it what its monitor says', async () => {
    const {call, started} = machine();
    expect(await call('start', {name: 'e1', instances: 30, servers: 'n1:4222, n2:4222'})).toMatchObject({
      statusCode: 0,
      data: {status: true},
    });
    expect(started[0]?.args.join(' ')).toContain('--name e1 --identity {n}-e1 --first 1 --count 30');
    expect(started[0]?.args.join(' ')).toContain('--server n1:4222 --server n2:4222 --no-tls');
    expect(await call('status')).toMatchObject({data: {name: 'e1', running: true, pid: 4712, memory: 1000}});
    expect(await call('start')).toMatchObject({
      statusCode: 1,
      statusMessage: 'Cannot start, emulator is already running',
    });
  });

  test('stops what it started, and nothing else', async () => {
    const {call, started, alive, clock} = machine();
    expect(await call('stop')).toMatchObject({data: {status: false}});
    await call('start', {monitor: 9000});
    expect(await call('stop', {port: 8080})).toMatchObject({data: {status: false}});
    expect(alive.size).toBe(1);
    const stopping = call('stop', {port: 9000});
    await clock.advance(200);
    expect(await stopping).toMatchObject({data: {status: true}});
    expect(started[0]?.signals).toEqual(['SIGTERM']);
    expect(await call('status', {port: 9000})).toMatchObject({data: {running: false, pid: -1}});
  });

  test('starts one nats-server with the ports and leafs it is told, and stops it', async () => {
    const {call, started, files} = machine();
    const data = {port: 5222, monitor_port: 6222, leafnode_servers: 'nats://hub:7422', credentials: 'c2VjcmV0'};
    expect(await call('start_nats', data)).toMatchObject({statusCode: 0, data: {running: true}});
    const path = started[0]?.args[1] ?? '';
    const config = JSON.parse((await files.read(path, {limitBytes: 10_000})).toString()) as {
      readonly leafnodes: {readonly remotes: readonly {readonly credentials: string}[]};
    };
    expect(config).toMatchObject({
      listen: '0.0.0.0:5222',
      http: '127.0.0.1:6222',
      leafnodes: {remotes: [{urls: ['nats://hub:7422']}]},
    });
    const credentials = config.leafnodes.remotes[0]?.credentials ?? '';
    expect((await files.read(credentials, {limitBytes: 100})).toString()).toBe('secret');
    expect(await call('start_nats', data)).toMatchObject({statusCode: 1, statusMessage: 'NATS is already running'});
    expect(await call('stop_nats')).toMatchObject({data: {stopped: true}});
    expect(started[0]?.signals).toEqual(['SIGTERM']);
    await expect(files.read(path, {limitBytes: 10_000})).rejects.toMatchObject({code: 'ENOENT'});
    expect(await call('stop_nats')).toMatchObject({data: {stopped: true}});
  });

  test('kills a nats-server that does not end', async () => {
    const {call, started, clock} = machine({deafTo: 'SIGTERM'});
    await call('start_nats');
    const stopping = call('stop_nats');
    await clock.advance(10_000);
    expect(await stopping).toMatchObject({data: {stopped: true}});
    expect(started[0]?.signals).toEqual(['SIGTERM', 'SIGKILL']);
  });

  test('leaves nothing behind when its node stops', async () => {
    const {call, controller, alive} = machine();
    await call('start');
    await call('start_nats');
    await controller.stop();
    expect(alive.size).toBe(0);
  });

  test.each([
    ['start', {monitor: 0}, 'monitor is 0'],
    ['start', {instances: 0}, 'instances is 0'],
    ['start_nats', {port: 70_000}, 'port is 70000'],
    ['stop', {port: -1}, 'port is -1'],
  ])('%s refuses %j', async (action, data, reason) => {
    const {call, started} = machine();
    expect(await call(action, data)).toMatchObject({statusCode: 1, statusMessage: expect.stringContaining(reason)});
    expect(started).toHaveLength(0);
  });
});
