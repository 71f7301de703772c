import {expect, test} from 'vitest';
import {encodeStatus} from './status-file.ts';

test('the status has the keys of the reference in their order', () => {
  expect(
    encodeStatus({
      identity: 'n1.example.net',
      uptimeSeconds: 132,
      connectedServer: 'nats://127.0.0.1:4222',
      lastMessageAtMs: 1795233713_400,
      provisioning: false,
      statistics: {
        total: 5,
        validated: 4,
        unvalidated: 0,
        passed: 4,
        filtered: 1,
        replies: 4,
        ttlExpired: 0,
        events: 1,
        replayed: 2,
        refused: 3,
      },
      certificateExpiresAtMs: Date.UTC(2036, 10, 18, 3, 35, 20),
      tokenExpiresAtMs: undefined,
    }),
  ).toBe(
    '{"identity":"n1.example.net","uptime":132,"connected_server":"nats://127.0.0.1:4222","last_message":1795233713,' +
      '"provisioning_mode":false,"stats":{"total":5,"valid":4,"invalid":0,"passed":4,"filtered":1,"replies":4,' +
      '"ttlexpired":0,"events":1},"certificate_expires":"2036-11-18T03:35:20Z","token_expires":"0001-01-01T00:00:00Z"}',
  );
});
