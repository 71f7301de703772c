/**
 * Who may connect and what each may then do, asked of a running broker: every kind of decision, a handful of subjects each. Each engine runs all of it, so
 * that what the decision says is what the engine does.
 */
import {readFileSync} from 'node:fs';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import type {RunningBroker} from '../../src/broker/index.ts';
import {type Connection, type ConnectAuth, openConnection} from '../../src/connect/index.ts';
import {parseSeed, signEd25519} from '../../src/crypto/index.ts';
import {createNodePlatform} from '../../src/lib/node-platform.ts';
import {inboxPrefix} from '../../src/protocol/index.ts';
import {testTlsMaterial} from '../support/broker.ts';
import {createOrganization, type Holder, type Organization} from '../support/organization.ts';
import {startConfiguredBroker} from '../support/supervised.ts';

const platform = createNodePlatform();
const soon = {timeoutMs: 10_000};

type BrokerKind = 'tokens' | 'tokens, servers denied' | 'certificates' | 'certificates, clients by address' | 'both';

interface Asked {
  readonly auth?: ConnectAuth;
  readonly certificate?: 'alice' | 'node1' | 'foreign';
}

interface Subjects {
  readonly yes?: readonly string[];
  readonly no?: readonly string[];
}

interface Row {
  readonly who: string;
  readonly broker: BrokerKind;
  readonly asks: (organization: Organization) => Promise<Asked>;
  /** Absent: not let in at all. */
  readonly may?: {readonly publish?: Subjects; readonly subscribe?: Subjects};
}

function proven(holder: Holder): ConnectAuth {
  const seed = parseSeed(readFileSync(holder.seedFile, 'utf8'));
  return {
    token: readFileSync(holder.tokenFile, 'utf8'),
    signNonce: (nonce) => Promise.resolve(signEd25519(seed, nonce)),
  };
}

let counter = 0;

const client =
  (permissions: Readonly<Record<string, boolean>>, claims: Readonly<Record<string, unknown>> = {}): Row['asks'] =>
  async (organization) => ({
    auth: proven(await organization.client(`up=c${(counter += 1)}`, {claims: {permissions, ...claims}})),
  });

const server =
  (claims: Readonly<Record<string, unknown>> = {}): Row['asks'] =>
  async (organization) => ({
    auth: proven(await organization.server('n1.example.net', {claims: {collectives: ['acme'], ...claims}})),
  });

const certificate =
  (name: NonNullable<Asked['certificate']>): Row['asks'] =>
  () =>
    Promise.resolve({certificate: name});

const orders = ['acme.broadcast.agent.discovery', 'acme.broadcast.service.echo', 'acme.node.n1.example.net'];

