import {describeRights} from './rights.ts';

describeRights('embedded', {skip: false});
