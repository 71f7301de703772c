/** The version of this program, for the command line. */
export {version} from '../lib/version.ts';