const rows: readonly Row[] = [
  {
    who: 'a client whose token permits nothing',
    broker: 'tokens',
    asks: client({}),
    may: {
      publish: {yes: ['$SYS.REQ.USER.INFO'], no: [...orders, 'acme.reply.x.y', '$JS.API.INFO']},
      subscribe: {no: ['acme.>', '>', 'choria.lifecycle.>']},
    },
  },
  {
    who: 'a client that manages the fleet',
    broker: 'tokens',
    asks: client({fleet_management: true}),
    may: {
      publish: {yes: [...orders, 'choria.federation.a.federation'], no: ['acme.reply.x.y', 'choria.lifecycle.event.x']},
      subscribe: {no: ['acme.node.n1.example.net', 'acme.reply.>', 'acme.broadcast.agent.discovery']},
    },
  },
  {
    who: 'a client whose requests are signed elsewhere',
    broker: 'tokens',
    asks: client({signed_fleet_management: true}),
    may: {publish: {yes: orders}},
  },
  {
    who: 'the administrator of the organisation',
    broker: 'tokens',
    asks: client({org_admin: true}),
    may: {publish: {yes: ['any.thing', ...orders]}, subscribe: {yes: ['>', 'acme.>']}},
  },
  {
    who: 'a client that watches',
    broker: 'tokens',
    asks: client({events_viewer: true}),
    may: {
      publish: {no: orders},
      subscribe: {
        yes: ['choria.lifecycle.event.>', 'choria.machine.watcher.>', 'choria.machine.transition'],
        no: ['choria.lifecycle.>'],
      },
    },
  },
  {
    who: 'a user of streams',
    broker: 'tokens',
    asks: client({streams_user: true}),
    may: {
      publish: {
        yes: ['$JS.API.INFO', '$JS.API.STREAM.INFO.X', '$KV.b.k', '$JS.ACK.x'],
        no: ['$JS.API.STREAM.CREATE.X', '$JS.API.STREAM.DELETE.X'],
      },
      subscribe: {yes: ['choria.republish.>'], no: ['$JS.EVENT.>']},
    },
  },
  {
    who: 'an administrator of streams',
    broker: 'tokens',
    asks: client({streams_admin: true}),
    may: {publish: {yes: ['$JS.API.STREAM.CREATE.X'], no: orders}, subscribe: {yes: ['$JS.EVENT.>']}},
  },
  {
    who: 'a voter',
    broker: 'tokens',
    asks: client({election_user: true}),
    may: {publish: {yes: ['$KV.CHORIA_LEADER_ELECTION.x'], no: ['$KV.OTHER.x']}},
  },
  {
    who: 'a user of governors',
    broker: 'tokens',
    asks: client({governor: true, streams_user: true}),
    may: {publish: {yes: ['choria.governor.x', 'choria.lifecycle.event.governor.x']}},
  },
  {
    who: 'a user of governors without streams',
    broker: 'tokens',
    asks: client({governor: true}),
    may: {publish: {no: ['choria.governor.x']}},
  },
  {
    who: 'a client with subjects of its own',
    broker: 'tokens',
    asks: client({}, {pub_subjects: ['own.pub.>'], sub_subjects: ['own.sub']}),
    may: {publish: {yes: ['own.pub.a'], no: ['own.sub']}, subscribe: {yes: ['own.sub'], no: ['own.pub.a']}},
  },
  {
    who: 'a client with rights that say nothing to brokers',
    broker: 'tokens',
    asks: client({system_user: true, service: true, authentication_delegator: true, provisioner: true}),
    may: {publish: {no: orders}},
  },

  {
    who: 'a server',
    broker: 'tokens',
    asks: server(),
    may: {
      publish: {
        yes: ['acme.reply.x.y', 'choria.lifecycle.event.x', 'acme.broadcast.agent.registration'],
        no: [...orders, 'other.reply.x', 'acme.submission.in.x'],
      },
      subscribe: {
        yes: ['acme.broadcast.agent.discovery', 'acme.node.n1.example.net'],
        no: [
          'acme.node.n2.example.net',
          'acme.broadcast.service.echo',
          'acme.>',
          'other.broadcast.agent.x',
          'acme.reply.>',
        ],
      },
    },
  },
  {
    who: 'a server of services',
    broker: 'tokens',
    asks: server({permissions: {service_host: true}}),
    may: {subscribe: {yes: ['acme.broadcast.service.echo']}},
  },
  {
    who: 'a server that submits',
    broker: 'tokens',
    asks: server({permissions: {submission: true}}),
    may: {publish: {yes: ['acme.submission.in.x']}},
  },
  {
    who: 'a server with streams',
    broker: 'tokens',
    asks: server({permissions: {streams: true, governor: true}}),
    may: {publish: {yes: ['$JS.API.STREAM.INFO.X', 'acme.governor.x'], no: ['$JS.API.STREAM.CREATE.X']}},
  },
  {
    who: 'a server with subjects of its own',
    broker: 'tokens',
    asks: server({pub_subjects: ['own.>']}),
    may: {publish: {yes: ['own.a']}},
  },
  {
    who: 'a server of no collective',
    broker: 'tokens',
    asks: server({collectives: []}),
    may: {publish: {no: ['acme.reply.x.y', 'choria.lifecycle.event.x']}, subscribe: {no: ['acme.node.n1.example.net']}},
  },
  {
    who: 'a server where servers are denied',
    broker: 'tokens, servers denied',
    asks: server(),
    may: {publish: {no: ['acme.reply.x.y']}, subscribe: {no: ['acme.node.n1.example.net']}},
  },

  {who: 'somebody without token or certificate', broker: 'tokens', asks: () => Promise.resolve({})},
  {
    who: 'a token without a signed nonce',
    broker: 'tokens',
    asks: async (organization) => ({
      auth: {token: readFileSync((await organization.client('up=x')).tokenFile, 'utf8')},
    }),
  },
  {
    who: 'a token with the nonce signed by somebody else',
    broker: 'tokens',
    asks: async (organization) => {
      const [bob, eve] = [await organization.client('up=bob'), await organization.client('up=eve')];
      return {auth: {...proven(eve), token: readFileSync(bob.tokenFile, 'utf8')}};
    },
  },
  {
    who: 'a token of another issuer',
    broker: 'tokens',
    asks: async () => {
      using other = createOrganization();
      return {auth: proven(await other.client('up=bob'))};
    },
  },
  {who: 'a token of an unknown organisation', broker: 'tokens', asks: client({}, {ou: 'elsewhere'})},
  {who: 'a token without a name', broker: 'tokens', asks: client({}, {callerid: ''})},
  {
    who: 'a token that has ended',
    broker: 'tokens',
    asks: async (organization) => {
      const holder = await organization.client('up=late', {nowMs: Date.now() - 7_200_000, validityMs: 3_600_000});
      return {auth: proven(holder)};
    },
  },

  {
    who: 'the provisioner',
    broker: 'tokens',
    asks: async (organization) => ({
      auth: {
        ...proven(await organization.client('up=provisioner', {claims: {permissions: {provisioner: true}}})),
        user: 'provisioner',
        password: 'p1',
      },
    }),
    may: {publish: {yes: ['provisioning.node.vm1', ...orders]}, subscribe: {yes: ['provisioning.>']}},
  },
  {
    who: 'a provisioner with a wrong password',
    broker: 'tokens',
    asks: async (organization) => ({
      auth: {
        ...proven(await organization.client('up=provisioner', {claims: {permissions: {provisioner: true}}})),
        user: 'provisioner',
        password: 'p2',
      },
    }),
  },
  {
    who: 'a provisioner whose token does not permit it',
    broker: 'tokens',
    asks: async (organization) => ({
      auth: {
        ...proven(await organization.client('up=guest', {claims: {permissions: {}}})),
        user: 'provisioner',
        password: 'p1',
      },
    }),
  },
  {
    who: 'a node that waits to be provisioned',
    broker: 'tokens',
    asks: async (organization) => ({auth: {token: await provisioningToken(organization)}}),
    may: {
      publish: {
        yes: ['choria.lifecycle.event.x', 'provisioning.reply.x'],
        no: ['provisioning.node.vm2', 'acme.reply.x'],
      },
      subscribe: {
        yes: ['provisioning.node.vm1', 'provisioning.broadcast.agent.choria_provision'],
        no: ['provisioning.>', 'provisioning.broadcast.agent.shell'],
      },
    },
  },
  {
    who: 'a node whose provisioning token somebody else signed',
    broker: 'tokens',
    asks: async () => {
      using other = createOrganization();
      return {auth: {token: await provisioningToken(other)}};
    },
  },

  {
    who: 'the system user with a token that permits it',
    broker: 'tokens',
    asks: async (organization) => ({
      auth: {
        ...proven(await organization.client('up=sys', {claims: {permissions: {system_user: true}}})),
        user: 'system',
        password: 's1',
      },
    }),
    may: {subscribe: {yes: ['$SYS.ACCOUNT.>']}},
  },
  {
    who: 'the system user with a token that does not',
    broker: 'tokens',
    asks: async (organization) => ({
      auth: {
        ...proven(await organization.client('up=guest2', {claims: {permissions: {}}})),
        user: 'system',
        password: 's1',
      },
    }),
  },
  {
    who: 'the system user with a wrong password',
    broker: 'tokens',
    asks: async (organization) => ({
      auth: {
        ...proven(await organization.client('up=sys', {claims: {permissions: {system_user: true}}})),
        user: 'system',
        password: 's2',
      },
    }),
  },

  {
    who: 'a caller by certificate',
    broker: 'certificates',
    asks: certificate('alice'),
    may: {publish: {yes: ['any.thing', ...orders]}, subscribe: {yes: ['acme.reply.>']}},
  },
  {
    who: 'a node by certificate',
    broker: 'certificates',
    asks: certificate('node1'),
    may: {
      publish: {yes: ['acme.reply.x.y', 'choria.lifecycle.event.x'], no: orders},
      subscribe: {
        yes: ['acme.node.node1.example.net', 'acme.broadcast.agent.discovery'],
        no: ['acme.node.node2.example.net', 'acme.>', 'acme.reply.>'],
      },
    },
  },
  {who: 'a certificate of another authority', broker: 'certificates', asks: certificate('foreign')},
  {who: 'nobody, where certificates count', broker: 'certificates', asks: () => Promise.resolve({})},
  {
    who: 'the system user by certificate',
    broker: 'certificates',
    asks: () => Promise.resolve({certificate: 'alice', auth: {user: 'system', password: 's1'}}),
    may: {subscribe: {yes: ['$SYS.ACCOUNT.>']}},
  },
  {
    who: 'a node at a client’s address',
    broker: 'certificates, clients by address',
    asks: certificate('node1'),
    may: {publish: {yes: orders}},
  },

  {
    who: 'a certificate beside tokens',
    broker: 'both',
    asks: certificate('alice'),
    may: {
      publish: {yes: ['any.thing'], no: [...orders, 'choria.lifecycle.event.x']},
      subscribe: {yes: ['any.thing'], no: ['acme.reply.x.y', 'acme.node.n1.example.net']},
    },
  },
  {
    who: 'a token beside certificates',
    broker: 'both',
    asks: client({fleet_management: true}),
    may: {publish: {yes: orders}},
  },
  {
    who: 'a bad certificate with a good token',
    broker: 'both',
    asks: async (organization) => ({certificate: 'foreign', auth: proven(await organization.client('up=bob'))}),
  },
];

