/** What comes through the socket, to the real nats-server as our configuration starts it. */
import {describeEngineFaults} from '../support/engine-faults.ts';
import {missingPeer} from './nats-server.ts';

describeEngineFaults('nats-server', {
  skip: missingPeer('nats-server', 'go install github.com/nats-io/nats-server/v2@v2.15.2'),
});
