#!/usr/bin/env node
import {runProgram} from '../dist/bin/program.js';

await runProgram();