async function provisioningToken(organization: Organization): Promise<string> {
  return organization.provisioning({cht: 's3cret', chu: 'nats://127.0.0.1:4222'});
}

function entriesOf(kind: BrokerKind, organization: Organization, holder: Holder): Readonly<Record<string, string>> {
  const system = {'plugin.choria.network.system.user': 'system', 'plugin.choria.network.system.password': 's1'};
  switch (kind) {
    case 'certificates':
      return system;
    case 'certificates, clients by address':
      return {'plugin.choria.network.client_hosts': '127.0.0.0/8'};
    case 'tokens':
    case 'tokens, servers denied':
    case 'both':
      return {
        ...system,
        ...organization.brokerEntries(holder),
        'plugin.choria.network.provisioning.client_password': 'p1',
        ...(kind === 'both' ? {'plugin.choria.network.certificates_beside_tokens': 'true'} : {}),
        ...(kind === 'tokens, servers denied' ? {'plugin.choria.network.deny_server_connections': 'true'} : {}),
      };
  }
}

async function openAs(broker: RunningBroker, asked: Asked, errors: string[]): Promise<Connection> {
  return openConnection({
    platform,
    name: 'rights',
    servers: [`tls://127.0.0.1:${broker.port}`],
    tls: {material: asked.certificate === undefined ? {} : testTlsMaterial(asked.certificate), verify: false},
    inboxPrefix: inboxPrefix('acme', 'rights'),
    attemptsMax: 1,
    ...(asked.auth === undefined ? {} : {auth: asked.auth}),
    events: {error: (error) => void errors.push(error.message)},
  });
}

