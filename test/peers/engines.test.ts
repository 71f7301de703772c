/** The behaviour that all engines share, on the real nats-server. */
import {describeEngine} from '../conformance/engines.ts';
import {describeWireExchanges, wireProfiles} from '../conformance/wire-exchanges.ts';
import {missingPeer, startNatsServer} from './nats-server.ts';

const skip = missingPeer('nats-server', 'go install github.com/nats-io/nats-server/v2@v2.15.2');

describeEngine('nats-server', {skip});
describeWireExchanges('nats-server', {skip, start: (profile) => startNatsServer({config: wireProfiles[profile]})});
