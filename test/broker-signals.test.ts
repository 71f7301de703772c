/** A broker that operators run, as a process of its own. */
import {describeBrokerSignals} from './support/broker-signals.ts';

describeBrokerSignals('embedded', {skip: false});
