import {describeEngine} from './engines.ts';

describeEngine('embedded', {skip: false});
