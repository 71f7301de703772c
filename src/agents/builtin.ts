/** The form of built-in agents; it is in `rpc`, because agents of other areas have it, too. */
export {type BuiltinForm, builtinAgent, ok} from '../rpc/index.ts';
