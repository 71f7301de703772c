/** What comes through the socket, to the embedded engine as a configuration starts it. */
import {describeEngineFaults} from '../support/engine-faults.ts';

describeEngineFaults('embedded', {skip: false});
