/** What our decision says is what the real nats-server does. */
import {describeRights} from '../conformance/rights.ts';
import {missingPeer} from './nats-server.ts';

describeRights('nats-server', {
  skip: missingPeer('nats-server', 'go install github.com/nats-io/nats-server/v2@v2.15.2'),
});
