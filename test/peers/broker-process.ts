/** A configured broker with a stats listener in a process of its own, made to be killed: `broker-process.ts JSON` with configuration entries. Prints the port of the listener. */
import {startConfiguredBroker} from '../support/supervised.ts';

const broker = await startConfiguredBroker(JSON.parse(process.argv[2] ?? '{}') as Record<string, string>);
process.stdout.write(`${broker.statsPort}\n`);
