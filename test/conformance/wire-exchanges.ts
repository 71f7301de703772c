/**
 * What is said on the wire, byte for byte: what a client sends and what comes back. Each engine says the same; the real nats-server is asked in the peers tier, so the
 * expected bytes are its own.
 */
import {describe, expect, test} from 'vitest';
import {RawClient} from '../support/raw-client.ts';

/** A step: the number of a connection, what it sends, and what it is told until it is quiet; `closed` when the link ends then. */
type Step = readonly [connection: number, sends: string, told: string, end?: 'closed'];

export type WireProfile = keyof typeof wireProfiles;

/** As the configuration of nats-server says it. */
export const wireProfiles = {
  open: '',
  small: 'max_control_line: 128\nmax_subscriptions: 3',
  rights: `authorization {users: [
    {user: free, password: x}
    {user: some, password: x, permissions: {
      publish: {allow: ["out.>"]}
      subscribe: {allow: ["in.>"], deny: ["in.q.secret workers"]}
    }}
    {user: service, password: x, permissions: {subscribe: "in.>", allow_responses: {max: 2, expires: "1m"}}}
  ]}`,
} as const;

const connect = (fields: object = {}): string =>
  `CONNECT ${JSON.stringify({verbose: false, pedantic: false, ...fields})}\r\n`;
const loud = connect({verbose: true, pedantic: true});
const modern = connect({headers: true, no_responders: true});
const user = (name: string): string => connect({user: name, pass: 'x'});
const many = (count: number, text = 'x'): string => text.repeat(count);
const ping = 'PING\r\n';
const pong = 'PONG\r\n';
const ok = '+OK\r\n';
const error = (text: string): string => `-ERR '${text}'\r\n`;
const nobody = (subject: string, sid: number, about: string): string => {
  const block = `NATS/1.0 503\r\nNats-Subject: ${about}\r\n\r\n`;
  return `HMSG ${subject} ${sid} ${block.length} ${block.length}\r\n${block}\r\n`;
};

interface Exchange {
  readonly name: string;
  readonly profile?: WireProfile;
  readonly steps: readonly Step[];
}

const unreadable = (json: string): Step => [0, `CONNECT ${json}\r\n`, '', 'closed'];

