import {createStaticAuthenticator} from '../../src/broker/authentication/static.ts';
import {startTestBroker, type TestBrokerOptions} from '../support/broker.ts';
import {describeWireExchanges, type WireProfile} from './wire-exchanges.ts';

const account = 'choria';

/** The same as `wireProfiles`, in this engine's words. */
const profiles: Readonly<Record<WireProfile, TestBrokerOptions>> = {
  open: {},
  small: {limits: {controlLineBytesMax: 128, subscriptionsMax: 3}},
  rights: {
    accounts: [account],
    authenticator: createStaticAuthenticator({
      users: [
        {user: 'free', password: 'x', account},
        {
          user: 'some',
          password: 'x',
          account,
          permissions: {publish: {allow: ['out.>']}, subscribe: {allow: ['in.>'], deny: ['in.q.secret workers']}},
        },
        {
          user: 'service',
          password: 'x',
          account,
          permissions: {subscribe: {allow: ['in.>']}, allowResponses: {max: 2, expiresMs: 60_000}},
        },
      ],
    }),
  },
};

describeWireExchanges('embedded', {skip: false, start: (profile) => startTestBroker(profiles[profile])});
