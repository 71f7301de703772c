/** What signals do to a broker that runs the real nats-server. */
import {describeBrokerSignals} from '../support/broker-signals.ts';
import {findNatsServer, missingPeer} from './nats-server.ts';

describeBrokerSignals('nats-server', {
  skip: missingPeer('nats-server', 'go install github.com/nats-io/nats-server/v2@v2.15.2'),
  natsServer: findNatsServer(),
});