const exchanges: readonly Exchange[] = [
  {
    name: 'an error of the client needs a blank',
    steps: [[0, '-ERR\r\n', error('Unknown Protocol Operation'), 'closed']],
  },
  {name: 'an error of the client ends the link without a word', steps: [[0, "-ERR 'x'\r\n", '', 'closed']]},
  {name: 'INFO of a client is read and means nothing', steps: [[0, `INFO\t{"a":1}\r\n${ping}`, pong]]},
  {name: 'INFO of a client that is no JSON', steps: [[0, 'INFO x\r\n', '', 'closed']]},
  {name: 'CONNECT needs no blank', steps: [[0, `CONNECT{"verbose":false}\r\n${ping}`, pong]]},
  {name: 'CONNECT with nothing', steps: [[0, 'CONNECT\r\n', '', 'closed']]},
  {name: 'CONNECT null changes nothing', steps: [[0, `CONNECT null\r\n${ping}`, ok + pong]]},
  {name: 'names of fields count in any case', steps: [[0, `CONNECT {"VERBOSE":false}\r\n${ping}`, pong]]},
  {
    name: 'a second CONNECT changes only what it names',
    steps: [[0, `${connect()}CONNECT {"pedantic":true}\r\n${ping}`, pong]],
  },
  {
    name: 'a second CONNECT ends the subscriptions of the first',
    steps: [[0, `${connect()}SUB a 1\r\n${connect()}PUB a 0\r\n\r\n${ping}`, pong]],
  },
  {name: 'a switch that is no boolean', steps: [unreadable('{"tls_required":"x"}')]},
  {name: 'a protocol with a fraction', steps: [unreadable('{"protocol":1.0}')]},
  {
    name: 'a protocol nobody speaks',
    steps: [[0, 'CONNECT {"verbose":false,"protocol":7}\r\n', error('invalid client protocol'), 'closed']],
  },
  {
    name: 'asking for an account',
    steps: [[0, 'CONNECT {"new_account":true}\r\n', error('Authorization Violation'), 'closed']],
  },
  {name: 'anything may follow PING on its line', steps: [[0, `${connect()}PING${many(5000)}\r\n`, pong]]},
  {
    name: 'any number of blanks may stand before the arguments',
    steps: [[0, `${connect()}SUB ${many(5000, ' ')}a 1\r\nPUB a 0\r\n\r\n`, 'MSG a 1 0\r\n\r\n']],
  },
  {
    name: 'a lone CR parts the arguments of SUB',
    steps: [[0, `${connect()}SUB a\rq 1\r\nPUB a 0\r\n\r\n`, 'MSG a 1 0\r\n\r\n']],
  },
  {
    name: 'INFO has the bound of all lines',
    steps: [[0, `${connect()}INFO {"a":"${many(4096)}"}\r\n`, error('maximum control line exceeded'), 'closed']],
  },
  {
    name: 'an error of the client has the bound of all lines',
    steps: [[0, `${connect()}-ERR ${many(4097)}\r\n`, error('maximum control line exceeded'), 'closed']],
  },
  {
    name: 'the verb and its blanks do not count towards the bound of a line',
    profile: 'small',
    steps: [
      [0, `${connect({headers: true})}HPUB  ${many(124)} 0 1\r\na\r\n${ping}`, pong],
      [0, `HPUB ${many(125)} 0 1\r\na\r\n`, error('maximum control line exceeded'), 'closed'],
    ],
  },
  {
    name: 'beyond the bound of subscriptions a known number is refused like a new one',
    profile: 'small',
    steps: [
      [
        0,
        `${connect()}SUB a 1\r\nSUB b 2\r\nSUB c 3\r\nSUB c 3\r\nUNSUB 3\r\nSUB b 2\r\n${ping}`,
        error('maximum subscriptions exceeded') + pong,
      ],
    ],
  },
  {
    name: 'a pedantic client is told of a bad subject before its message is taken',
    steps: [
      [
        0,
        `${loud}PUB a.* 0\r\n\r\nPUB b. 0\r\n\r\n${ping}`,
        `${ok}${many(2, error('Invalid Publish Subject') + ok)}${pong}`,
      ],
    ],
  },
  {
    name: 'where the server itself finds its way, clients do not publish',
    steps: [
      [
        0,
        `${connect()}PUB _GR_.x 0\r\n\r\nPUB $GR.x 0\r\n\r\nPUB $NRG.x 0\r\n\r\n${ping}`,
        `${['_GR_.x', '$GR.x', '$NRG.x'].map((subject) => error(`Permissions Violation for Publish to "${subject}"`)).join('')}${pong}`,
      ],
      [
        0,
        `PUB a _GR_.x 0\r\n\r\nPUB a $JS.ACK.x 0\r\n\r\nPUB a _R_.x 0\r\n\r\n${ping}`,
        `${['_GR_.x', '$JS.ACK.x', '_R_.x'].map((subject) => error(`Permissions Violation for Publish with Reply of "${subject}"`)).join('')}${pong}`,
      ],
    ],
  },
  {
    name: 'the queue group of the servers is not for clients',
    steps: [
      [
        0,
        `${connect()}SUB a _sys_ 1\r\n${ping}`,
        error('Permissions Violation for Subscription to "a" using queue "_sys_"') + pong,
      ],
    ],
  },
  {
    name: 'a connection gets a message in the order of its subjects: rest, exact, any',
    steps: [
      [
        0,
        `${connect()}SUB a.* 1\r\nSUB a.b 2\r\nSUB > 3\r\nSUB *.b 4\r\nPUB a.b 0\r\n\r\n`,
        [3, 4, 2, 1].map((sid) => `MSG a.b ${sid} 0\r\n\r\n`).join(''),
      ],
    ],
  },
  {
    name: 'that nobody listens is told to a plain subscription only, the first that would get the answer',
    steps: [
      [0, `${modern}SUB in.a q 1\r\nPUB x in.a 0\r\n\r\n${ping}`, pong],
      [0, `SUB in.* 2\r\nSUB in.b 3\r\nPUB x in.b 0\r\n\r\n${ping}`, nobody('in.b', 3, 'x') + pong],
      [0, `PUB x in.* 0\r\n\r\n${ping}`, nobody('in.*', 2, 'x') + pong],
      [0, `PUB x. in.b 0\r\n\r\n${ping}`, nobody('in.b', 3, 'x.') + pong],
    ],
  },
  {
    name: 'a client that says late that it reads INFO is not sent it any more',
    steps: [[0, `${connect()}${ping}${connect({protocol: 1})}${ping}`, pong + pong]],
  },
  {
    name: 'what is no subject is within no right',
    profile: 'rights',
    steps: [
      [
        0,
        `${user('some')}SUB in..a 1\r\nPUB out..a 0\r\n\r\n${ping}`,
        error('Permissions Violation for Subscription to "in..a"') +
          error('Permissions Violation for Publish to "out..a"') +
          pong,
      ],
    ],
  },
  {
    name: 'names are quoted as Go quotes them',
    profile: 'rights',
    steps: [
      [
        0,
        `${user('some')}SUB a"\\b 1\r\nSUB \xc3\xa4\xff\x01\xe2\x80\xa8 1\r\n${ping}`,
        error('Permissions Violation for Subscription to "a\\"\\\\b"') +
          error('Permissions Violation for Subscription to "\xc3\xa4\\xff\\x01\\u2028"') +
          pong,
      ],
    ],
  },
  {
    name: 'a queue group that is denied one subject gets the others',
    profile: 'rights',
    steps: [
      [
        0,
        `${user('some')}SUB in.q.* workers 1\r\nSUB in.q.secret workers 2\r\n${ping}`,
        error('Permissions Violation for Subscription to "in.q.secret" using queue "workers"') + pong,
      ],
      [1, `${user('free')}PUB in.q.secret 0\r\n\r\nPUB in.q.open 0\r\n\r\n${ping}`, pong],
      [0, '', 'MSG in.q.open 1 0\r\n\r\n'],
    ],
  },
  {
    name: 'a request that is made again for the same answer uses one of the answers up',
    profile: 'rights',
    steps: [
      [0, `${user('service')}SUB in.> 1\r\n${ping}`, pong],
      [1, `${user('free')}SUB answer 1\r\nPUB in.a answer 0\r\n\r\nPUB in.a answer 0\r\n\r\n${ping}`, pong],
      [0, '', many(2, 'MSG in.a 1 answer 0\r\n\r\n')],
      [
        0,
        `PUB answer 0\r\n\r\nPUB answer 0\r\n\r\n${ping}`,
        error('Permissions Violation for Publish to "answer"') + pong,
      ],
      [1, '', 'MSG answer 1 0\r\n\r\n'],
    ],
  },
  {
    name: 'a second CONNECT takes the right to answer what came before it',
    profile: 'rights',
    steps: [
      [0, `${user('service')}SUB in.> 1\r\n${ping}`, pong],
      [1, `${user('free')}SUB answer 1\r\nPUB in.a answer 0\r\n\r\n${ping}`, pong],
      [0, '', 'MSG in.a 1 answer 0\r\n\r\n'],
      [
        0,
        `${user('service')}PUB answer 0\r\n\r\n${ping}`,
        error('Permissions Violation for Publish to "answer"') + pong,
      ],
      [1, ping, pong],
    ],
  },
  {
    name: 'a block of headers may be anything, and is carried as it is',
    steps: [
      [0, `${modern}SUB a 1\r\n${ping}`, pong],
      ...['\r\n\r\n', 'NATS/9.9\r\n\r\n', 'NATS/1.0\nA: b\n\n', '\0\0\0', 'PUB a 1\r\nx\r\n'].map(
        (block): Step => [
          0,
          `HPUB a ${block.length} ${block.length + 2}\r\n${block}hi\r\n`,
          `HMSG a 1 ${block.length} ${block.length + 2}\r\n${block}hi\r\n`,
        ],
      ),
    ],
  },
  {
    name: 'a request of HTTP is no operation, whatever it hides',
    steps: [
      [
        0,
        `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n${connect()}${ping}`,
        error('Unknown Protocol Operation'),
        'closed',
      ],
      [1, `${connect()}GET /varz HTTP/1.1\r\n\r\n${ping}`, error('Unknown Protocol Operation'), 'closed'],
      [2, 'CONNECT host:80 HTTP/1.1\r\nHost: x\r\n\r\n', '', 'closed'],
      [3, '\x16\x03\x01\x02\0\x01', error('Unknown Protocol Operation'), 'closed'],
    ],
  },
  {
    name: 'names that mean something elsewhere are names like others',
    steps: [
      [
        0,
        `${connect()}SUB __proto__ constructor\r\nSUB a\0b q\0 __proto__\r\nPUB __proto__ toString 1\r\nx\r\nPUB a\0b 0\r\n\r\n${ping}`,
        `MSG __proto__ constructor toString 1\r\nx\r\nMSG a\0b __proto__ 0\r\n\r\n${pong}`,
      ],
    ],
  },
];

interface Running extends AsyncDisposable {
  readonly port: number;
}

export function describeWireExchanges(
  engine: string,
  options: {readonly skip: boolean; readonly start: (profile: WireProfile) => Promise<Running>},
): void {
  describe.skipIf(options.skip)(`on the wire, the engine ${engine}`, () => {
    test.each(exchanges)('$name', async ({profile = 'open', steps}) => {
      await using broker = await options.start(profile);
      const clients = new Map<number, RawClient>();
      for (const [number, sends, told, end] of steps) {
        let client = clients.get(number);
        if (client === undefined) {
          client = await RawClient.connect({host: '127.0.0.1', port: broker.port});
          clients.set(number, client);
          expect(await client.read({length: 6, closed: false})).toBe('<INFO>\r\n');
        }
        if (sends !== '') client.send(sends);
        const closed = end === 'closed';
        expect(await client.read({length: told.length, closed})).toBe(told);
        expect(client.isClosed).toBe(closed);
      }
      for (const client of clients.values()) client.stream.destroy();
    });
  });
}
