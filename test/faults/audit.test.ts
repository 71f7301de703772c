/** Fault 67 at the audit trails of server and broker, and their rule: no record, no run. */
import {describe, expect, test} from 'vitest';
import {auditedAuthenticator} from '../../src/broker/authentication/audited.ts';
import type {Authenticator} from '../../src/broker/authentication/types.ts';
import {configFromEntries} from '../../src/config/index.ts';
import {createAuditFile} from '../../src/lib/audit-file.ts';
import {createAuditor} from '../../src/rpc/index.ts';
import {FakeFiles, systemError} from '../support/fake-files.ts';
import {createFakePlatform} from '../support/fake-platform.ts';
import {createRecordingLogger} from '../support/recording-logger.ts';

const request = {
  agent: 'rpcutil',
  action: 'ping',
  data: {},
  requestId: 'r1',
  senderId: 'dev1',
  callerId: 'choria=bob',
  collective: 'mcollective',
  ttlSeconds: 60,
  sentAtMs: 0,
};

async function auditorWith(settings: Readonly<Record<string, string>>) {
  const {platform, files} = createFakePlatform({files: {'/var/log/x': ''}});
  const logger = createRecordingLogger();
  const config = await configFromEntries({rpcaudit: '1', ...settings}, {platform, mode: 'server'});
  return {auditor: await createAuditor(config, {platform, logger}), files, logger};
}

describe('the audit trail of a server', () => {
  test('without a file nothing runs, and the message says what to set', async () => {
    const {auditor, logger} = await auditorWith({});
    await expect(auditor?.record(request)).rejects.toThrow('"plugin.rpcaudit.logfile" is not set');
    expect(logger.lines.map(({level}) => level)).toEqual(['error']);
  });

  test('a full disk is an error for the request, and the next line is written again', async () => {
    const {auditor, files} = await auditorWith({'plugin.rpcaudit.logfile': '/var/log/audit.log'});
    await auditor?.record(request);
    files.partialBytes = 20;
    await expect(auditor?.record(request)).rejects.toThrow('Cannot write the audit log "/var/log/audit.log"');
    files.partialBytes = undefined;
    await auditor?.record({...request, requestId: 'r2'});
    const lines = (files.text('/var/log/audit.log') ?? '').split('\n');
    // What the disk took of the second one stays; it must not spoil the third.
    expect(lines.length).toBe(4);
    expect([lines[0], lines[2]].map((line) => (JSON.parse(line ?? '') as {request_id: string}).request_id)).toEqual([
      'r1',
      'r2',
    ]);
  });

  test('fault 67: passwords, tokens and keys among the inputs are not written', async () => {
    const {auditor, files} = await auditorWith({'plugin.rpcaudit.logfile': '/var/log/audit.log'});
    const data = {Password: 'hunter2', token: 'hunter2', signature: 'hunter2', user: 'bob'};
    await auditor?.record({...request, agent: 'aaa_signer', rawData: data});
    await auditor?.record({...request, agent: 'choria_provision', rawData: {key: 'hunter2', config: '{}'}});
    const text = files.text('/var/log/audit.log') ?? '';
    expect(text).not.toContain('hunter2');
    expect(text).toContain('"user":"bob"');
  });

  test('a new file is given to the group that is configured, and without that group nothing runs', async () => {
    const given: string[] = [];
    const make = async (group: string) => {
      const fake = createFakePlatform({files: {'/var/log/x': ''}});
      const files = Object.assign(fake.files, {
        changeGroup: async (path: string, id: number) => void given.push(`${path} ${id}`),
      });
      const names = {
        ...fake.platform.names,
        groupId: async (name: string) => (name === 'auditors' ? 4711 : undefined),
      };
      const platform = {...fake.platform, files, names};
      const config = await configFromEntries(
        {rpcaudit: '1', 'plugin.rpcaudit.logfile': '/var/log/audit.log', 'plugin.rpcaudit.logfile.group': group},
        {platform, mode: 'server'},
      );
      return {auditor: await createAuditor(config, {platform, logger: createRecordingLogger()}), files};
    };
    const {auditor, files} = await make('auditors');
    await auditor?.record(request);
    await auditor?.record(request);
    await files.rename('/var/log/audit.log', '/var/log/audit.log.1');
    await auditor?.record(request);
    expect(given).toEqual(['/var/log/audit.log 4711', '/var/log/audit.log 4711']);
    const wrong = await make('auditor');
    for (let attempt = 0; attempt < 2; attempt++) {
      await expect(wrong.auditor?.record(request)).rejects.toThrow('there is no group "auditor"');
    }
    expect(wrong.files.text('/var/log/audit.log')).toBe('');
  });

  test('the file is moved aside before it would grow too large, and a few are kept', async () => {
    const files = new FakeFiles({'/var/log/x': ''});
    const file = createAuditFile({files, path: '/var/log/a', mode: 0o600, bytesMax: 10, keep: 2});
    await Promise.all(['one', 'two', 'three', 'four', 'five', 'six', 'seven'].map((line) => file.append(line)));
    expect(['/var/log/a', '/var/log/a.1', '/var/log/a.2', '/var/log/a.3'].map((path) => files.text(path))).toEqual([
      'six\nseven\n',
      'four\nfive\n',
      'three\n',
      undefined,
    ]);
  });
});

describe('the audit trail of a broker', () => {
  const facts = {clientId: 7, kind: 'client', remoteAddress: '192.0.2.1', tls: undefined, nonce: 'n'} as const;
  const connect = {
    user: undefined,
    password: 'hunter2',
    authToken: 'hunter2',
    jwt: 'hunter2',
    nkey: undefined,
    signature: 'hunter2',
    name: 'bob',
  };
  const inner: Authenticator = {
    isNonceNeeded: true,
    isAnnounced: true,
    authenticate: ({clientId}) =>
      clientId === 7
        ? {isAdmitted: true, account: 'choria', user: 'up=bob'}
        : {isAdmitted: false, reason: 'token is expired'},
  };

  test('each decision is one line without secrets, and nobody is let in without one', async () => {
    const {clock, files} = createFakePlatform({files: {'/var/log/x': ''}});
    const file = createAuditFile({files, path: '/var/log/broker', mode: 0o600});
    const audited = auditedAuthenticator(inner, {file, clock, logger: createRecordingLogger()});
    expect(await audited.authenticate(facts, connect)).toMatchObject({isAdmitted: true});
    expect(await audited.authenticate({...facts, clientId: 8}, connect)).toMatchObject({isAdmitted: false});
    const text = files.text('/var/log/broker') ?? '';
    expect(text).not.toContain('hunter2');
    expect(
      text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as object),
    ).toMatchObject([
      {action: 'allow', user: 'up=bob', address: '192.0.2.1'},
      {action: 'deny', reason: 'token is expired'},
    ]);
    files.fault = (_operation, path) => systemError('EACCES', path);
    expect(await audited.authenticate(facts, connect)).toMatchObject({isAdmitted: false});
  });
});
