/**
 * In CI the property tests try the same cases each time, so that a change is judged by the change; everywhere else each run tries new ones, and
 * prints the seed of what it finds.
 */
import {configureGlobal, readConfigureGlobal} from 'fast-check';

if (process.env['CI'] === 'true') configureGlobal({...readConfigureGlobal(), seed: 20_261_121});
