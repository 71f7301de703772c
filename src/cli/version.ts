/** The version that the command line shows. */
export {version} from '../lib/version.ts';
