/** The behaviour that all engines share, on the real nats-server. */
import {describeEngine} from '../conformance/engines.ts';
import {missingPeer} from './nats-server.ts';

describeEngine('nats-server', {
  skip: missingPeer('nats-server', 'go install github.com/nats-io/nats-server/v2@v2.15.2'),
});
