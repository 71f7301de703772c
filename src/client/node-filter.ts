/** Tests nodes of an inventory file with the rules that nodes use themselves. */
import {compileFilter} from '../protocol/index.ts';
import type {CompileFilter} from '../discovery/index.ts';

export const compileNodeFilter: CompileFilter = compileFilter;