/** The subjects that the broker complained about. */
async function complaints(
  connection: Connection,
  errors: string[],
  may: NonNullable<Row['may']>,
): Promise<readonly string[]> {
  for (const subject of [...(may.publish?.yes ?? []), ...(may.publish?.no ?? [])])
    connection.publish(subject, Buffer.alloc(0));
  for (const subject of [...(may.subscribe?.yes ?? []), ...(may.subscribe?.no ?? [])])
    connection.subscribe(subject, () => {});
  await connection.flush(soon);
  return errors
    .map((text) => /Permissions Violation for (Publish|Subscription) to "([^"]+)"/i.exec(text))
    .map((match) => (match === null ? 'something else' : `${match[1]?.toLowerCase().slice(0, 3)} ${match[2]}`))
    .sort();
}

/** @param options.skip  why the engine cannot run here */
export function describeRights(engine: 'embedded' | 'nats-server', options: {readonly skip: boolean}): void {
  describe.skipIf(options.skip)(`rights on the engine ${engine}`, () => {
    let organization: Organization;
    const brokers = new Map<BrokerKind, RunningBroker>();

    beforeAll(async () => {
      organization = createOrganization();
      const holder = await organization.server('broker.example.net');
      for (const kind of new Set(rows.map((row) => row.broker))) {
        const entries = entriesOf(kind, organization, holder);
        brokers.set(kind, await startConfiguredBroker({'plugin.choria.network.engine': engine, ...entries}));
      }
    });

    afterAll(async () => {
      await Promise.all([...brokers.values()].map((broker) => broker.stop()));
      organization[Symbol.dispose]();
    });

    test.each(rows)('$who, at a broker of $broker', async ({broker: kind, asks, may}) => {
      const broker = brokers.get(kind);
      if (broker === undefined) throw new Error(`there is no broker of ${kind}`);
      const errors: string[] = [];
      const opening = openAs(broker, await asks(organization), errors);
      if (may === undefined) {
        await expect(opening).rejects.toThrow();
        return;
      }
      await using connection = await opening;
      const refused = [
        ...(may.publish?.no ?? []).map((subject) => `pub ${subject}`),
        ...(may.subscribe?.no ?? []).map((subject) => `sub ${subject}`),
      ];
      expect(await complaints(connection, errors, may)).toEqual(refused.sort());
    });
  });
}
