#!/usr/bin/env node
import {createRequire} from 'node:module';

const require = createRequire(import.meta.url);

// The commonest question of scripts needs nothing of the program.
if (process.argv.length === 3 && process.argv[2] === '--version') {
  process.stderr.write(`${require('../package.json').version}\n`);
} else {
  await require('./load.cjs').loadProgram().exports.runProgram();
}
