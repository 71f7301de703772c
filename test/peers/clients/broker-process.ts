/**
 * An embedded broker in a process of its own, made to be killed: `broker-process.ts JSON`, an object of engine options without code
 * (`port`, `tls`: true, `credentials`: what createStaticAuthenticator takes). Prints its port when it listens.
 */
import {createStaticAuthenticator, type StaticCredentials} from '../../../src/broker/index.ts';
import {startTestBroker} from '../../support/broker.ts';

interface Description {
  readonly port?: number;
  readonly tls?: boolean;
  readonly credentials?: StaticCredentials;
}

const {port = 0, tls = false, credentials} = JSON.parse(process.argv[2] ?? '{}') as Description;
const broker = await startTestBroker({
  port,
  ...(tls ? {tls: true as const} : {}),
  ...(credentials === undefined ? {} : {authenticator: createStaticAuthenticator(credentials)}),
});
process.stdout.write(`${broker.port}\n`);
