/** The guide to a first fleet: from an empty folder to a fleet that answers. */
import {cpSync, mkdirSync, mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {expect, test} from 'vitest';
import {runGuide} from '../support/guide.ts';

test('the commands of the guide to a first fleet do what it says', {timeout: 90_000}, async () => {
  const root = mkdtempSync(join(tmpdir(), 'choria-guide-'));
  const [directory, otherMachine] = [join(root, 'fleet'), join(root, 'db1')];
  for (const path of [directory, otherMachine]) mkdirSync(path);
  try {
    await runGuide('first-fleet', {
      directory,
      cli: {
        ports: new Map(),
        mounts: [
          {virtual: '/srv/fleet', real: directory},
          {virtual: '/etc/choria', real: otherMachine},
        ],
        cwd: '/srv/fleet',
      },
      rules: [
        {starts: 'choria broker run', ready: /Listening for client connections/},
        {starts: 'choria server run', ready: /Connected to|is now connected|level=/},
        {
          starts: 'choria server run --config /etc/choria/server.conf',
          ready: /Connected to|is now connected|level=/,
          before: () => cpSync(join(directory, 'acme/nodes/db1.example.net'), otherMachine, {recursive: true}),
        },
        {starts: 'choria ping', until: /2 replies/, more: ['--timeout', '1']},
        {
          starts: 'choria find',
          after: ({stdout}) =>
            expect(stdout.trim().split('\n').sort()).toEqual(['web1.example.net', 'web2.example.net']),
        },
        {starts: 'choria req', prints: /Finished processing 2 \/ 2 hosts/},
        {starts: 'choria doctor', prints: /nothing is wrong/},
        {starts: 'choria init status', prints: /bob/},
        {starts: 'choria init revoke bob', prints: /bob is revoked/},
      ],
    });
  } finally {
    rmSync(root, {recursive: true, force: true});
  }
});
